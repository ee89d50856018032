"""Tables without a drawing program: CSV, XLSX and GeoParquet files in, rows out, or a sentence on what is wrong."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely
from pyarrow import ArrowInvalid, parquet
from python_calamine import CalamineError, CalamineWorkbook

from gridsvc.core.errors import Invalid


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV in UTF-8 or GB 18030, every value as text."""
    text = _decode(path)
    if "\0" in text:
        raise Invalid(f"{path.name} is not a text file.")
    return _frame(list(csv.reader(io.StringIO(text))), path)


def read_xlsx(path: Path) -> pd.DataFrame:
    """Read the first sheet of a workbook: its first row names the columns; numbers and times keep their type."""
    try:
        with CalamineWorkbook.from_path(path) as book:
            rows = book.get_sheet_by_index(0).to_python()
    except (CalamineError, OSError, IndexError) as error:
        raise Invalid(f"{path.name} cannot be read as XLSX: {error}") from None
    return _frame(rows, path)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a GeoParquet file with its CRS, or a plain Parquet file as a table."""
    try:
        schema = parquet.read_schema(path)
        if b"geo" in (schema.metadata or {}):
            drawn: pd.DataFrame = gpd.read_parquet(path)
            return drawn
        return pd.read_parquet(path)
    except (ArrowInvalid, OSError, ValueError, KeyError, json.JSONDecodeError, shapely.GEOSException) as error:
        reason = " ".join(str(error).split())[:200]
        raise Invalid(f"{path.name} cannot be read as Parquet: {reason}") from None


def _frame(rows: Sequence[Sequence[object]], path: Path) -> pd.DataFrame:
    header = [str(name).strip() for name in rows[0]] if rows else []
    if len(set(header)) != len(header) or not all(header):
        raise Invalid(f"The first line of {path.name} must name every column, each once.")
    crooked = next((number for number, row in enumerate(rows[1:], 1) if row and len(row) != len(header)), None)
    if crooked:
        raise Invalid(f"Row {crooked} of {path.name} has {len(rows[crooked])} values for {len(header)} columns.")
    return pd.DataFrame([row for row in rows[1:] if row], columns=header, dtype=object)


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid(f"{path.name} is neither UTF-8 nor GB 18030 text.")
