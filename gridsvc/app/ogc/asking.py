"""What somebody asks of a collection: the parameters of a request in, a checked question out; nothing is looked up.

The standard wants 400 for every fault here, also for a parameter that nobody knows.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from gridsvc.app.ogc.collections import Collection
from gridsvc.core.cql2 import Column, Condition, compile_filter, read_json, read_text
from gridsvc.core.cql2.moments import read_moment
from gridsvc.core.cql2.places import box_of, stored_place, to_parameter
from gridsvc.core.crs import STORED, Reference, reference
from gridsvc.core.errors import Invalid, Refusal

MOST, USUAL = 10_000, 100
"""Features on a page: at most, and when nothing is said."""
MOST_QUERY_BYTES = 100_000
"""Longest query string that is looked at: a filter of the longest size, percent-encoded."""
FORMATS = {
    "json": "json",
    "geojson": "json",
    "html": "html",
    "flatgeobuf": "flatgeobuf",
    "fgb": "flatgeobuf",
    "csv": "csv",
}
LANGUAGES = ("zh", "en")
RESERVED = frozenset(
    {
        *("f", "lang", "limit", "cursor", "bbox", "bbox-crs", "crs", "datetime", "properties", "sortby"),
        *("filter", "filter-lang", "filter-crs"),
    }
)


class BadRequest(Refusal):
    """A parameter that is not known, or cannot be read."""

    kind = "refused"


@dataclass(frozen=True)
class Span:
    """A stretch of time with both ends in it; None is open."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Question:
    """Which features, in which order, from where on, and how they are to be written."""

    limit: int = USUAL
    properties: tuple[str, ...] = ()
    crs: Reference = STORED
    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()  # property, descending
    after: tuple[Any, ...] | None = None
    time: datetime | Span | None = None
    form: str = "json"
    kept: Mapping[str, str] = field(default_factory=dict)  # the parameters, for the link to the next page


@contextmanager
def as_bad_request() -> Iterator[None]:
    """Tell what is invalid as the standard wants it told."""
    try:
        yield
    except Invalid as fault:
        raise BadRequest(fault.sentence) from None


def read_question(collection: Collection, given: list[tuple[str, str]], form: str) -> Question:
    """Read the parameters of `/items`; raise BadRequest for the first that is wrong."""
    columns = collection.properties
    asked = read_parameters(given, RESERVED | set(columns))
    with as_bad_request():
        return Question(
            limit=_limit(asked.get("limit")),
            properties=_names(asked.get("properties"), columns),
            crs=reference(asked["crs"]) if "crs" in asked else STORED,
            conditions=tuple(_conditions(collection, asked)),
            order=_order(asked.get("sortby"), columns),
            after=_cursor(asked.get("cursor")),
            time=read_time(asked["datetime"]) if "datetime" in asked else None,
            form=form,
            kept={name: value for name, value in asked.items() if name not in ("cursor", "f", "lang")},
        )


def read_parameters(given: list[tuple[str, str]], known: frozenset[str] | set[str]) -> dict[str, str]:
    """Take parameters that are known, each at most once."""
    asked: dict[str, str] = {}
    for name, value in given:
        if name not in known:
            raise BadRequest(f"There is no parameter {name[:60]!r} here.")
        if name in asked:
            raise BadRequest(f"The parameter {name!r} is given twice.")
        if "\x00" in value:
            raise BadRequest(f"The parameter {name!r} holds a NUL character, which no text has.")
        asked[name] = value
    return asked


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) < 1:
        raise Invalid(f"limit must be a whole number from 1 to {MOST}, not {text[:40]!r}.")
    # The standard says that more than there is to have is no fault.
    return min(int(text), MOST)


def _names(text: str | None, columns: Mapping[str, Column]) -> tuple[str, ...]:
    if text is None:
        return tuple(columns)
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    _check_names("properties", names, columns)
    return names


