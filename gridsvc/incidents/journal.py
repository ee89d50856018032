"""The log in the database in, the case it tells of out; and new lines of it in, the incident's row brought to them.

What is kept on the incident's row beside its log (status, due, who has it) is written here alone, from the case, for
lists and maps to be fast: it says nothing the log does not say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from psycopg.rows import dict_row
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.settings import Settings
from gridsvc.incidents.calendar.keeping import work_calendar
from gridsvc.incidents.case import Actor, Case, Status, Step, apply, rebuild
from gridsvc.incidents.clocks import Limit, Unit, WorkCalendar, due

BASE = """
    select i.id, i.number, i.version, i.status, i.reported_at, i.community, i.grid, i.queue, i.asset,
        d.limit_count, d.limit_unit, d.evidence as asks
    from incident i join catalogue_condition d
        on d.version = i.catalogue and d.class = i.class and d.code = i.condition
    where i.id = any(%(ids)s) order by i.id"""
LOCKED = BASE + " for no key update of i"
LINES = """
    select incident, action, actor, role, worker, department, at, reason, note, "to", queue, evidence, count, passed, code
    from incident_step where incident = any(%(ids)s) order by incident, number"""
ADD = """
    insert into incident_step (incident, number, action, actor, role, worker, department, at, reason, note, "to", queue,
        evidence, count, passed, code, before, after)
    values (%(incident)s, %(number)s, %(action)s, %(actor)s, %(role)s, %(worker)s, %(department)s, %(at)s, %(reason)s,
        %(note)s, %(to)s, %(queue)s, %(evidence)s, %(count)s, %(passed)s, %(code)s, %(before)s, %(after)s)"""
BRING = """
    update incident set version = %(version)s, status = %(status)s, assignee = %(assignee)s,
        department = %(department)s, queue = %(queue)s, due_at = %(due_at)s, due_uncertain = %(due_uncertain)s,
        stage_since = %(stage_since)s, stage_due_at = %(stage_due_at)s, closed_at = %(closed_at)s, waiting = %(waiting)s,
        waiting_by = %(waiting_by)s, returns = %(returns)s, reworks = %(reworks)s, reopened = %(reopened)s,
        self_handled = %(self_handled)s, excluded = %(excluded)s, grade = %(grade)s, merged_into = %(merged_into)s,
        parent = %(parent)s
    where id = %(id)s"""

UNCLOCKED = """
    select id from incident where closed_at is null and due_at is null and status <> 'suspended' and id > %(after)s
    order by id limit %(most)s"""
CLOCK = """
    update incident set due_at = %(due_at)s, due_uncertain = %(due_uncertain)s, stage_due_at = %(stage_due_at)s
    where id = %(id)s"""
BATCH = 2000

STAGES: dict[Status, str] = {
    "reported": "intake_minutes",
    "verifying": "intake_minutes",
    "filed": "dispatch_minutes",
    "feedback": "check_minutes",
    "checking": "check_minutes",
}
"""The stages that have a clock of their own, and the setting that limits it; the others have the total clock."""


@dataclass(frozen=True)
class Kept:
    """An incident as its log tells it: its key, number and version, where it is, and the case."""

    id: int
    number: str
    version: int
    community: str | None
    grid: str | None
    asset: str | None
    case: Case
    log: tuple[Step, ...]


def opened(reported_at: datetime, count: int, unit: Unit, asks: Iterable[str] = ()) -> Case:
    """Give the case before the first line of its log; `asks` are the photos its condition asks for."""
    return Case("reported", reported_at, reported_at, Limit.of(count, unit), asks=frozenset(asks))


def load(session: Session, ids: Sequence[int], *, lock: bool = False) -> dict[int, Kept]:
    """Read incidents by their logs; `lock` keeps others from adding lines until the transaction ends."""
    with driver_of(session).cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(LOCKED if lock else BASE, {"ids": list(ids)}).fetchall()
        lines = cursor.execute(LINES, {"ids": list(ids)}).fetchall()
    logs: dict[int, list[Step]] = {row["id"]: [] for row in rows}
    for line in lines:
        logs[line["incident"]].append(read_step(line))
    return {row["id"]: _kept(row, logs[row["id"]]) for row in rows}


def read_step(line: dict[str, Any]) -> Step:
    """Make a step of a line of the log."""
    actor = Actor(line["actor"], line["role"], line["worker"], line["department"])
    said = {name: line[name] for name in ("action", "at", "reason", "note", "to", "queue", "count", "passed", "code")}
    return Step(actor=actor, evidence=tuple(line["evidence"]), **said)


def add(session: Session, kept: Kept, steps: Sequence[Step], chosen: Settings) -> Kept:
    """Add lines to the log of an incident and bring its row to them; answers it as it is then."""
    case, number = kept.case, kept.version
    lines = []
    for step in steps:
        before, case = case, apply(case, step)
        number += 1
        lines.append(line_of(kept.id, number, step, before.status, case.status))
    connection = driver_of(session)
    with connection.cursor() as cursor:
        cursor.executemany(ADD, lines)
        cursor.execute(BRING, {"id": kept.id, "version": number, **projected(case, work_calendar(session), chosen)})
    return Kept(kept.id, kept.number, number, kept.community, kept.grid, kept.asset, case, (*kept.log, *steps))


def clock(session: Session, chosen: Settings) -> None:
    """Give open incidents that came without a due date, as history, the one of their condition."""
    connection = driver_of(session)
    calendar, done = work_calendar(session), 0
    while ids := [row[0] for row in connection.execute(UNCLOCKED, {"after": done, "most": BATCH})]:
        found = [{"id": kept.id, **projected(kept.case, calendar, chosen)} for kept in load(session, ids).values()]
        with connection.cursor() as cursor:
            cursor.executemany(CLOCK, found)
        done = ids[-1]


def line_of(incident: int, number: int, step: Step, before: str | None, after: str) -> dict[str, Any]:
    """Write a step as a line of the log."""
    said = asdict(step)
    actor = said.pop("actor")
    return {
        **said,
        "evidence": list(step.evidence),
        "incident": incident,
        "number": number,
        "actor": actor["name"],
        "role": actor["role"],
        "worker": actor["worker"],
        "department": actor["department"],
        "before": before,
        "after": after,
    }


def projected(case: Case, calendar: WorkCalendar, chosen: Settings) -> dict[str, Any]:
    """Say what the incident's row shows of a case; pure."""
    ends = case.due(calendar)
    if ends is None and case.paused_since is not None:
        # A clock that rests has no end, unless it had run out before it was stopped.
        ran_out = due(case.reported_at, case.total, calendar, case.pauses)
        ends = ran_out if ran_out.at < case.paused_since else None
    return {
        "status": case.status,
        "assignee": case.assignee,
        "department": case.department,
        "queue": case.queue,
        "due_at": ends.at if ends else None,
        "due_uncertain": bool(ends and ends.uncertain),
        "stage_since": case.stage_since,
        "stage_due_at": stage_due(case, calendar, chosen),
        "closed_at": case.closed_at,
        "waiting": case.request.kind if case.request else None,
        "waiting_by": case.request.by if case.request else None,
        "returns": case.returns,
        "reworks": case.reworks,
        "reopened": case.reopened,
        "self_handled": case.self_handled,
        "excluded": case.excluded,
        "grade": case.grade,
        "merged_into": case.merged_into,
        "parent": case.parent,
    }


def stage_due(case: Case, calendar: WorkCalendar, chosen: Settings) -> datetime | None:
    """Find when the clock of a case's stage runs out; it runs day and night where the case's own clock does."""
    if case.status not in STAGES:
        return None
    urgent = case.limit.unit in ("urgent_hour", "urgent_day")
    minutes: int = getattr(chosen, STAGES[case.status])
    return due(case.stage_since, Limit(Fraction(minutes, 60), "urgent_hour" if urgent else "working_hour"), calendar).at


def _kept(row: dict[str, Any], log: list[Step]) -> Kept:
    case = rebuild(opened(row["reported_at"], row["limit_count"], row["limit_unit"], row["asks"]), log)
    return Kept(row["id"], row["number"], row["version"], row["community"], row["grid"], row["asset"], case, tuple(log))
