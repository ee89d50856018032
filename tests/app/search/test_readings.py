"""The command for an office's own readings: what it takes, what it refuses, and that search follows."""

import pytest
from typer.testing import CliRunner

from gridsvc.app.cli import cli
from gridsvc.app.search.readings import readings_of, word_of
from gridsvc.core.errors import Invalid
from gridsvc.core.settings import settings
from tests.app.search.test_search import change, find
from tests.conftest import Service


def pinyin(service: Service, *words: str) -> tuple[int, str]:
    settings.cache_clear()
    url = service.engine.url.render_as_string(hide_password=False)
    done = CliRunner().invoke(cli, ["pinyin", *words], env={"GRIDSVC_DATABASE_URL": url})
    settings.cache_clear()
    return done.exit_code, done.output


def test_search_follows_the_command_at_once(service: Service) -> None:
    change(service, "update building set name = '六合大楼' where code = 'b1'")
    assert all(one["match"] == "similar" for one in find(service, q="luhedalou"))
    code, said = pinyin(service, "add", "六合", "lù hé")
    assert (code, "1 names hold it" in said) == (0, True), said
    assert [(one["code"], one["match"]) for one in find(service, q="luhedalou")] == [("b1", "exact")]
    assert find(service, q="lhdl")[0]["code"] == "b1"
    assert pinyin(service, "list") == (0, "六合\tlu he\n")
    # Said again, it replaces what was said.
    assert pinyin(service, "add", "六合", "lu ge, liu he")[0] == 0
    assert pinyin(service, "list") == (0, "六合\tlu ge, liu he\n")
    assert all(one["match"] == "similar" for one in find(service, q="luhedalou"))
    assert find(service, q="liuhedalou")[0]["match"] == "exact"
    assert pinyin(service, "remove", "六合")[0] == 0
    assert all(one["match"] == "similar" for one in find(service, q="lugedalou"))
    assert find(service, q="liuhedalou")[0]["match"] == "exact"
    code, said = pinyin(service, "remove", "六合")
    assert (code, "no own reading of 六合" in said) == (1, True)
    assert pinyin(service, "list") == (0, "")


def test_one_character_is_read_so_in_every_name(service: Service) -> None:
    change(service, "update building set name = '尉氏楼' where code = 'b1'")
    assert pinyin(service, "add", "尉", "yu")[0] == 0
    assert find(service, q="yushilou")[0]["code"] == "b1"


@pytest.mark.parametrize(
    ("word", "reading", "why"),
    [
        ("六合", "luhe", "2 syllables"),
        ("六合", "lu he ma", "2 syllables"),
        ("六合", "", "2 syllables"),
        ("六合", "lu4 he2", "2 syllables"),
        ("六", "a,b,c,d,e", "at most 4"),
        ("abc", "a b c", "Chinese characters"),
        ("", "a", "Chinese characters"),
        ("一二三四五六七八九", "a b c d e f g h i", "Chinese characters"),
        ("六'; --", "lu", "Chinese characters"),
    ],
)
def test_what_is_no_word_or_does_not_fit_it_is_refused(word: str, reading: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        readings_of(word_of(word), reading)


def test_a_sound_that_keyboards_lack_is_found_both_ways() -> None:
    assert readings_of("绿", "lǜ") == readings_of("绿", "lv") == ["lv", "lu"]
    assert readings_of("六合", "Lù  Hé，liu he") == ["lu he", "liu he"]