def _order(text: str | None, columns: Mapping[str, Column]) -> tuple[tuple[str, bool], ...]:
    if text is None:
        return ()
    # A plus sign that was not encoded has become a space.
    terms = [term.strip() for term in text.split(",")]
    order = tuple((term.lstrip("+-"), term.startswith("-")) for term in terms)
    _check_names("sortby", tuple(name for name, _ in order), columns)
    if len({name for name, _ in order}) < len(order):
        raise Invalid("sortby names a property twice.")
    return order


def _check_names(parameter: str, names: tuple[str, ...], columns: Mapping[str, Column]) -> None:
    for name in names:
        if name not in columns:
            raise Invalid(
                f"{parameter} names {name[:60]!r}, which is no property here; there are {', '.join(columns)}."
            )


def _conditions(collection: Collection, asked: Mapping[str, str]) -> Iterator[Condition]:
    columns = collection.properties
    if (box := asked.get("bbox")) is not None:
        shape = read_box(box, reference(asked["bbox-crs"]) if "bbox-crs" in asked else STORED)
        place = collection.layer.geometry
        # `&&` beside it: below row security an index is asked only what is known to tell nobody else.
        yield Condition(f"{place} && %(box)s::geometry and st_intersects({place}, %(box)s::geometry)", {"box": shape})
    elif "bbox-crs" in asked:
        raise Invalid("bbox-crs says the system of a bbox, and there is none.")
    for number, name in enumerate(name for name in asked if name in columns):
        tree = {"op": "=", "args": [{"property": name}, _plain(name, asked[name], columns[name].kind)]}
        yield compile_filter(tree, columns, name=f"property{number}_")
    if (text := asked.get("filter")) is not None:
        language = asked.get("filter-lang", "cql2-text")
        if language not in ("cql2-text", "cql2-json"):
            raise Invalid(f"filter-lang is cql2-text or cql2-json, not {language[:40]!r}.")
        crs = reference(asked["filter-crs"]) if "filter-crs" in asked else STORED
        tree = read_text(text) if language == "cql2-text" else read_json(text)
        yield compile_filter(tree, collection.queryables, crs)
    elif {"filter-lang", "filter-crs"} & set(asked):
        raise Invalid("filter-lang and filter-crs say how to read a filter, and there is none.")


def read_box(text: str, crs: Reference) -> str:
    """Read `bbox` into the parameter that PostGIS reads."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise Invalid(f"bbox must be four numbers (or six, with heights), not {text[:80]!r}.") from None
    east = 0 if not crs.north_first else 1
    if len(numbers) in (4, 6) and not crs.metric and numbers[east] > numbers[len(numbers) // 2 + east]:
        raise Invalid(
            f"bbox {text[:80]} is inverted, or crosses the 180th meridian: ask for the part on each side by itself."
        )
    return to_parameter(stored_place(box_of(numbers), crs, "bbox"))


def read_time(text: str) -> datetime | Span:
    """Read `datetime`: a moment, or an interval whose ends may be open (`..` or nothing)."""
    parts = text.split("/")
    if len(parts) == 1:
        return read_moment(text)
    if len(parts) != 2 or all(part in ("", "..") for part in parts):
        raise Invalid(f"datetime is a moment or an interval with a start or an end, not {text[:80]!r}.")
    start, end = (None if part in ("", "..") else read_moment(part) for part in parts)
    if start and end and start > end:
        raise Invalid(f"datetime {text[:80]} ends before it starts.")
    return Span(start, end)


def _plain(name: str, text: str, kind: str) -> Any:
    """Read the value of `property=value` by the kind of the property."""
    if kind == "text":
        return text
    if kind == "moment":
        return {"timestamp": text}
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    try:
        if kind != "boolean":
            return float(text)
    except ValueError:
        pass
    raise Invalid(f"{name} is a {kind}, and {text[:60]!r} is none.")


def write_cursor(values: Any) -> str:
    """Write where a page ended as a word for an address; `values` are plain JSON values."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def _cursor(text: str | None) -> tuple[Any, ...] | None:
    if text is None:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        values = None
    if not isinstance(values, list):
        raise Invalid("The cursor is not one that a page has given.")
    return tuple(values)
