"""The `holidays` package in, the days that are not what their weekday says out: 放假 and 调休 of the State Council.

The package knows the make-up working days of a year once the State Council has announced them; a year without any is
not known yet, and ends the calendar.
"""

from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

import holidays

FIRST_YEAR = 2015
FARTHEST_YEARS = 5
SOURCE = f"holidays {version('holidays')}"


@dataclass(frozen=True)
class Day:
    """A day that is not what its weekday says: whether it is worked, what it is called, and who says so."""

    day: date
    worked: bool
    name: str
    source: str = SOURCE


def announced_days(first: int = FIRST_YEAR, last: int | None = None) -> list[Day]:
    """List the holidays and make-up working days of China, in order, of every year from `first` that is announced."""
    found: list[Day] = []
    for year in range(first, (last or date.today().year + FARTHEST_YEARS) + 1):  # noqa: DTZ011 - years ahead, no moment
        of_year = holidays.country_holidays("CN", years=year, language="zh_CN")
        made_up = sorted(day for day in of_year.weekend_workdays if day.year == year)
        if not made_up:
            break
        found += [Day(day, worked=False, name=name) for day, name in of_year.items()]
        found += [Day(day, worked=True, name="调休") for day in made_up]
    return sorted(found, key=lambda one: one.day)


def known_until(days: list[Day]) -> date:
    """Tell until when a list of days is complete: the end of its last year."""
    return date(days[-1].day.year, 12, 31)
