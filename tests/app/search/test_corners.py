"""Where a question may be cut into two names of streets."""

import pytest

from gridsvc.app.search.corners import pairs_of


@pytest.mark.parametrize(
    ("question", "pair"),
    [
        ("中山路与汉中路", ("中山路", "汉中路")),
        ("中山路/汉中路", ("中山路", "汉中路")),
        ("中山路 & 汉中路交叉口", ("中山路", "汉中路")),
        ("中山路和汉中路路口", ("中山路", "汉中路")),
        ("中山路与汉中路口", ("中山路", "汉中路")),
        ("Zhongshan Road & Hanzhong Road", ("Zhongshan Road", "Hanzhong Road")),
        ("Zhongshan Road and Hanzhong Road corner", ("Zhongshan Road", "Hanzhong Road")),
        ("中山路 汉中路路口", ("中山路", "汉中路")),
    ],
)
def test_two_streets_are_read_out_of_a_question(question: str, pair: tuple[str, str]) -> None:
    pairs = pairs_of(question)
    assert (pairs.lefts[0], pairs.rights[0]) == pair


def test_a_word_that_is_also_part_of_a_name_is_tried_at_every_place() -> None:
    pairs = pairs_of("永和路和中山路")
    assert ("永和路", "中山路") in zip(pairs.lefts, pairs.rights, strict=True)


def test_only_a_space_demands_the_exact_names() -> None:
    assert pairs_of("中山路 汉中路").strictly
    assert not pairs_of("中山路与汉中路").strictly


@pytest.mark.parametrize("question", ["新街口", "和平路", "", "/", "与", "a/b", "   ", "与" * 200])
def test_what_names_no_two_streets_is_no_corner(question: str) -> None:
    pairs = pairs_of(question)
    assert len(pairs.lefts) == len(pairs.rights) <= 8
    assert all(len(name) >= 2 for name in (*pairs.lefts, *pairs.rights))
    if len(question) < 20:
        assert pairs.lefts == []
