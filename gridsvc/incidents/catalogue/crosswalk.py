"""The classes of two versions of a catalogue in, which of the one is which of the other out; by name, and pure.

Numbers cannot say it: a new standard gives old numbers to other things, and cities swap classes of the old one.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Named:
    """A class: its key (`asset:01037`), kind and name."""

    key: str
    kind: str
    name: str


@dataclass(frozen=True)
class Match:
    """A class and the ones of the other version with its kind and name; it is `to` one only where there is just one."""

    of: Named
    candidates: tuple[str, ...]

    @property
    def to(self) -> str | None:
        """Give the one class it is, or None for a person to decide."""
        return self.candidates[0] if len(self.candidates) == 1 else None


def crosswalk(old: Iterable[Named], new: Iterable[Named]) -> list[Match]:
    """Find for every class of one version those of another with the same kind and name."""
    named: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in new:
        named[one.kind, plain(one.name)].append(one.key)
    return [Match(one, tuple(sorted(named[one.kind, plain(one.name)]))) for one in old]


def plain(name: str) -> str:
    """Write a name without what says nothing: full-width forms, spaces, case and brackets with what is in them."""
    text = unicodedata.normalize("NFKC", name).casefold()
    kept, depth = [], 0
    for letter in text:
        depth += letter == "("
        if not depth and not letter.isspace():
            kept.append(letter)
        depth -= letter == ")" and depth > 0
    return "".join(kept)
