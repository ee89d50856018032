"""Reading a layer: a layer declared as a table of SQL in, its list and item endpoints out.

The answers are written by PostgreSQL as JSON and passed on as bytes; no object is built per feature.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import URL

from gridsvc.core.db import Database, sees_few
from gridsvc.core.errors import Invalid, NotFound
from gridsvc.core.geo import DECIMALS

Item = TypeVar("Item")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_US = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)

GEOMETRY = f"st_asgeojson({{0}}, {DECIMALS})::json"
"""Seven decimals are the whole stored coordinate (core.geo), so nothing is rounded away."""


@dataclass(frozen=True)
class Order:
    """Another order of a list, ascending: by a column of moments that is never null, then by the layer's numeric key."""

    column: str


@dataclass(frozen=True)
class Layer:
    """How one kind of thing is read.

    `fields` maps each field of the answer to its SQL, `filters` each parameter to a predicate that uses it, or a yes and
    no to a predicate each, which an index that holds only the one kind can answer. `dated`
    is a predicate over the parameter `at`, for layers whose rows hold during a range of time.

    What has a kind in `kinds` (text, integer, number, boolean, moment) is a property of a feature, which anybody may
    filter and sort by. `valid` is the range in which a row holds, `moment` when something happened.
    """

    name: str
    one: str  # what a single thing is called in a sentence
    source: str
    key: str
    fields: Mapping[str, str]
    filters: Mapping[str, str | Mapping[bool, str]] = field(default_factory=dict)
    geometry: str | None = None
    dated: str | None = None
    newest_first: bool = False  # the key is then a number that grows with time
    kinds: Mapping[str, str] = field(default_factory=dict)
    valid: str | None = None
    moment: str | None = None
    shape: str = "Geometry"  # the type of the geometry, as GeoJSON calls it
    written: str | None = None  # a table of its features as GeoJSON, by (key, since) with `until` and `feature`
    orders: Mapping[str, Order] = field(default_factory=dict)  # by the value of `sort`
    own: str | None = None  # a condition that finds by an index what lies in a small territory (`Seen.few`)

    def extended(self, fields: Mapping[str, str]) -> "Layer":
        """Give the same layer with more fields, for a domain further up that knows more about the same thing."""
        return replace(self, fields={**self.fields, **fields})


def kinds(**fields: str) -> dict[str, str]:
    """Say the kinds of fields by listing, for each kind, their names with spaces between."""
    return {name: kind for kind, names in fields.items() for name in names.split()}


class ListQuery(BaseModel):
    """What every list understands; a parameter nobody knows is refused rather than passed over."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Query(ge=1, le=1000, description="Items on a page")] = 100
    cursor: Annotated[str | None, Query(max_length=200, description="Where the page before ended (from `next`)")] = None
    geometry: Annotated[bool, Query(description="Also give the geometry (GeoJSON, EPSG:4326)")] = False


class Boxed(ListQuery):
    """A list of things with a place."""

    bbox: Annotated[str | None, Query(description="west,south,east,north in degrees (EPSG:4326)")] = None


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next` is the address of the following one, null on the last."""

    items: list[Item]
    next: str | None


BBOX_FILTER = "{0} && st_makeenvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)"


def parse_bbox(text: str) -> dict[str, float]:
    """Read west,south,east,north; raise Invalid when it is not a box inside the world."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise Invalid(f"bbox must be four numbers west,south,east,north, not {text[:80]!r}.") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Invalid(f"bbox {text[:80]} is not a box in the world: west ≤ east within ±180, south ≤ north within ±90.")
    return {"west": west, "south": south, "east": east, "north": north}


def list_sql(layer: Layer, asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Write the statement for one page: one row per item, as (JSON text, key); one row more than `limit`."""
    conditions, parameters = _conditions(layer, asked)
    parameters["limit"] = asked["limit"] + 1
    row = _row(layer, geometry=asked["geometry"])
    if order := layer.orders.get(asked.get("sort") or ""):
        return _ordered_sql(layer, order, row, conditions, parameters | {"cursor": asked["cursor"]})
    if asked["cursor"] is not None:
        conditions.append(f"{layer.key} {'<' if layer.newest_first else '>'} %(cursor)s")
        parameters["cursor"] = _cursor_value(layer, asked["cursor"])
    where = " and ".join(conditions) or "true"
    way = "desc" if layer.newest_first else "asc"
    return (
        f"select {row}, {layer.key}::text from {layer.source} where {where} order by {layer.key} {way} limit %(limit)s",
        parameters,
    )


