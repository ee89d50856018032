"""A file of points in, the same rows with the owner of each out; in pieces, so that any size fits into memory."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from gridsvc.core.errors import Invalid, Unavailable
from gridsvc.exchange.formats.reading import LATITUDE, LONGITUDE
from gridsvc.territory.bulk import Cells, Coded, locate_many
from gridsvc.territory.topology.lattice import NOBODY

PIECE_BYTES = 32 << 20
"""Bytes of the file held at a time."""

ADDED = ("community", "grid", "version", "rule")


def locate_csv(
    points: Path, out: Path, grids: Cells, communities: Cells, progress: Callable[[str, int, int], None]
) -> int:
    """Write `points` with the columns community, grid, version and rule to `out`; answer how many there were.

    A row whose lon or lat is no number gets the rule `unreadable`. Nothing is left of `out` when it fails half-way.
    Raises Invalid for a file that is no such CSV.
    """
    names = _header(points)
    unfinished = out.with_name(f"{out.name}.unfinished")
    done = 0
    try:
        # Every column is read as text and goes out as it came in; numbers are made where they are needed.
        with arrow_csv.open_csv(
            points,
            arrow_csv.ReadOptions(block_size=PIECE_BYTES),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        ) as pieces:
            schema = pa.schema(
                [*pieces.schema, *((name, pa.int64() if name == "version" else pa.string()) for name in ADDED)]
            )
            with arrow_csv.CSVWriter(unfinished, schema) as writer:
                for piece in pieces:
                    writer.write_batch(_located(piece, names, grids, communities, schema))
                    done += len(piece)
                    progress("locating", done, 0)
        unfinished.replace(out)
    except pa.ArrowInvalid as error:
        raise Invalid(f"{points.name} cannot be read as CSV: {error}") from None
    except OSError as error:
        raise Unavailable(f"{out} cannot be written: {error.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return done


def _header(points: Path) -> list[str]:
    if not points.is_file():
        raise Invalid(f"There is no file {points}.")
    try:
        with points.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file), [])
    except UnicodeDecodeError:
        raise Invalid(f"{points.name} is not UTF-8 text.") from None
    for wanted in (LONGITUDE, LATITUDE):
        _column(names, wanted, points.name)
    taken = sorted(set(names) & set(ADDED))
    if taken or len(set(names)) != len(names):
        raise Invalid(f"{points.name} must name each column once, and none of them {', '.join(ADDED)}.")
    return names


def _located(
    piece: pa.RecordBatch, names: list[str], grids: Cells, communities: Cells, schema: pa.Schema
) -> pa.RecordBatch:
    lon, lat = (_numbers(piece.column(names.index(_column(names, wanted, "")))) for wanted in (LONGITUDE, LATITUDE))
    owners = locate_many(lon, lat, grids, communities)
    readable = np.isfinite(lon) & np.isfinite(lat)
    rule = Coded(np.append(owners.rule.values, "unreadable"), np.where(readable, owners.rule.which, NOBODY))
    added = [
        _column_of(one, schema.field(name).type)
        for one, name in zip((owners.community, owners.grid, owners.version, rule), ADDED, strict=True)
    ]
    return pa.RecordBatch.from_arrays([*piece.columns, *added], schema=schema)


def _column_of(coded: Coded, kind: pa.DataType) -> pa.Array:
    # Arrow picks the values itself: no object is made for a row.
    return pa.array(coded.values, kind).take(
        pa.array(np.where(coded.which == NOBODY, len(coded.values) - 1, coded.which))
    )


def _numbers(column: pa.Array) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid:
        # A text among the numbers: slower, one by one.
        return np.asarray(pd.to_numeric(column.to_pandas(), errors="coerce"), dtype=np.float64)


def _column(names: list[str], wanted: tuple[str, ...], file: str) -> str:
    present = {name.strip().lower(): name for name in names}
    for name in wanted:
        if name in present:
            return present[name]
    raise Invalid(f"{file} needs the columns lon and lat (经度, 纬度).")
