"""How big a filter may be: a text or a depth in, a sentence when it is too much."""

from gridsvc.core.errors import Invalid

MOST_CHARACTERS = 16_000
"""A polygon of 700 vertices fits; reading that much takes a few milliseconds."""
DEEPEST = 32
"""Levels of parentheses, functions and operators inside one another."""
DEEPEST_TREE = 3 * DEEPEST
"""The same in the tree: a pair of parentheses may hold an OR of ANDs of a comparison."""
MOST_CONDITIONS = 500
"""Comparisons and functions in one filter; a list of values counts as one."""


def check_length(text: str) -> None:
    """Refuse a filter that is too long, before anything else looks at it."""
    if len(text) > MOST_CHARACTERS:
        raise Invalid(f"The filter has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read.")
    if "\x00" in text:
        raise Invalid("The filter holds a NUL character, which no text has.")


def check_depth(depth: int, deepest: int = DEEPEST) -> None:
    """Refuse what is nested deeper than anybody writes by hand."""
    if depth > deepest:
        raise Invalid(f"The filter is nested more than {DEEPEST} levels deep.")


def check_count(conditions: int) -> None:
    """Refuse more conditions than the planner of the database digests in a moment."""
    if conditions > MOST_CONDITIONS:
        raise Invalid(f"The filter has more than {MOST_CONDITIONS} conditions.")
