"""The calendar in the database in, the one clocks run by out; and a changed one in, written as a whole."""

from collections import OrderedDict
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from gridsvc.core.errors import Unavailable
from gridsvc.core.events import record
from gridsvc.core.settings import settings
from gridsvc.incidents.calendar.schemas import Calendar, CalendarDay, CalendarGiven, OfficeSeason
from gridsvc.incidents.calendar.seeding import Day
from gridsvc.incidents.clocks import Season, WorkCalendar
from gridsvc.incidents.tables import CalendarState, OfficeDay, OfficeHours

REMEMBERED = 8
# A version is a random number given at every change, so a calendar that is remembered by it is never another one.
_known: OrderedDict[tuple[int, str], WorkCalendar] = OrderedDict()


def work_calendar(session: Session, version: int | None = None) -> WorkCalendar:
    """Give the calendar that clocks run by; `version` saves the question which one is in force."""
    if version is None:
        version = current_version(session)
    key = (version, settings().timezone)
    if key not in _known:
        _known[key] = as_work_calendar(read_calendar(session))
        while len(_known) > REMEMBERED:
            _known.popitem(last=False)
    return _known[key]


def current_version(session: Session) -> int:
    """Tell which calendar is in force; raises Unavailable where there is none."""
    version: int | None = session.scalar(select(CalendarState.version))
    if version is None:
        raise Unavailable(
            "There is no calendar: run `gridsvc migrate`, or import one with `gridsvc import calendar FILE`."
        )
    return version


def read_calendar(session: Session) -> Calendar:
    """Read the whole calendar."""
    state = session.scalars(select(CalendarState)).one()
    days = session.scalars(select(OfficeDay).order_by(OfficeDay.day))
    hours = session.scalars(select(OfficeHours).order_by(OfficeHours.begins))
    return Calendar(
        known_until=state.known_until,
        days=[CalendarDay(day=one.day, worked=one.worked, name=one.name, source=one.source) for one in days],
        seasons=[OfficeSeason.model_validate({"begins": one.begins, "hours": one.hours}) for one in hours],
        changed_at=state.changed_at,
        changed_by=state.changed_by,
    )


def as_work_calendar(given: CalendarGiven) -> WorkCalendar:
    """Make of a calendar what clocks run by, in the zone of the office."""
    return WorkCalendar(
        ZoneInfo(settings().timezone),
        given.known_until,
        {one.day: one.worked for one in given.days},
        tuple(
            Season((int(one.begins[:2]), int(one.begins[3:])), tuple((begin, end) for begin, end in one.hours))
            for one in given.seasons
        ),
    )


def write_calendar(session: Session, given: CalendarGiven, *, actor: str) -> None:
    """Put a whole calendar in place of the one that is; what falls due by it is not looked at here."""
    session.execute(delete(OfficeDay))
    session.execute(delete(OfficeHours))
    if given.days:
        session.execute(insert(OfficeDay), [one.model_dump() for one in given.days])
    session.execute(
        insert(OfficeHours),
        [{"begins": one.begins, "hours": one.model_dump(mode="json")["hours"]} for one in given.seasons],
    )
    session.execute(
        update(CalendarState).values(
            known_until=given.known_until,
            version=func.hashtextextended(func.cast(func.gen_random_uuid(), OfficeDay.name.type), 0),
            changed_at=func.clock_timestamp(),
            changed_by=actor,
        )
    )
    record(
        session,
        "calendar.changed",
        "calendar:office",
        actor=actor,
        days=len(given.days),
        known_until=given.known_until.isoformat(),
    )
    session.flush()


def merged_with(held: CalendarGiven, days: list[Day]) -> CalendarGiven:
    """Add days to a calendar: a day that is given again is as it was given last, and whole years become known; pure."""
    by_day = {one.day: one for one in held.days}
    by_day |= {one.day: CalendarDay(day=one.day, worked=one.worked, name=one.name, source=one.source) for one in days}
    last = max((one.day for one in days), default=held.known_until)
    return CalendarGiven(
        known_until=max(held.known_until, last.replace(month=12, day=31)),
        days=sorted(by_day.values(), key=lambda one: one.day),
        seasons=held.seasons,
    )
