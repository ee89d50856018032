"""A calendar file (CSV, XLSX: days; JSON: the whole of it) in, the days and hours clocks run by out."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.exchange.checks import Fault, check_rows
from gridsvc.exchange.formats.reading import read_file
from gridsvc.exchange.imports import Refused
from gridsvc.exchange.layers import Field, ImportLayer
from gridsvc.incidents.calendar.keeping import merged_with, read_calendar
from gridsvc.incidents.calendar.moving import change_calendar
from gridsvc.incidents.calendar.schemas import CalendarGiven
from gridsvc.incidents.calendar.seeding import Day

LAYER = ImportLayer(
    "calendar",
    (
        Field("day", also=("日期",), required=True),
        Field(
            "worked",
            also=("安排", "类型"),
            required=True,
            choices={"yes": ("true", "班", "上班", "调休", "补班", "1"), "no": ("false", "休", "放假", "假日", "0")},
        ),
        Field("name", also=("名称", "节日"), default=""),
    ),
)


EXAMPLES = 5


@dataclass(frozen=True)
class Told:
    """What an import of a calendar did: its days, and how many open incidents fall due otherwise by it."""

    days: int
    known_until: date
    moved: int
    examples: tuple[str, ...]


def import_calendar(session: Session, path: Path, *, actor: str) -> Told:
    """Import a calendar file: rows add days to the one that is, a JSON takes its place.

    Raises Refused with every row that cannot be taken, and Invalid for a file that is no calendar.
    """
    if path.name.lower().endswith(".json"):
        given = _whole(path)
        days = len(given.days)
    else:
        rows = _days(path)
        given, days = merged_with(read_calendar(session), rows), len(rows)
    moved = change_calendar(session, given, actor=actor)
    return Told(days, given.known_until, len(moved), tuple(one.kept.number for one in moved[:EXAMPLES]))


def _whole(path: Path) -> CalendarGiven:
    try:
        return CalendarGiven.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise Invalid(f"There is no file {path}.") from None
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
        raise Invalid(f"{path.name} is not a calendar: {told}") from None


def _days(path: Path) -> list[Day]:
    frame = read_file(path, LAYER, "auto").frame
    checked = check_rows(frame, LAYER, ZoneInfo("UTC"))
    faults = {fault.row: fault.reason for fault in checked.faults}
    days: dict[date, Day] = {}
    for row in checked.table.to_pylist():
        try:
            # A spreadsheet's day comes with its midnight.
            day = date.fromisoformat(row["day"][:10].replace("/", "-"))
        except ValueError:
            faults[row["row"]] = f"the day {row['day']!r} is not written YYYY-MM-DD"
            continue
        if day in days:
            faults[row["row"]] = f"the day {day} is there twice"
        days[day] = Day(day, row["worked"] == "yes", row["name"], path.name)
    if faults:
        raise Refused(path.name, [Fault(row, faults[row]) for row in sorted(faults)], len(frame))
    return sorted(days.values(), key=lambda one: one.day)
