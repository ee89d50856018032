"""A limit, a start and a calendar in, the moment it is due out; and how much of a clock ran between two moments; pure.

Four clocks: 紧急工作时 (urgent hours) and 紧急工作日 (urgent days) run day and night; 工作时 (working hours) and 工作日
(working days) run in office hours on working days. A clock is a measure of time: what it counts between two moments is
the same however the time is cut up, so a pause adds exactly what the clock would have counted during it.

A working day counts as one, whatever its hours: half of its hours are half a day. Counting is exact, in fractions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from gridsvc.core.errors import Invalid

Unit = Literal["urgent_hour", "urgent_day", "working_hour", "working_day"]
Span = tuple[datetime, datetime]

MICROSECOND = timedelta(microseconds=1)
HOUR_US = timedelta(hours=1) // MICROSECOND
WEEKEND = 5
"""Saturday is the sixth day of the week, counted from 0."""

FARTHEST_DAYS = 366 * 60
"""How far ahead a limit is followed: longer ones are a mistake in the calendar (no day is a working day)."""


@dataclass(frozen=True)
class Season:
    """Office hours from a day of the year on, until the next season begins: (month, day) and spans of local time."""

    begins: tuple[int, int]
    hours: tuple[tuple[time, time], ...]


ALL_YEAR = (Season((1, 1), ((time(8), time(12)), (time(14), time(18)))),)
"""The office hours unless an office sets others: 08–12 and 14–18."""


@dataclass(frozen=True)
class WorkCalendar:
    """When an office works: its zone, seasons, and the days that are not what their weekday says.

    `exceptions` maps a day to whether it is worked: False for a holiday, True for a make-up working day (调休). It is
    known up to `known_until`; later days follow their weekday, and what falls due there is flagged.
    """

    zone: ZoneInfo
    known_until: date
    exceptions: dict[date, bool] = field(default_factory=dict)
    seasons: tuple[Season, ...] = ALL_YEAR

    def is_worked(self, day: date) -> bool:
        """Tell whether a day is a working day."""
        return self.exceptions.get(day, day.weekday() < WEEKEND)

    def windows(self, day: date) -> list[Span]:
        """Give the office hours of a day as moments in UTC; none on a day off."""
        if not self.is_worked(day):
            return []
        return [(self._moment(day, begin), self._moment(day, end)) for begin, end in self._hours(day)]

    def local_day(self, moment: datetime) -> date:
        """Tell on which day of the office a moment lies."""
        return moment.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """Give the moment, in UTC, at which a day of the office begins."""
        return self._moment(day, time())

    def _moment(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.zone).astimezone(UTC)

    def _hours(self, day: date) -> tuple[tuple[time, time], ...]:
        begun = [season for season in self._in_order if season.begins <= (day.month, day.day)]
        return (begun or self._in_order)[-1].hours

    @cached_property
    def _in_order(self) -> list[Season]:
        return sorted(self.seasons, key=lambda season: season.begins)


@dataclass(frozen=True)
class Limit:
    """How long something may take: so many of a unit."""

    count: Fraction
    unit: Unit

    @classmethod
    def of(cls, count: int, unit: Unit) -> "Limit":
        """Make a limit of a whole number of units; raises Invalid for none at all."""
        if count <= 0:
            raise Invalid(f"A limit needs at least one {unit.replace('_', ' ')}, not {count}.")
        return cls(Fraction(count), unit)


@dataclass(frozen=True)
class Due:
    """When a limit ends; `uncertain` when the calendar does not reach that far yet."""

    at: datetime
    uncertain: bool


def due(start: datetime, limit: Limit, calendar: WorkCalendar, pauses: Sequence[Span] = ()) -> Due:
    """Find the moment at which a clock that starts at `start` and rests during `pauses` has counted a limit.

    `pauses` are spans (from, to) of moments; they may overlap. The moment is the earliest one: a limit that is used up
    as the office closes is due then, not when it opens again. It is rounded up to a whole microsecond.
    Raises Invalid for a calendar without working days.
    """
    left = limit.count
    for begin, end, weight in _running(start, limit.unit, calendar, pauses):
        length = Fraction((end - begin) // MICROSECOND) * weight
        if length >= left:
            at = begin + MICROSECOND * -(-left // weight)
            return Due(at, uncertain=calendar.local_day(at) > calendar.known_until)
        left -= length
    raise Invalid("The calendar has no working days to count this limit in.")


def counted(begin: datetime, end: datetime, unit: Unit, calendar: WorkCalendar) -> Fraction:
    """Measure how many units a clock counts from one moment to another; none when the second is not later."""
    total = Fraction(0)
    for since, until, weight in _running(begin, unit, calendar, ()):
        if since >= end:
            break
        total += Fraction((min(until, end) - since) // MICROSECOND) * weight
    return total


def used(start: datetime, now: datetime, unit: Unit, calendar: WorkCalendar, pauses: Sequence[Span] = ()) -> Fraction:
    """Measure how many units a clock that rests during `pauses` has counted from its start until now."""
    rested = sum((counted(*span, unit, calendar) for span in merged(pauses, start, now)), Fraction(0))
    return counted(start, now, unit, calendar) - rested


def merged(pauses: Iterable[Span], begin: datetime, end: datetime) -> list[Span]:
    """Put spans that touch or overlap together, in order, and cut them to what lies between two moments."""
    whole: list[Span] = []
    for since, until in sorted((max(a, begin), min(b, end)) for a, b in pauses):
        if since >= until:
            continue
        if whole and since <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], until))
        else:
            whole.append((since, until))
    return whole


def _running(
    start: datetime, unit: Unit, calendar: WorkCalendar, pauses: Sequence[Span]
) -> Iterator[tuple[datetime, datetime, Fraction]]:
    """Give the spans, in order from `start`, in which a clock runs, each with what one microsecond of it counts."""
    first = calendar.local_day(start)
    begin = start.astimezone(UTC)
    last = calendar.midnight(first + timedelta(days=FARTHEST_DAYS))
    rests = merged(pauses, begin, last)
    for number in range(FARTHEST_DAYS):
        day = first + timedelta(days=number)
        for since, until, weight in _of_day(day, unit, calendar):
            yield from ((a, b, weight) for a, b in _without(rests, max(since, begin), until))


def _of_day(day: date, unit: Unit, calendar: WorkCalendar) -> list[tuple[datetime, datetime, Fraction]]:
    if unit in ("urgent_hour", "urgent_day"):
        weight = Fraction(1, HOUR_US if unit == "urgent_hour" else 24 * HOUR_US)
        return [(calendar.midnight(day), calendar.midnight(day + timedelta(days=1)), weight)]
    windows = calendar.windows(day)
    whole_us = sum((until - since) // MICROSECOND for since, until in windows)
    weight = Fraction(1, HOUR_US if unit == "working_hour" else max(whole_us, 1))
    return [(since, until, weight) for since, until in windows]


def _without(rests: Sequence[Span], since: datetime, until: datetime) -> Iterator[Span]:
    """Cut the rests, which are in order and apart, out of one span."""
    for rest_begin, rest_end in rests:
        if rest_end <= since:
            continue
        if rest_begin >= until:
            break
        if rest_begin > since:
            yield since, rest_begin
        since = rest_end
    if since < until:
        yield since, until
