"""Where things go: short enough paths, passable doors, nobody else's folders, a locale with Chinese letters."""

from pathlib import Path

import pytest

from gridsvc.core.cluster.account import Account, barrier
from gridsvc.core.cluster.data import best_locale
from gridsvc.core.cluster.faults import last_lines, refuse_start, told_in_sentences
from gridsvc.core.cluster.place import short_enough
from gridsvc.core.errors import Unavailable

NOBODY = Account("nobody", 65534, 65534)


def test_the_socket_goes_where_the_kernel_can_name_it() -> None:
    long, comma, short = Path("/" + "x" * 100), Path("/a,b"), Path("/tmp/gridsvc-1")  # noqa: S108
    assert short_enough([long, comma, short]) == short
    with pytest.raises(Unavailable, match="use a shorter --home"):
        short_enough([long])


def test_bytes_count_in_a_socket_path_not_characters() -> None:
    with pytest.raises(Unavailable):
        short_enough([Path("/" + "网" * 40)])


def test_the_first_closed_door_is_found(home: Path, closed_home: Path) -> None:
    for folder in (home, closed_home):
        folder.mkdir()
    assert barrier(home, NOBODY) is None
    assert barrier(closed_home, NOBODY) == closed_home.parent
    assert barrier(closed_home, None) is None


@pytest.mark.parametrize(
    ("available", "chosen"),
    [
        (["C", "C.utf8", "POSIX", "zh_CN.utf8"], "C.UTF-8"),
        (["C", "POSIX", "en_US.utf8", "zh_CN.utf8"], "en_US.utf8"),
        (["C", "de_DE.UTF-8"], "de_DE.UTF-8"),
        ([], "C.UTF-8"),
    ],
)
def test_a_locale_that_knows_chinese_letters_is_chosen(available: list[str], chosen: str) -> None:
    assert best_locale(available) == chosen


def test_a_machine_without_such_a_locale_is_told_how_to_get_one() -> None:
    with pytest.raises(Unavailable, match="apt-get install locales"):
        best_locale(["C", "POSIX"])


@pytest.mark.parametrize(
    ("number", "mend"),
    [(28, "the disk is full: free some space"), (30, "mounted read-only"), (13, "the permission is missing: run as")],
)
def test_errors_of_the_file_system_become_sentences(tmp_path: Path, number: int, mend: str) -> None:
    with pytest.raises(Unavailable, match=mend), told_in_sentences(tmp_path):
        raise OSError(number, "told by the system")


def test_the_last_words_of_a_server_choose_the_mend(tmp_path: Path) -> None:
    log = tmp_path / "startup.log"
    log.write_text("one\n\ntwo\nFATAL:  could not write: No space left on device\n", encoding="utf-8")
    lines = last_lines(log, tmp_path / "missing.log", count=2)
    assert lines == ["two", "FATAL:  could not write: No space left on device"]
    assert "free some space on that disk" in str(refuse_start("It failed", lines, log))
