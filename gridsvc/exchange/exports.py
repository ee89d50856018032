"""A layer and a moment in, a file of it out, in any of the formats an import reads; streamed, never half-written."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import shapely
from psycopg.rows import TupleRow
from pyproj import Transformer
from pyproj.exceptions import CRSError

from gridsvc.core.browse import Layer
from gridsvc.core.errors import Invalid
from gridsvc.exchange.formats.sheets import Sheet
from gridsvc.exchange.formats.writing import WRITERS
from gridsvc.exchange.labels import Language
from gridsvc.exchange.placing.datums import DATUMS, Datum, move
from gridsvc.incidents.layers import INCIDENTS
from gridsvc.patrol.layers import ROUTES
from gridsvc.territory import layers as territory
from gridsvc.workforce.layers import POSTS, WORKERS

BATCH = 10_000
"""Rows held in memory at a time."""

CHECKPOINTS = """(select coalesce(json_agg(json_build_object(
    'name', c.name, 'lon', st_x(c.geometry), 'lat', st_y(c.geometry)) order by c.position), '[]')
    from checkpoint c where c.route = r.id)"""

NESTED = {"place", "photos", "why"}

EXPORTS: dict[str, Layer] = {
    layer.name: layer
    for layer in (
        territory.DIVISIONS,
        territory.COMMUNITIES,
        territory.GRIDS,
        territory.BUILDINGS,
        territory.STREETS,
        territory.ASSETS,
        WORKERS,
        POSTS,
        # As an import reads them: plain longitude and latitude, and only a worker of the route's own.
        ROUTES.extended({"checkpoints": CHECKPOINTS, "worker": "r.worker"}),
        replace(
            INCIDENTS,
            fields={name: sql for name, sql in INCIDENTS.fields.items() if name not in NESTED}
            | {"accuracy_m": "i.accuracy_m", "rule": "i.rule"},
        ),
    )
}
"""The layers as the API reads them; what an import does not know of them it passes over."""

TYPES = {16: pa.bool_(), 20: pa.int64(), 21: pa.int64(), 23: pa.int64(), 700: pa.float64(), 701: pa.float64()}
TYPES |= {1184: pa.timestamp("us", "UTC"), 1700: pa.float64()}
"""PostgreSQL's type numbers and Arrow's types; everything else is text, JSON too."""


@dataclass(frozen=True)
class Wanted:
    """What is to be exported: `crs` is EPSG:n or a datum (gcj02, bd09).

    With a `language` csv and xlsx are written for people: in its words, with times in the zone `zone`.
    """

    layer: str
    format: str
    at: datetime | None = None
    crs: str = "EPSG:4326"
    language: Language | None = None
    zone: tzinfo = UTC


def export(connection: psycopg.Connection[TupleRow], wanted: Wanted, out: Path, progress: Callable[[int], None]) -> int:
    """Write a layer to `out`; answer how many rows it has.

    Rows are read by a cursor on the server, batch by batch, in one snapshot and in the connection's transaction. The
    file takes its name when it is complete. Raises Invalid for an unknown layer, format or CRS.
    """
    layer, writer = _layer(wanted.layer), WRITERS.get(wanted.format)
    if writer is None:
        raise Invalid(f"There is no format {wanted.format!r}; there are {', '.join(WRITERS)}.")
    turn = turning(wanted.crs)
    rows = 0
    with connection.cursor("export") as cursor:
        cursor.itersize = BATCH
        cursor.execute(select(layer).encode(), {"at": wanted.at or datetime.now(UTC)})
        schema = _schema(cursor, layer)

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal rows
            while found := cursor.fetchmany(BATCH):
                rows += len(found)
                progress(rows)
                yield _batch(found, schema, turn)

        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as spare:
            unfinished = Path(spare) / out.name
            sheet = Sheet(schema, batches(), _crs_of_file(wanted.crs), layer.name, wanted.language, wanted.zone)
            writer(sheet, unfinished)
            unfinished.replace(out)
    return rows


def select(layer: Layer) -> str:
    """Write the statement that reads a whole layer by its key; geometry comes as `geometry`, in WKB."""
    columns = [f'{sql} as "{name}"' for name, sql in layer.fields.items()]
    if layer.geometry:
        columns.append(f"st_asbinary({layer.geometry}) as geometry")
    return f"select {', '.join(columns)} from {layer.source} where {layer.dated or 'true'} order by {layer.key}"


def turning(crs: str) -> Callable[[Any], Any] | None:
    """Give what turns geometries of EPSG:4326 into another CRS or datum; None when nothing has to be done."""
    if crs in DATUMS:
        datum: Datum = crs
        return None if datum == "wgs84" else lambda shapes: move(shapes, "wgs84", datum)
    if crs == "EPSG:4326":
        return None
    unknown = Invalid(f"There is no CRS {crs[:40]!r}; say EPSG:n, {', '.join(DATUMS)}.")
    # Only a number is asked for: PROJ would also take a text that names a file.
    if not re.fullmatch(r"EPSG:\d{4,6}", crs):
        raise unknown
    try:
        to = Transformer.from_crs(4326, crs, always_xy=True)
    except CRSError:
        raise unknown from None
    return lambda shapes: shapely.transform(
        shapes, lambda coords: np.column_stack(to.transform(coords[:, 0], coords[:, 1]))
    )


def _layer(name: str) -> Layer:
    if name not in EXPORTS:
        raise Invalid(f"There is no layer {name!r}; there are {', '.join(EXPORTS)}.")
    return EXPORTS[name]


def _crs_of_file(crs: str) -> str:
    # No file can say that it is in a datum of maps: it says degrees, and the reader has to know.
    return "EPSG:4326" if crs in DATUMS else crs


def _schema(cursor: psycopg.ServerCursor[TupleRow], layer: Layer) -> pa.Schema:
    columns = [(column.name, TYPES.get(column.type_code, pa.string())) for column in cursor.description or ()]
    if layer.geometry:
        columns[-1] = ("geometry", pa.binary())
    return pa.schema(columns)


def _batch(rows: list[TupleRow], schema: pa.Schema, turn: Callable[[Any], Any] | None) -> pa.RecordBatch:
    arrays = []
    for column, values in zip(schema, zip(*rows, strict=True), strict=True):
        if column.name == "geometry" and turn is not None:
            arrays.append(pa.array(shapely.to_wkb(turn(shapely.from_wkb(list(values)))), pa.binary()))
        elif column.type == pa.string():
            arrays.append(pa.array([_text(value) for value in values], pa.string()))
        elif column.type == pa.float64():
            arrays.append(pa.array([None if value is None else float(value) for value in values], pa.float64()))
        else:
            arrays.append(pa.array(values, column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
