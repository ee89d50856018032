"""Tables without a drawing program: CSV, XLSX and GeoParquet files in, rows out, or a sentence on what is wrong.

Each reader gives frames of at most so many rows, one after another, so that a large file is never held as a whole.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import shapely
from pyarrow import ArrowInvalid, parquet
from pyproj import CRS
from pyproj.exceptions import CRSError
from python_calamine import CalamineError, CalamineWorkbook

from gridsvc.core.errors import Invalid
from gridsvc.exchange.formats.formulas import unguard

ALL_ROWS = 2**31 - 1
CHUNK_BYTES = 1 << 20


def read_csv(path: Path, most: int) -> Iterator[pd.DataFrame]:
    """Read a CSV in UTF-8 or GB 18030, every value as text."""
    with path.open(encoding=_encoding(path), newline="") as file:
        lines = csv.reader(file)
        header = _header(next(lines, []), path)
        done = 0
        while rows := list(islice(lines, most)):
            yield _frame(header, [[unguard(value) for value in row] for row in rows], path, done)
            done += len(rows)
        if not done:
            yield _frame(header, [], path, 0)


def read_xlsx(path: Path, most: int) -> Iterator[pd.DataFrame]:
    """Read the first sheet of a workbook: its first row names the columns; numbers and times keep their type."""
    try:
        with CalamineWorkbook.from_path(path) as book:
            rows = book.get_sheet_by_index(0).to_python()
    except (CalamineError, OSError, IndexError) as error:
        raise Invalid(f"{path.name} cannot be read as XLSX: {error}") from None
    header = _header(rows[0] if rows else [], path)
    for done in range(0, max(len(rows) - 1, 1), most):
        yield _frame(header, rows[1 + done : 1 + done + most], path, done)


def read_parquet(path: Path, most: int) -> Iterator[pd.DataFrame]:
    """Read a GeoParquet file with its CRS, or a plain Parquet file as a table."""
    try:
        # GeoParquet also knows geometries that are lists of numbers; few files have them, and geopandas reads them.
        with parquet.ParquetFile(path, buffer_size=CHUNK_BYTES, pre_buffer=False) as file:
            place = _wkb_column(file.schema_arrow)
            if place is None:
                yield gpd.read_parquet(path) if b"geo" in (file.schema_arrow.metadata or {}) else pd.read_parquet(path)
                return
            name, crs = place
            for table in [file.read()] if most == ALL_ROWS else map(pa.table, file.iter_batches(most)):
                yield drawn(table, name, crs)
    except (
        ArrowInvalid,
        OSError,
        ValueError,
        KeyError,
        json.JSONDecodeError,
        CRSError,
        shapely.GEOSException,
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise Invalid(f"{path.name} cannot be read as Parquet: {reason}") from None


def count_parquet(path: Path) -> int:
    """Tell how many rows a Parquet file has; 0 for one that cannot be read, which its reader will say."""
    try:
        return int(parquet.read_metadata(path).num_rows)
    except (ArrowInvalid, OSError):
        return 0


def count_marks(path: Path, mark: bytes) -> int:
    """Tell how often some bytes are in a file; 0 for one that is not there."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return sum(piece.count(mark) for piece in iter(lambda: file.read(CHUNK_BYTES), b""))


def drawn(table: pa.Table, name: str, crs: CRS | None) -> pd.DataFrame:
    """Make a frame of a table whose column `name` is WKB, which it stays, as `geometry`; `attrs` says its CRS."""
    shapes = pd.Series(pd.arrays.ArrowExtensionArray(table[name].cast(pa.binary())))
    frame: pd.DataFrame = table.drop_columns([name]).to_pandas().assign(geometry=shapes)
    frame.attrs["crs"] = crs
    return frame


def _wkb_column(schema: pa.Schema) -> tuple[str, CRS | None] | None:
    """Find the geometry column of a GeoParquet file and its CRS, where that is the usual WKB."""
    metadata = schema.metadata or {}
    if b"geo" not in metadata:
        return None
    geo = json.loads(metadata[b"geo"])
    name = geo["primary_column"]
    told = geo["columns"][name]
    # The standard's own default; a `null` says that there is no CRS to be known.
    if told["encoding"] != "WKB":
        return None
    crs = told.get("crs", "OGC:CRS84")
    return name, None if crs is None else CRS.from_user_input(crs)


def _header(row: Sequence[object], path: Path) -> list[str]:
    header = [str(name).strip() for name in row]
    if len(set(header)) != len(header) or not all(header):
        raise Invalid(f"The first line of {path.name} must name every column, each once.")
    return header


def _frame(header: list[str], rows: Sequence[Sequence[object]], path: Path, before: int) -> pd.DataFrame:
    crooked = next((number for number, row in enumerate(rows, 1) if row and len(row) != len(header)), None)
    if crooked:
        values = len(rows[crooked - 1])
        raise Invalid(f"Row {before + crooked} of {path.name} has {values} values for {len(header)} columns.")
    return pd.DataFrame([row for row in rows if row], columns=header, dtype=object)


def _encoding(path: Path) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            with path.open(encoding=encoding, newline="") as file:
                while piece := file.read(CHUNK_BYTES):
                    if "\0" in piece:
                        raise Invalid(f"{path.name} is not a text file.")
        except UnicodeDecodeError:
            continue
        return encoding
    raise Invalid(f"{path.name} is neither UTF-8 nor GB 18030 text.")
