"""Clocks count what they should: office hours, holidays, make-up days, pauses; worked examples, and laws that always hold."""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridsvc.core.errors import Invalid
from gridsvc.incidents.clocks import Due, Limit, Season, Span, Unit, WorkCalendar, counted, due, used

SHANGHAI = ZoneInfo("Asia/Shanghai")

# National Day and Mid-Autumn 2025 as the General Office of the State Council announced it (国办发明电〔2024〕12号):
# off from Wednesday 1 to Wednesday 8 October; worked on Sunday 28 September and Saturday 11 October.
OFF = [date(2025, 10, day) for day in range(1, 9)]
MADE_UP = [date(2025, 9, 28), date(2025, 10, 11)]
CALENDAR = WorkCalendar(SHANGHAI, date(2025, 12, 31), dict.fromkeys(OFF, False) | dict.fromkeys(MADE_UP, True))
SUMMER = WorkCalendar(
    SHANGHAI,
    date(2025, 12, 31),
    seasons=(
        Season((5, 1), ((time(8), time(12)), (time(14, 30), time(18, 30)))),
        Season((10, 1), ((time(8, 30), time(12)), (time(13, 30), time(17)))),
    ),
)


def at(text: str) -> datetime:
    """Read a moment of the office."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "count", "unit", "expected"),
    [
        # A missing manhole cover at night: two urgent hours run on.
        ("2025-09-01T23:30", 2, "urgent_hour", "2025-09-02T01:30"),
        ("2025-09-30T17:00", 1, "urgent_day", "2025-10-01T17:00"),
        # Exposed rubbish, four working hours: over the lunch break, and over a night.
        ("2025-09-02T10:00", 4, "working_hour", "2025-09-02T16:00"),
        ("2025-09-02T17:00", 4, "working_hour", "2025-09-03T11:00"),
        # Used up as the office closes: due then, not next morning.
        ("2025-09-02T14:00", 4, "working_hour", "2025-09-02T18:00"),
        # Reported at night or in the break, it begins to count when the office opens.
        ("2025-09-02T22:00", 1, "working_hour", "2025-09-03T09:00"),
        ("2025-09-02T12:30", 1, "working_hour", "2025-09-02T15:00"),
        # Over a weekend.
        ("2025-09-05T17:00", 2, "working_hour", "2025-09-08T09:00"),
        ("2025-09-05T10:00", 1, "working_day", "2025-09-08T10:00"),
        # Sunday 28 September is worked.
        ("2025-09-26T10:00", 1, "working_day", "2025-09-28T10:00"),
        # Eight days off, then Thursday, Friday and the made-up Saturday.
        ("2025-09-30T10:00", 1, "working_day", "2025-10-09T10:00"),
        ("2025-09-30T10:00", 3, "working_day", "2025-10-11T10:00"),
        ("2025-09-30T10:00", 4, "working_day", "2025-10-13T10:00"),
        ("2025-10-03T10:00", 2, "working_hour", "2025-10-09T10:00"),
    ],
)
def test_a_limit_falls_due(start: str, count: int, unit: Unit, expected: str) -> None:
    assert due(at(start), Limit.of(count, unit), CALENDAR) == Due(at(expected).astimezone(UTC), uncertain=False)


def test_a_night_s_pause_adds_nothing_to_a_limit_of_working_hours() -> None:
    start, limit = at("2025-09-02T17:00"), Limit.of(4, "working_hour")
    night = (at("2025-09-02T18:00"), at("2025-09-03T08:00"))
    assert due(start, limit, CALENDAR, [night]) == due(start, limit, CALENDAR)


def test_a_pause_over_the_holiday_adds_only_the_time_the_office_worked() -> None:
    pause = (at("2025-09-30T16:00"), at("2025-10-09T09:00"))
    assert counted(*pause, "working_hour", CALENDAR) == 3
    assert due(at("2025-09-30T15:00"), Limit.of(2, "working_hour"), CALENDAR, [pause]).at == at("2025-10-09T10:00")


def test_seasons_change_the_hours_and_a_working_day_stays_one_day() -> None:
    assert due(at("2025-09-30T14:30"), Limit.of(4, "working_hour"), SUMMER).at == at("2025-09-30T18:30")
    assert counted(at("2025-09-30T00:00"), at("2025-10-01T00:00"), "working_hour", SUMMER) == 8
    assert counted(at("2025-10-01T00:00"), at("2025-10-02T00:00"), "working_hour", SUMMER) == 7
    # From noon to noon, over the change: half a long day and half a short one.
    assert due(at("2025-09-30T12:00"), Limit.of(1, "working_day"), SUMMER).at == at("2025-10-01T12:00")
    # January is before the first season of the year: that of last autumn still holds.
    assert SUMMER.windows(date(2025, 1, 6))[0][0] == at("2025-01-06T08:30")


def test_a_date_behind_the_known_calendar_is_flagged() -> None:
    assert not due(at("2025-12-31T10:00"), Limit.of(1, "working_hour"), CALENDAR).uncertain
    assert due(at("2025-12-31T17:30"), Limit.of(1, "working_hour"), CALENDAR).uncertain


def test_what_counts_nothing_is_refused() -> None:
    with pytest.raises(Invalid, match="at least one working day"):
        Limit.of(0, "working_day")
    closed = WorkCalendar(SHANGHAI, date(2025, 12, 31), seasons=(Season((1, 1), ()),))
    with pytest.raises(Invalid, match="no working days"):
        due(at("2025-09-01T10:00"), Limit.of(1, "working_hour"), closed)


moments = st.timedeltas(timedelta(0), timedelta(days=30)).map(
    lambda later: at("2025-09-20T00:00").astimezone(UTC) + later
)
units = st.sampled_from(["urgent_hour", "urgent_day", "working_hour", "working_day"])
limits = st.builds(Limit.of, st.integers(1, 40), units)
spans = st.lists(st.tuples(moments, moments), max_size=4)


@given(moments, limits, spans)
def test_at_its_due_date_a_clock_has_counted_its_limit_and_a_moment_before_it_has_not(
    start: datetime, limit: Limit, pauses: list[Span]
) -> None:
    end = due(start, limit, CALENDAR, pauses).at
    assert used(start, end, limit.unit, CALENDAR, pauses) >= limit.count
    assert used(start, end - timedelta(microseconds=1), limit.unit, CALENDAR, pauses) < limit.count


@given(moments, limits, st.tuples(moments, moments).map(sorted))
def test_a_pause_moves_the_due_date_by_exactly_the_time_it_covered(
    start: datetime, limit: Limit, pause: list[datetime]
) -> None:
    plain = due(start, limit, CALENDAR).at
    paused = due(start, limit, CALENDAR, [(pause[0], pause[1])]).at
    covered = counted(max(pause[0], start), min(pause[1], paused), limit.unit, CALENDAR)
    added = counted(plain, paused, limit.unit, CALENDAR)
    # Both ends are rounded up to a microsecond.
    assert abs(added - covered) < Fraction(1, 1_000_000)
    assert paused >= plain


@given(moments, moments, moments, units)
def test_what_is_counted_does_not_hang_on_how_the_time_is_cut(
    one: datetime, two: datetime, three: datetime, unit: Unit
) -> None:
    first, middle, last = sorted((one, two, three))
    whole = counted(first, last, unit, CALENDAR)
    assert counted(first, middle, unit, CALENDAR) + counted(middle, last, unit, CALENDAR) == whole


@given(moments, limits, spans, spans)
def test_more_pauses_never_make_it_due_sooner_and_their_order_does_not_matter(
    start: datetime, limit: Limit, some: list[Span], more: list[Span]
) -> None:
    assert due(start, limit, CALENDAR, [*some, *more]).at >= due(start, limit, CALENDAR, some).at
    assert due(start, limit, CALENDAR, [*some, *more]) == due(start, limit, CALENDAR, [*more, *some])