NARROW = ("bbox", "grid", "community")
"""What a list can be asked by that finds its rows by an index of its own."""


WRITTEN = ("limit", "cursor", "geometry", "at", "count", "bbox")
PROPERTIES = """substr(w.feature, strpos(w.feature, ',"properties":') + 14,
        length(w.feature) - strpos(w.feature, ',"properties":') - 14)"""
"""Takes the properties out of a feature, which are what a list says of a thing. No text in JSON holds a quote that could
be taken for the one that begins them."""


WRITTEN_DUE = "exists (select from derive_due where derived = 'written')"
"""Whether what is kept is not the truth right now; told by the statement that reads it, because another could see another
moment."""


def written_conditions(layer: Layer, *, boxed: bool) -> list[str]:
    """Write what features that are kept (`w`) must be to be shown as of `at`; `boxed` ones are found by their place."""
    conditions = ["w.since <= %(at)s", "w.until > %(at)s"]
    if layer.own and sees_few() and not boxed:
        conditions.append(layer.own.replace(f"{layer.key} =", "w.code ="))
    return conditions


def written_sql(layer: Layer, asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Write the statement for a page of things that are kept as features: one row per item, as (JSON, key, whether it is due).

    None where that does not do. Where features are still to be written, or nothing was found, ask as ever (`list_sql`).
    """
    if (
        layer.written is None
        or asked["geometry"]
        or any(value is not None for name, value in asked.items() if name not in WRITTEN)
    ):
        return None
    conditions = written_conditions(layer, boxed=asked.get("bbox") is not None)
    parameters: dict[str, Any] = {"at": asked.get("at") or datetime.now(UTC), "limit": asked["limit"] + 1}
    if asked.get("bbox") is not None:
        conditions.append(BBOX_FILTER.format("w.geometry"))
        parameters.update(parse_bbox(asked["bbox"]))
    if asked["cursor"] is not None:
        conditions.append("w.code > %(cursor)s")
        parameters["cursor"] = _cursor_value(layer, asked["cursor"])
    where = " and ".join(conditions)
    return (
        f"select {PROPERTIES}, w.code, {WRITTEN_DUE} from {layer.written} w where {where} order by w.code limit %(limit)s",
        parameters,
    )


def _conditions(layer: Layer, asked: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Write what a list holds: its filters, and their parameters."""
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if layer.dated:
        conditions.append(layer.dated)
        parameters["at"] = asked.get("at") or datetime.now(UTC)
    for name, predicate in layer.filters.items():
        if (value := asked.get(name)) is not None:
            conditions.append(predicate if isinstance(predicate, str) else predicate[value])
            parameters[name] = f"%{escape_like(value)}%" if name == "q" else value
    if layer.own and sees_few() and not any(asked.get(name) for name in NARROW):
        conditions.append(layer.own)
    if asked.get("bbox") is not None:
        conditions.append(BBOX_FILTER.format(layer.geometry))
        parameters.update(parse_bbox(asked["bbox"]))
    return conditions, parameters


def _ordered_sql(
    layer: Layer, order: Order, row: str, conditions: list[str], parameters: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Write the statement for a page in another order; its cursor is the microsecond of the last row and its key."""
    if parameters["cursor"] is not None:
        moment, _, key = parameters["cursor"].partition("~")
        if not (moment.isdecimal() and key.isdecimal() and len(key) <= 18 and len(moment) <= 18) or (
            int(moment) > LAST_US
        ):
            raise Invalid("The cursor is not one this list has given.")
        conditions = [*conditions, f"({order.column}, {layer.key}) > (%(after)s, %(key)s)"]
        parameters = parameters | {"after": EPOCH + timedelta(microseconds=int(moment)), "key": int(key)}
    cursor = f"(extract(epoch from {order.column}) * 1000000)::bigint::text || '~' || {layer.key}"
    where = " and ".join(conditions) or "true"
    by = f"order by {order.column}, {layer.key} limit %(limit)s"
    return f"select {row}, {cursor} from {layer.source} where {where} {by}", parameters


def item_sql(layer: Layer) -> str:
    """Write the statement for one thing by its key (parameter `key`, and `at` for a dated layer)."""
    dated = f" and {layer.dated}" if layer.dated else ""
    row = _row(layer, geometry=layer.geometry is not None)
    return f"select {row} from {layer.source} where {layer.key} = %(key)s{dated}"


def escape_like(text: str) -> str:
    """Make a person's text literal inside LIKE."""
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


async def answer_list(database: Database, layer: Layer, asked: ListQuery, url: URL, **of: Any) -> Response:
    """Answer one page as JSON bytes; `of` are filters that come from the path."""
    given = asked.model_dump(by_alias=True) | of
    rows: list[Any] = []
    if written := written_sql(layer, given):
        rows = await database.rows(written[0].encode(), written[1], one_plan=is_plain(layer, given))
    if not rows or (written and rows[0][2]):
        sql, parameters = list_sql(layer, given)
        rows = await database.rows(sql.encode(), parameters, one_plan=is_plain(layer, given))
    following = None
    if len(rows) > asked.limit:
        rows = rows[: asked.limit]
        kept = {name: value for name, value in parse_qsl(url.query) if name != "cursor"}
        following = f"{url.path}?{urlencode({**kept, 'cursor': rows[-1][1]})}"
    count = await _count(database, layer, given) if given.get("count") else ""
    body = f'{{"items": [{",".join(row[0] for row in rows)}], "next": {json.dumps(following)}{count}}}'
    return Response(body.encode(), media_type="application/json")


def is_plain(layer: Layer, asked: Mapping[str, Any]) -> bool:
    """Tell whether a page is a stretch of the key's order, which one plan finds whatever the values are."""
    return not asked.get("sort") and not any(asked.get(name) is not None for name in ("bbox", *layer.filters))


async def _count(database: Database, layer: Layer, given: Mapping[str, Any]) -> str:
    """Count all that a list holds, whatever page of it is asked for."""
    conditions, parameters = _conditions(layer, given)
    where = " and ".join(conditions) or "true"
    rows = await database.rows(f"select count(*) from {layer.source} where {where}".encode(), parameters)
    return f', "count": {rows[0][0]}'


async def answer_item(database: Database, layer: Layer, key: str | int, at: datetime | None = None) -> Response:
    """Answer one thing as JSON bytes, or raise NotFound."""
    rows = await database.rows(item_sql(layer).encode(), {"key": key, "at": at or datetime.now(UTC)})
    if not rows:
        raise NotFound(f"There is no {layer.one} {key!r}.")
    return Response(rows[0][0].encode(), media_type="application/json")


def _row(layer: Layer, *, geometry: bool) -> str:
    fields = dict(layer.fields)
    if geometry and layer.geometry:
        fields["geometry"] = GEOMETRY.format(layer.geometry)
    return "json_build_object(" + ", ".join(f"'{name}', {sql}" for name, sql in fields.items()) + ")::text"


def _cursor_value(layer: Layer, cursor: str) -> str | int:
    if not layer.newest_first:
        return cursor
    if not cursor.isdecimal() or len(cursor) > 18:
        raise Invalid("The cursor is not one this list has given.")
    return int(cursor)
