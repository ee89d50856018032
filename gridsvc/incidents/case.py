"""The log of an incident in, what it says of the incident now out; pure: the state is nothing but its log, read in order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any, Literal

from gridsvc.incidents.clocks import Due, Limit, Span, WorkCalendar, due

Status = Literal[
    "reported",
    "verifying",
    "filed",
    "dispatched",
    "handling",
    "suspended",
    "feedback",
    "checking",
    "closed",
    "rejected",
    "merged",
]
Asked = Literal["suspend", "extend", "appeal"]

ENDED: frozenset[Status] = frozenset({"closed", "rejected", "merged"})
"""Where the total clock has stopped, and nothing is open any more."""


@dataclass(frozen=True)
class Actor:
    """Who acts: the user name, the role, and the worker or the department they are, where they are one."""

    name: str
    role: str
    worker: str | None = None
    department: str | None = None


@dataclass(frozen=True)
class Step:
    """One line of the log: what was done, by whom, when, and what was said with it; never changed once written.

    `code` is why it is sent back (`reasons.RETURNS`). `queue` is where a report outside every community waits. `to` is a department, `worker:` and a staff number, or the number of another incident; `count` the units that an
    extension asks for; `passed` the finding of a check; `evidence` are SHA-256 of photos.
    """

    action: str
    actor: Actor
    at: datetime
    reason: str | None = None
    note: str | None = None
    to: str | None = None
    evidence: tuple[str, ...] = ()
    count: int | None = None
    passed: bool | None = None
    queue: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Request:
    """What was asked for and waits for somebody else's approval."""

    kind: Asked
    by: str
    at: datetime
    count: int = 0


@dataclass(frozen=True)
class Case:
    """What the log says of an incident.

    `limit` is that of its condition; `extra` are units that extensions have added, `pauses` the suspensions that are
    over, `paused_since` the one that is not. `asks` are the photos its condition asks for (before, after), `shown` all that
    its log names, and `proof` those of the last mending that were new then. `fixers` are all who ever had a hand in the mending: none of them closes it.
    """

    status: Status
    reported_at: datetime
    stage_since: datetime
    limit: Limit
    department: str | None = None
    assignee: str | None = None
    queue: str | None = None
    extra: Fraction = Fraction(0)
    extensions: int = 0
    suspensions: int = 0
    pauses: tuple[Span, ...] = ()
    paused_since: datetime | None = None
    returns: int = 0
    reworks: int = 0
    reopened: int = 0
    self_handled: bool = False
    found: bool | None = None
    passed: bool | None = None
    fixers: frozenset[str] = frozenset()
    request: Request | None = None
    closed_at: datetime | None = None
    merged_into: str | None = None
    before_merge: "Case | None" = None
    parent: str | None = None
    excluded: bool = False
    grade: int | None = None
    asks: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    proof: frozenset[str] = frozenset()

    @property
    def total(self) -> Limit:
        """Give the limit of the total clock, with what extensions have added."""
        return Limit(self.limit.count + self.extra, self.limit.unit)

    def due(self, calendar: WorkCalendar) -> Due | None:
        """Find when the total clock runs out; None while it rests, because nobody knows for how long."""
        if self.paused_since is not None:
            return None
        return due(self.reported_at, self.total, calendar, self.pauses)

    def overdue(self, now: datetime, calendar: WorkCalendar) -> bool:
        """Tell whether the total clock had run out when the case ended, or has now; an appeal does not change that."""
        if self.paused_since is not None:
            return due(self.reported_at, self.total, calendar, self.pauses).at < self.paused_since
        ends = self.due(calendar)
        return ends is not None and ends.at < (self.closed_at or now)


def rebuild(opened: Case, log: Iterable[Step]) -> Case:
    """Read a whole log in order, from the case as it was reported."""
    case = opened
    for step in log:
        case = apply(case, step)
    return case


