"""Moments and intervals: RFC 3339 text in, datetimes out; two of them and a relation in, its SQL out."""

from datetime import UTC, date, datetime
from typing import Any

from gridsvc.core.errors import Invalid

RELATIONS = {
    "t_after": "{a0} > {b1}",
    "t_before": "{a1} < {b0}",
    "t_contains": "{a0} < {b0} and {a1} > {b1}",
    "t_disjoint": "{a1} < {b0} or {a0} > {b1}",
    "t_during": "{a0} > {b0} and {a1} < {b1}",
    "t_equals": "{a0} = {b0} and {a1} = {b1}",
    "t_finishedBy": "{a0} < {b0} and {a1} = {b1}",
    "t_finishes": "{a0} > {b0} and {a1} = {b1}",
    "t_intersects": "{a0} <= {b1} and {a1} >= {b0}",
    "t_meets": "{a1} = {b0}",
    "t_metBy": "{a0} = {b1}",
    "t_overlappedBy": "{a0} > {b0} and {a0} < {b1} and {a1} > {b1}",
    "t_overlaps": "{a0} < {b0} and {a1} > {b0} and {a1} < {b1}",
    "t_startedBy": "{a0} = {b0} and {a1} > {b1}",
    "t_starts": "{a0} = {b0} and {a1} < {b1}",
}
"""The relations of CQL2 (Allen's), with the ends of both operands; a moment is its own start and end."""


def read_moment(text: Any) -> datetime:
    """Read a time with its zone, or a date, which is its first moment in UTC."""
    if not isinstance(text, str) or len(text) > 40:
        raise Invalid("A time is a text such as 2026-01-31T08:00:00Z.")
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{text!r} is no time such as 2026-01-31T08:00:00Z.") from None
    raise Invalid(f"The time {text!r} names no zone; write 2026-01-31T08:00:00Z.")
