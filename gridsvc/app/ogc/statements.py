"""A question about a collection in, the one statement that answers it out; PostgreSQL writes the bytes.

A page is found by keyset: the order always ends with the layer's key, and a page begins after the values where the one
before ended, so that the page at depth 500,000 costs what the first costs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from gridsvc.app.ogc.asking import BadRequest, Question, Span
from gridsvc.app.ogc.collections import Collection
from gridsvc.core.browse import WRITTEN_DUE, Layer, written_conditions
from gridsvc.core.cql2 import Column
from gridsvc.core.crs import STORED, Reference

CASTS = {"text": "text", "integer": "int8", "number": "float8", "boolean": "bool", "moment": "timestamptz"}
PYTHON: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "moment": (str,),
}
MOMENT = """to_char({0} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
FORMULA = r"""regexp_replace({0}, '^(''*[=+\-@\t\r＝＋－＠])', '''\1')"""
"""Puts an apostrophe before a text that a spreadsheet would run, as exports do (exchange/formats/formulas)."""


@dataclass(frozen=True)
class Statement:
    """SQL and the values of its parameters."""

    sql: bytes
    parameters: dict[str, Any]


@dataclass(frozen=True)
class _Term:
    """One step of an order."""

    column: Column
    descending: bool
    nullable: bool = True


def page_statement(collection: Collection, asked: Question, now: datetime, *, anew: bool = False) -> Statement:
    """Write the statement for a page: one row of (bytes, features on the page and one more if there is, where it ended).

    For FlatGeobuf it is a row for each feature, one more than asked for if there is: columns, WKB, and where it ends.
    A page of features that are kept (`is_kept`) has one value more: whether some are still to be written. What is kept
    is not the truth then, and the page is to be asked for `anew`.
    """
    if is_kept(collection, asked) and not anew:
        return _kept_page(collection.layer, asked, now)
    layer, parameters = as_of(collection.layer, asked.time, now)
    wheres = [*_held(layer, asked.time, parameters)]
    for condition in asked.conditions:
        wheres.append(_dated(collection.layer, asked.time, condition.sql))
        parameters.update(condition.parameters)
    terms = _terms(collection, layer, asked)
    if asked.after is not None:
        wheres.append(_after(terms, asked.after, parameters))
    order = ", ".join(f"{term.column.sql} {'desc' if term.descending else 'asc'}" for term in terms)
    place = f"json_build_array({', '.join(_plain(term.column) for term in terms)})::text"
    if is_by_key_alone(layer, asked):
        place = f"{layer.key}::text"
    inner = f"from {layer.source} where {' and '.join(wheres) or 'true'} order by {order} limit {asked.limit + 1}"
    write = {"json": _geojson_page, "html": _geojson_page, "csv": _csv_page, "flatgeobuf": _rows_page}
    return Statement(write[asked.form](layer, asked, place, inner).encode(), parameters)


def is_by_key_alone(layer: Layer, asked: Question) -> bool:
    """Tell whether the order of a page is that of the key and nothing else; it then ends at a key, not at a JSON list."""
    return not asked.order and (layer.valid is None or not isinstance(asked.time, Span))


def is_kept(collection: Collection, asked: Question) -> bool:
    """Tell whether a page is a stretch of the features that are kept as GeoJSON, or those of them in a box."""
    return (
        collection.layer.written is not None
        and asked.form in ("json", "html")
        and all(set(condition.parameters) == {"box"} for condition in asked.conditions)
        and not (asked.order or isinstance(asked.time, Span))
        and asked.crs == STORED
        and asked.properties == tuple(collection.properties)
    )


def _kept_page(layer: Layer, asked: Question, now: datetime) -> Statement:
    parameters: dict[str, Any] = {"at": asked.time or now}
    wheres = written_conditions(layer, boxed=bool(asked.conditions))
    for condition in asked.conditions:
        wheres.append(condition.sql.replace(str(layer.geometry), "w.geometry"))
        parameters.update(condition.parameters)
    if asked.after is not None:
        key = Column("w.code", "text")
        wheres.append(_after([_Term(key, descending=False, nullable=False)], asked.after, parameters))
    rows = (
        f"select w.feature as written, w.code as place from {layer.written} w where {' and '.join(wheres)}"
        f" order by w.code limit {asked.limit + 1}"
    )
    return Statement(
        f"select page.*, {WRITTEN_DUE} from ({_text_page(asked.limit, rows, ',')}) page".encode(), parameters
    )


def item_statement(collection: Collection, key: str | int, at: datetime, crs: Reference) -> Statement:
    """Write the statement for one feature as of a moment: one row with its GeoJSON, or none."""
    layer, parameters = as_of(collection.layer, at, at)
    feature = feature_sql(layer, tuple(collection.properties), crs, at)
    wheres = [f"{layer.key} = %(key)s", *_held(layer, at if layer.valid else None, parameters)]
    return Statement(
        f"select convert_to({feature}, 'UTF8') from {layer.source} where {' and '.join(wheres)}".encode(),
        {**parameters, "key": key},
    )


def as_of(layer: Layer, time: datetime | Span | None, now: datetime) -> tuple[Layer, dict[str, Any]]:
    """Give the layer as it is to be read: at a moment, or each version as it was when it, or the span, began."""
    if layer.valid is None or not isinstance(time, Span):
        return layer, {"at": time if layer.valid is not None and isinstance(time, datetime) else now}
    fields = {name: _dated(layer, time, sql) for name, sql in layer.fields.items()}
    start = time.start or datetime(1, 1, 1, tzinfo=UTC)
    return replace(layer, source=_dated(layer, time, layer.source), fields=fields), {"start": start, "end": time.end}


def _dated(layer: Layer, time: datetime | Span | None, sql: str) -> str:
    if layer.valid is None or not isinstance(time, Span):
        return sql
    return sql.replace("%(at)s", f"greatest(lower({layer.valid}), %(start)s::timestamptz)")


def feature_sql(layer: Layer, names: Sequence[str], crs: Reference, time: datetime | Span | None) -> str:
    """Write the expression that makes one feature as GeoJSON text."""
    said = " || ',' || ".join(f"'\"{name}\":' || {_json(layer.fields[name], layer.kinds[name])}" for name in names)
    geometry = f"coalesce(st_asgeojson({geometry_sql(layer, crs)}, {crs.decimals}, 0), 'null')"
    return (
        f"""'{{"type":"Feature","id":' || to_json({identity_sql(layer, time)}) || ',"geometry":' || {geometry}"""
        f""" || ',"properties":{{' || {said or "''"} || '}}}}'"""
    )


def _json(sql: str, kind: str) -> str:
    """Write a value as JSON text: `to_json` where it is needed, because it asks the catalogue about the type each time."""
    written = f"({sql})::text" if kind in ("integer", "boolean") else f"to_json({sql})::text"
    return f"coalesce({written}, 'null')"


def geometry_sql(layer: Layer, crs: Reference) -> str:
    """Write the geometry in a system, its axes in the order the system's authority gives them."""
    sql = str(layer.geometry)
    if crs.srid != 4326:
        sql = f"st_transform({sql}, {crs.srid})"
    return f"st_flipcoordinates({sql})" if crs.north_first else sql


def identity_sql(layer: Layer, time: datetime | Span | None) -> str:
    """Write the id of a feature: the key; and over a span, where one thing has versions, the key and since when."""
    if layer.valid is None or not isinstance(time, Span):
        return f"{layer.key}::text"
    return f"{layer.key} || '@' || {MOMENT.format(f'lower({layer.valid})')}"


def _held(layer: Layer, time: datetime | Span | None, parameters: dict[str, Any]) -> Iterator[str]:
    """Write what time says: which versions hold, or when something happened."""
    if layer.valid is not None:
        yield (
            f"{layer.valid} && tstzrange(%(start)s, %(end)s, '[]')"
            if isinstance(time, Span)
            else f"{layer.valid} @> %(at)s"
        )
    elif layer.moment is not None and isinstance(time, Span):
        for sign, end, name in ((">=", time.start, "start"), ("<=", time.end, "end")):
            if end is not None:
                parameters[name] = end
                yield f"{layer.moment} {sign} %({name})s"
    elif layer.moment is not None and time is not None:
        parameters["at"] = time
        yield f"{layer.moment} = %(at)s"


def _terms(collection: Collection, layer: Layer, asked: Question) -> list[_Term]:
    kinds = collection.properties
    terms = [_Term(Column(layer.fields[name], kinds[name].kind), down) for name, down in asked.order]
    key = Column(layer.key, "integer" if layer.newest_first else "text")
    terms.append(_Term(key, layer.newest_first, nullable=False))
    if layer.valid is not None and isinstance(asked.time, Span):
        terms.append(_Term(Column(f"lower({layer.valid})", "moment"), descending=False, nullable=False))
    return terms


def _after(terms: list[_Term], values: tuple[Any, ...], parameters: dict[str, Any]) -> str:
    """Write "comes after these values in this order"; as in PostgreSQL, null is larger than everything."""
    if len(values) != len(terms):
        raise BadRequest("The cursor is not one that this list has given.")
    beyond: list[str] = []
    same: list[str] = []
    for number, (term, value) in enumerate(zip(terms, values, strict=True)):
        _check(term, value)
        name = f"after{number}"
        parameters[name] = value
        here = f"%({name})s::{CASTS[term.column.kind]}"
        sql, sign = term.column.sql, "<" if term.descending else ">"
        if value is None:
            parameters.pop(name)
            further, equal = (f"{sql} is not null" if term.descending else "false"), f"{sql} is null"
        else:
            further, equal = f"{sql} {sign} {here}", f"{sql} = {here}"
            if term.nullable and not term.descending:
                further = f"({further} or {sql} is null)"
        beyond.append(" and ".join([*same, further]))
        same.append(equal)
    if len(terms) == 1:
        return beyond[0]
    first, name = terms[0], "after0"
    # The same once more in a form that an index on the key can serve.
    start = f"{first.column.sql} >= %({name})s::text and " if not first.nullable and not first.descending else ""
    return f"{start}({' or '.join(f'({one})' for one in beyond)})"


def _check(term: _Term, value: Any) -> None:
    fits = isinstance(value, PYTHON[term.column.kind]) and isinstance(value, bool) == (term.column.kind == "boolean")
    unfit = isinstance(value, str) and ("\x00" in value or (term.column.kind == "moment" and not _is_moment(value)))
    if (value is None and not term.nullable) or (value is not None and (not fits or unfit)):
        raise BadRequest("The cursor is not one that this list has given.")


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _plain(column: Column) -> str:
    return MOMENT.format(column.sql) if column.kind == "moment" else column.sql


def _geojson_page(layer: Layer, asked: Question, place: str, inner: str) -> str:
    feature = feature_sql(layer, asked.properties, asked.crs, asked.time)
    return _text_page(asked.limit, f"select {feature} as written, {place} as place {inner}", ",")


def _csv_page(layer: Layer, asked: Question, place: str, inner: str) -> str:
    columns = {"id": Column(identity_sql(layer, asked.time), "text")}
    columns |= {name: Column(layer.fields[name], layer.kinds[name]) for name in asked.properties}
    cells = [_csv_cell(column) for column in columns.values()]
    cells.append(f"'\"' || st_astext({geometry_sql(layer, asked.crs)}, {asked.crs.decimals}) || '\"'")
    line = " || ',' || ".join(f"coalesce({cell}, '')" for cell in cells)
    return _text_page(asked.limit, f"select {line} as written, {place} as place {inner}", "\r\n")


def _csv_cell(column: Column) -> str:
    if column.kind == "text":
        return f"""'"' || replace({FORMULA.format(f"({column.sql})::text")}, '"', '""') || '"'"""
    return _plain(column) if column.kind == "moment" else f"({column.sql})::text"


def _text_page(limit: int, rows: str, between: str) -> str:
    joined = between.replace("\r", "\\r").replace("\n", "\\n")
    return f"""
        select convert_to(coalesce(string_agg(written, E'{joined}') filter (where ogc_number <= {limit}), ''), 'UTF8'),
            count(*), min(place) filter (where ogc_number = {limit})
        from (select written, place, row_number() over () as ogc_number from ({rows}) found) numbered"""


def _rows_page(layer: Layer, asked: Question, place: str, inner: str) -> str:
    # x comes first in WKB, whatever the system.
    geometry = geometry_sql(layer, replace(asked.crs, north_first=False))
    cells = [f"({identity_sql(layer, asked.time)})::text"] if "id" not in asked.properties else []
    cells += [f"({layer.fields[name]})::{CASTS[layer.kinds[name]]}" for name in asked.properties]
    return f"select {', '.join(cells)}, st_asbinary({geometry}), {place} {inner}"


def columns_of(layer: Layer, asked: Question) -> dict[str, str]:
    """Name the columns of a page of rows and their kinds: the id, then the properties."""
    return {
        **({} if "id" in asked.properties else {"id": "text"}),
        **{one: layer.kinds[one] for one in asked.properties},
    }
