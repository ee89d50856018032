"""Every attack of the table is tried against the whole service, and gets nothing."""

import pytest

from tests.access.attacks import bodies, reach, sessions, tokens
from tests.access.attacks.attacker import ATTACKS, Attacker

MODULES = (sessions, tokens, reach, bodies)
FEWEST = 60


def test_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= FEWEST
    assert {one.__module__ for one in ATTACKS.values()} == {module.__name__ for module in MODULES}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gets_nothing(name: str, attacker: Attacker) -> None:
    ATTACKS[name](attacker)
