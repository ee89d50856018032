"""Where an account may look: codes of divisions, communities and grids in, the shortest set of prefixes and its key out; pure.

The codes of the ground are a tree: a community begins with its street's digits, a grid with its community's. So a
territory is a set of prefixes; the empty prefix is everywhere, and no prefix at all is nowhere.
"""

from collections.abc import Iterable

from gridsvc.core.errors import Invalid

EVERYWHERE = "everywhere"
"""How people write the whole of the ground."""
ALL = ("",)
WHOLE = "all"
"""The key of everywhere."""
MOST_CODES = 200
LENGTHS = (2, 4, 6, 9, 12, 15)
"""Digits of a province, city, county, street, community and grid."""


def prefix_of(code: str) -> str:
    """Give the prefix of all that lies in a division, community or grid; raises Invalid for what is no code.

    A division is written with twelve digits (320102000000) or without its zeros (320102).
    """
    if code == EVERYWHERE:
        return ""
    if not (code.isascii() and code.isdecimal() and len(code) in LENGTHS):
        raise Invalid(
            f"{code[:40]!r} is no territory: name {EVERYWHERE}, a division, a community (12 digits) or a grid (15)."
        )
    for length, shorter in ((12, 9), (9, 6), (6, 4), (4, 2)):
        if len(code) == length and not code[shorter:].strip("0"):
            code = code[:shorter]
    return code


def prefixes_of(codes: Iterable[str]) -> tuple[str, ...]:
    """Give the shortest sorted set of prefixes that covers all the codes; raises Invalid for too many, or what is none."""
    shortest = _shortest(prefix_of(code) for code in codes)
    if len(shortest) > MOST_CODES:
        raise Invalid(f"A territory has at most {MOST_CODES} codes; name the community or street that holds them.")
    return shortest


def narrowed(territory: Iterable[str], by: Iterable[str] | None) -> tuple[str, ...]:
    """Give what lies in both of two sets of prefixes; None narrows nothing."""
    mine = _shortest(territory)
    if by is None:
        return mine
    theirs = tuple(by)
    within = [one for one in mine if one.startswith(theirs)] + [one for one in theirs if one.startswith(mine)]
    return _shortest(within)


def covers(territory: tuple[str, ...], other: Iterable[str]) -> bool:
    """Tell whether all of another set of prefixes lies within a territory."""
    return all(one.startswith(territory) for one in other)


def key_of(territory: tuple[str, ...]) -> str:
    """Name a territory, the same for the same ground: everywhere is `all`, nowhere the empty text."""
    return WHOLE if "" in territory else ",".join(territory)


def shown(territory: Iterable[str]) -> list[str]:
    """Write prefixes as people read them."""
    return [one or EVERYWHERE for one in territory]


def _shortest(prefixes: Iterable[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for one in sorted(set(prefixes)):
        # Sorted, a prefix comes right before all that it covers.
        if not (kept and one.startswith(kept[-1])):
            kept.append(one)
    return tuple(kept)
