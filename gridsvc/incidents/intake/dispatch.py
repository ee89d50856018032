"""Where a report lies and who is there in, who has it first and why out; pure, and never a refusal."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ground:
    """What is known of the place of a report: its owner, by which rule, and who answers for it."""

    community: str | None
    grid: str | None
    rule: str
    responsible: str | None
    department: str
    ambiguous: bool = False


@dataclass(frozen=True)
class Chosen:
    """Who has it first: a queue, or the responsible worker's grid with the department that mends; and why."""

    queue: str | None
    responsible: str | None
    department: str
    because: str


RULES: tuple[tuple[str, Callable[[Ground], bool]], ...] = (
    ("outside every community: the fallback queue", lambda ground: ground.community is None),
    ("in no grid of its community: the department of the condition", lambda ground: ground.grid is None),
    ("nobody answers for the grid: the department of the condition", lambda ground: ground.responsible is None),
    ("in reach of another grid, but here: the responsible worker of the grid", lambda ground: ground.ambiguous),
    ("in the grid: its responsible worker", lambda _: True),
)
"""The reasons in order; the first that holds is written down."""


def choose(ground: Ground, fallback_queue: str) -> Chosen:
    """Choose who has a report first. Wherever it lies, somebody has it."""
    because = next(reason for reason, holds in RULES if holds(ground))
    queue = fallback_queue if ground.community is None else None
    return Chosen(queue, ground.responsible, ground.department, because)


def reasons(
    ground: Ground, chosen: Chosen, duplicates: list[dict[str, Any]], *, reporter_is_here: bool
) -> dict[str, Any]:
    """Write down why, as it is kept with the incident."""
    why: dict[str, Any] = {
        "rule": ground.rule,
        "queue": chosen.queue,
        "responsible": chosen.responsible,
        "department": chosen.department,
        "because": chosen.because,
        "ambiguous": ground.ambiguous,
    }
    if not reporter_is_here:
        why["routed"] = "the reporter has no post on this grid: it went to who has"
    if duplicates:
        why["duplicates"] = [one["number"] for one in duplicates]
    return why
