"""The shapes of the calendar: what others read, and what an administrator sends; checked here, without a database."""

from datetime import date, datetime, time
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
# A time of the office's own clock: the format `time` of JSON Schema would want an offset.
LocalTime = Annotated[time, WithJsonSchema({"type": "string", "pattern": TIME, "examples": ["08:30:00"]})]
Hours = tuple[LocalTime, LocalTime]
LEAP = 2024
"""A year in which every day of a season can be."""


class CalendarDay(BaseModel):
    """A day that is not what its weekday says: a holiday, or a make-up working day (调休)."""

    model_config = ConfigDict(extra="forbid")

    day: date
    worked: bool
    name: Annotated[str, Field(max_length=100)] = ""
    source: Annotated[str, Field(max_length=200)] = "office"


class OfficeSeason(BaseModel):
    """Office hours from a day of the year (MM-DD) until the next season begins."""

    model_config = ConfigDict(extra="forbid")

    begins: Annotated[str, Field(pattern=r"^\d{2}-\d{2}$")]
    hours: Annotated[list[Hours], Field(min_length=1, max_length=6)]

    @field_validator("begins")
    @classmethod
    def _is_a_day(cls, begins: str) -> str:
        date(LEAP, int(begins[:2]), int(begins[3:]))
        return begins

    @field_validator("hours")
    @classmethod
    def _in_order(cls, hours: list[Hours]) -> list[Hours]:
        if any(begin >= end for begin, end in hours) or any(one[1] > two[0] for one, two in pairwise(hours)):
            raise ValueError("office hours must be in order and not overlap")
        return hours


class CalendarGiven(BaseModel):
    """The whole calendar, as it shall be."""

    model_config = ConfigDict(extra="forbid")

    known_until: date
    days: Annotated[list[CalendarDay], Field(max_length=5000)]
    seasons: Annotated[list[OfficeSeason], Field(min_length=1, max_length=12)]

    @model_validator(mode="after")
    def _each_once(self) -> "CalendarGiven":
        for what, keys in (("day", [one.day for one in self.days]), ("season", [one.begins for one in self.seasons])):
            if len(set(keys)) < len(keys):
                raise ValueError(f"a {what} is there twice")
        return self


class Calendar(CalendarGiven):
    """The calendar as it is; its ETag is asked for when it is changed."""

    changed_at: datetime
    changed_by: str


class DueMoved(BaseModel):
    """An open incident that falls due at another moment; `by_s` is negative when that is earlier."""

    id: str
    number: str
    before: datetime
    after: datetime
    by_s: float
    uncertain: bool


class Moves(BaseModel):
    """What another calendar would move: how many open incidents, and the first of them."""

    moved: int
    items: list[DueMoved]