def apply(case: Case, step: Step) -> Case:
    """Read one line of the log. What may be done at all is decided before it is written (`workflow.decide`)."""
    if step.action == "unmerge":
        # As it was, clocks and all: nothing that happened while it was merged is its own.
        return case.before_merge or case
    changes = CHANGES[step.action](case, step)
    if "status" in changes:
        changes["stage_since"] = step.at
    if step.evidence:
        changes["shown"] = case.shown | frozenset(step.evidence)
    return replace(case, **changes)


def _asks(kind: Asked) -> "Reading":
    return lambda _, step: {"request": Request(kind, step.actor.name, step.at, step.count or 0)}


def _approved(case: Case, step: Step) -> dict[str, Any]:
    granted: dict[str, Any] = {"request": None}
    match case.request:
        case Request(kind="extend", count=count):
            granted |= {"extra": case.extra + count, "extensions": case.extensions + 1}
        case Request(kind="suspend"):
            granted |= {"status": "suspended", "paused_since": step.at, "suspensions": case.suspensions + 1}
        case Request(kind="appeal"):
            granted |= {"excluded": True}
    return granted


def _mended(case: Case, step: Step) -> dict[str, Any]:
    proof = frozenset(step.evidence) - case.shown
    return {"status": "feedback", "fixers": case.fixers | {step.actor.name}, "passed": None, "proof": proof}


def _resumed(case: Case, step: Step) -> dict[str, Any]:
    since = case.paused_since or step.at
    return {"status": "handling", "pauses": (*case.pauses, (since, step.at)), "paused_since": None}


def _reopened(case: Case, _: Step) -> dict[str, Any]:
    again = {"status": "filed", "closed_at": None, "grade": None, "passed": None, "request": None}
    return again | {"reopened": case.reopened + 1}


def _worker(step: Step) -> str | None:
    return step.to.removeprefix("worker:") if step.to and step.to.startswith("worker:") else None


def _department(case: Case, step: Step) -> str | None:
    return step.to if step.to and not step.to.startswith("worker:") else case.department


Reading = Callable[[Case, Step], dict[str, Any]]


def _imported(_: Case, step: Step) -> dict[str, Any]:
    ended = step.to in ENDED
    return {"status": step.to, "closed_at": step.at if ended else None}


CHANGES: dict[str, Reading] = {
    "report": lambda _, step: {"status": "reported", "department": step.to, "queue": step.queue},
    "imported": _imported,
    "verify": lambda _, step: {"status": "verifying", "assignee": _worker(step)},
    "verified": lambda _, step: {"status": "reported", "found": step.passed, "assignee": None},
    "file": lambda _, __: {"status": "filed"},
    "reject": lambda _, step: {"status": "rejected", "closed_at": step.at},
    "dispatch": lambda case, step: {
        "status": "dispatched",
        "assignee": _worker(step),
        "department": _department(case, step),
        "queue": None,
    },
    "accept": lambda _, __: {"status": "handling"},
    "return": lambda case, _: {"status": "filed", "returns": case.returns + 1, "assignee": None},
    "fall_back": lambda _, step: {"queue": step.to},
    "feedback": _mended,
    "self_handle": lambda case, step: _mended(case, step) | {"self_handled": True},
    "check": lambda _, step: {"status": "checking", "assignee": _worker(step)},
    "checked": lambda _, step: {"status": "feedback", "passed": step.passed},
    "close": lambda _, step: {"status": "closed", "closed_at": step.at, "request": None},
    "rework": lambda case, _: {"status": "handling", "reworks": case.reworks + 1, "passed": None},
    "ask_extension": _asks("extend"),
    "ask_suspension": _asks("suspend"),
    "appeal": _asks("appeal"),
    "approve": _approved,
    "refuse": lambda _, __: {"request": None},
    "resume": _resumed,
    "evaluate": lambda _, step: {"grade": step.count},
    "reopen": _reopened,
    "merge": lambda case, step: {
        "status": "merged",
        "merged_into": step.to,
        "closed_at": step.at,
        "before_merge": case,
    },
    "adopt": lambda _, step: {"parent": step.to},
}
"""What each line of the log changes; `unmerge` alone takes back."""
