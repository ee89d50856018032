"""Features as FlatGeobuf: rows with their geometry as WKB in, the bytes of one file out, written by GDAL.

PostGIS has `ST_AsFlatGeobuf`, but up to 3.3 it puts the value after a null into the wrong column.
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyogrio

KINDS = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "moment": pa.timestamp("us", tz="UTC"),
}
"""A kind of a property, as a type of a column."""


def write_flatgeobuf(rows: Sequence[Sequence[Any]], columns: Mapping[str, str], shape: str, srid: int) -> bytes:
    """Write rows in their order; `columns` names the kinds of all but the last value of a row, which is the geometry."""
    values = [list(one) for one in zip(*rows, strict=True)] or [[] for _ in range(len(columns) + 1)]
    arrays = [pa.array(one, KINDS[kind]) for one, kind in zip(values[:-1], columns.values(), strict=True)]
    table = pa.table([*arrays, pa.array(values[-1], pa.binary())], names=[*columns, "geometry"])
    out = io.BytesIO()
    with warnings.catch_warnings():
        # GDAL says that a file in memory cannot be looked up by its name, which nobody does.
        warnings.simplefilter("ignore", RuntimeWarning)
        pyogrio.write_arrow(
            table,
            out,
            driver="FlatGeobuf",
            layer="features",
            geometry_name="geometry",
            geometry_type=shape,
            crs=f"EPSG:{srid}",
            # The spatial index would change the order, and a page ends where its order says.
            SPATIAL_INDEX="NO",
        )
    return out.getvalue()
