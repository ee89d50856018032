"""Which passwords will do, and which key seals what."""

import base64
from pathlib import Path

import pytest

from gridsvc.access.proof.passwords import check_password, is_common
from gridsvc.access.proof.profiles import PROFILES
from gridsvc.core.errors import Invalid, Unavailable
from gridsvc.core.sealing import KEY_FILE, read_key
from gridsvc.core.settings import Settings

ASVS, DENGBAO = PROFILES["asvs"], PROFILES["dengbao3"]


@pytest.mark.parametrize("password", ["a long enough sentence", "秋天的银杏叶落满了整条街", "kX9-wQ2-pL7-zz"])
def test_a_long_uncommon_password_will_do_whatever_its_characters(password: str) -> None:
    check_password(password, "planner", ASVS)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least 12"),
        ("x" * 1001, "at most 1000"),
        ("password1234", "most common"),
        ("Password1234!", "most common"),
        ("qwertyuiop123", "most common"),
        ("网格1234567890", "most common"),
        ("my-planner-password", "hold the user name"),
        ("abababababab", "more than a few"),
    ],
)
def test_a_weak_password_is_refused_with_its_reason(password: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        check_password(password, "planner", ASVS)


def test_dengbao3_asks_for_three_kinds_of_characters() -> None:
    with pytest.raises(Invalid, match="needs 3 of"):
        check_password("a long enough sentence", "planner", DENGBAO)
    check_password("A long enough sentence", "planner", DENGBAO)


def test_common_passwords_are_common_in_any_case_and_width() -> None:
    assert is_common("ＩＬＯＶＥＹＯＵ")
    assert not is_common("ginkgo-leaves-on-the-road")


def test_the_home_s_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    chosen = Settings(home=tmp_path, secret_key=None)
    key = read_key(chosen)
    assert len(key) == 32
    assert read_key(chosen) == key
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


@pytest.mark.parametrize("key", ["", "abc", base64.b64encode(b"x" * 31).decode()])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(Unavailable, match="32 random bytes"):
        read_key(Settings(secret_key=key))
