"""The table of the ASVS (asvs.md) holds together: each number once, in the standard's form, and every test it names is there."""

import re
from pathlib import Path

import pytest

from tests.access.attacks.attacker import ATTACKS
from tests.access.attacks.test_attacks import MODULES

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| (.+?) \| (.+?) \| (.*) \|$", re.MULTILINE)
STATES = {"met", "likely", "not shown", "not applicable", "the office's own"}
LEVELS = {"1": 70, "2": 183}
"""So many requirements of these levels the standard has."""

assert MODULES  # which put their attacks into the table as they are loaded

TABLE = Path(__file__).with_name("asvs.md").read_text(encoding="utf-8")
ROWS: list[tuple[str, ...]] = ROW.findall(TABLE)


def test_every_requirement_of_both_levels_stands_once() -> None:
    assert len(ROWS) == len([line for line in TABLE.splitlines() if re.match(r"\| \d", line)])
    assert len({number for number, *_ in ROWS}) == len(ROWS)
    assert {level: sum(row[1] == level for row in ROWS) for level in LEVELS} == LEVELS
    assert {row[4] for row in ROWS} <= STATES


def test_what_is_met_names_what_shows_it_and_the_rest_does_not() -> None:
    for number, _, _, how, state, shown in ROWS:
        assert bool(shown) == (state in ("met", "likely")), number
        assert how, number


@pytest.mark.parametrize("number", [row[0] for row in ROWS if row[5]])
def test_every_test_that_is_named_is_there(number: str) -> None:
    (shown,) = [row[5] for row in ROWS if row[0] == number]
    for name in re.findall(r"`(.+?)`(?=<br>|$)", shown):
        if name.startswith("attack: "):
            assert name.removeprefix("attack: ") in ATTACKS
        else:
            path, _, test = name.partition("::")
            assert re.search(rf"^def {re.escape(test)}\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), (
                name
            )
