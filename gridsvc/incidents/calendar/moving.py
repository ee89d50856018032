"""A calendar that shall be in, the open incidents whose due dates it moves out, and by how much; and the change itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.events import record
from gridsvc.core.settings import settings
from gridsvc.incidents.calendar.keeping import as_work_calendar, work_calendar, write_calendar
from gridsvc.incidents.calendar.schemas import CalendarGiven
from gridsvc.incidents.clocks import WorkCalendar
from gridsvc.incidents.journal import Kept, load, projected

BATCH = 2000
NEVER = date(9000, 1, 1)
# A day that changes only moves what was reported before its end and falls due at its beginning or later; the flag of
# what is not known yet hangs on the due date alone.
TOUCHED = """
    select i.id from incident i join catalogue_condition d
        on d.version = i.catalogue and d.class = i.class and d.code = i.condition
    where i.closed_at is null and i.due_at is not null and (
        (d.limit_unit in ('working_hour', 'working_day') and i.reported_at < %(until)s and i.due_at >= %(since)s)
        or i.due_at >= %(unsure)s)
    order by i.id"""
BRING = """
    update incident set due_at = %(due_at)s, due_uncertain = %(due_uncertain)s, stage_due_at = %(stage_due_at)s
    where id = %(id)s"""
DUE = ("due_at", "due_uncertain", "stage_due_at")


@dataclass(frozen=True)
class Moved:
    """An open incident whose due date is another by another calendar."""

    kept: Kept
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def by_s(self) -> float:
        """Tell by how many seconds it falls due later; less than none when it does so earlier."""
        moved: timedelta = self.after["due_at"] - self.before["due_at"]
        return moved.total_seconds()

    def told(self) -> dict[str, Any]:
        """Tell a person."""
        return {
            "id": str(self.kept.id),
            "number": self.kept.number,
            "before": self.before["due_at"],
            "after": self.after["due_at"],
            "by_s": self.by_s,
            "uncertain": self.after["due_uncertain"],
        }


def moves(session: Session, given: CalendarGiven, *, lock: bool = False) -> Iterator[Moved]:
    """Find the open incidents that another calendar moves, in the order of their keys."""
    old, new = work_calendar(session), as_work_calendar(given)
    changed = changed_days(old, new)
    # A day of the office begins and ends up to a day away from that of the database, which speaks UTC. Without a changed
    # day only the flag is looked at: nothing falls due that late.
    unsure = min(old.known_until, new.known_until) if old.known_until != new.known_until else NEVER
    asked = {
        "since": changed[0] - timedelta(days=1) if changed else NEVER,
        "until": changed[-1] + timedelta(days=2) if changed else NEVER,
        "unsure": unsure,
    }
    touched = [row[0] for row in driver_of(session).execute(TOUCHED, asked)]
    for first in range(0, len(touched), BATCH):
        for kept in load(session, touched[first : first + BATCH], lock=lock).values():
            before, after = (
                {name: value for name, value in projected(kept.case, calendar, settings()).items() if name in DUE}
                for calendar in (old, new)
            )
            if before != after:
                yield Moved(kept, before, after)


def changed_days(old: WorkCalendar, new: WorkCalendar) -> list[date]:
    """List the days that count otherwise by another calendar, in order; all there can be when hours changed; pure."""
    if old.seasons != new.seasons or old.zone != new.zone:
        return [date(1970, 1, 1), NEVER]
    named = old.exceptions.keys() | new.exceptions.keys()
    return sorted(day for day in named if old.is_worked(day) != new.is_worked(day))


def change_calendar(session: Session, given: CalendarGiven, *, actor: str) -> list[Moved]:
    """Put another calendar in place of the one that is, and move every open incident that falls due otherwise by it."""
    moved = list(moves(session, given, lock=True))
    write_calendar(session, given, actor=actor)
    with driver_of(session).cursor() as cursor:
        cursor.executemany(BRING, [{"id": one.kept.id, **one.after} for one in moved])
    for one in moved:
        _tell(session, one, actor)
    return moved


def _tell(session: Session, moved: Moved, actor: str) -> None:
    before: datetime = moved.before["due_at"]
    after: datetime = moved.after["due_at"]
    record(
        session,
        "incident.due_moved",
        f"incident:{moved.kept.id}",
        actor=actor,
        community=moved.kept.community,
        grid=moved.kept.grid,
        number=moved.kept.number,
        before=before.isoformat(),
        after=after.isoformat(),
    )
