"""Batches of rows in, a table for people out: CSV and XLSX, plain columns, in words when a language is asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
import xlsxwriter
from pyarrow import csv as arrow_csv

from gridsvc.core.errors import Invalid
from gridsvc.exchange.formats.formulas import guard
from gridsvc.exchange.labels import YES_NO, Language, label, wording

KINDS = {
    "divisions": "MultiPolygon",
    "communities": "MultiPolygon",
    "grids": "Polygon",
    "buildings": "MultiPolygon",
    "streets": "MultiLineString",
    "routes": "MultiLineString",
    "assets": "Point",
    "incidents": "Point",
}
"""The geometry type of each layer's rows."""


@dataclass(frozen=True)
class Sheet:
    """What is written: batches of one schema (a column `geometry` is WKB in `crs`), and of which layer.

    With a `language` a table is written for people: its columns and values in words, its times in the zone `zone`.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    crs: str
    layer: str
    language: Language | None = None
    zone: tzinfo = UTC

    @property
    def has_places(self) -> bool:
        """Tell whether the rows have a geometry."""
        return "geometry" in self.schema.names


def write_csv(sheet: Sheet, out: Path) -> None:
    """Write UTF-8 with commas; a text that would be a formula is guarded."""
    schema = _plain_schema(sheet)
    with out.open("wb") as file:
        # So that a spreadsheet program knows it is UTF-8.
        file.write("\ufeff".encode())
        with arrow_csv.CSVWriter(file, schema) as writer:
            for batch in sheet.batches:
                columns = [guard(one) if one.type == pa.string() else one for one in _plain(batch, sheet)]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def write_xlsx(sheet: Sheet, out: Path) -> None:
    """Write one sheet, row by row; raises Invalid for what a sheet has no room for, rather than cut it off."""
    options = {
        "constant_memory": True,
        "tmpdir": str(out.parent),
        # A text that begins with = must never become a formula in somebody's spreadsheet.
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": True,
    }
    with xlsxwriter.Workbook(out, options) as book:
        page = book.add_worksheet(sheet.layer)
        page.write_row(0, 0, _plain_schema(sheet).names)
        page.freeze_panes(1, 0)
        line = 1
        for batch in sheet.batches:
            for row in zip(*(column.to_pylist() for column in _plain(batch, sheet)), strict=True):
                for place, value in enumerate(row):
                    if value is not None and _write_cell(page, line, place, value) != 0:
                        raise Invalid(
                            f"A spreadsheet has room for 1,048,576 rows and 32,767 characters in a cell, and row {line} "
                            f"of {sheet.layer} is beyond that. Export them as csv, parquet or gpkg."
                        )
                line += 1


def _write_cell(page: Any, line: int, place: int, value: Any) -> int:
    if isinstance(value, str):
        return int(page.write_string(line, place, value))
    return int(page.write(line, place, value))


def _plain_schema(sheet: Sheet) -> pa.Schema:
    columns = [
        (column.name, pa.string() if _told_in_text(column.type, sheet) else column.type)
        for column in sheet.schema
        if column.name != "geometry"
    ]
    if sheet.has_places:
        point = KINDS[sheet.layer] == "Point"
        columns += [("lon", pa.float64()), ("lat", pa.float64())] if point else [("geometry", pa.string())]
    if sheet.language is None:
        return pa.schema(columns)
    return pa.schema([(label(sheet.layer, name, sheet.language), kind) for name, kind in columns])


def _told_in_text(kind: pa.DataType, sheet: Sheet) -> bool:
    return pa.types.is_timestamp(kind) or (sheet.language is not None and pa.types.is_boolean(kind))


def _plain(batch: pa.RecordBatch, sheet: Sheet) -> list[pa.Array]:
    """Make plain columns: times as RFC 3339, points as lon and lat, other shapes as WKT, values in the language."""
    columns = [
        _told(column, name, sheet)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        if name != "geometry"
    ]
    if sheet.has_places:
        shapes = shapely.from_wkb(np.array(batch.column("geometry").to_pylist(), dtype=object))
        if KINDS[sheet.layer] == "Point":
            columns += [pa.array(shapely.get_x(shapes)), pa.array(shapely.get_y(shapes))]
        else:
            # All the digits there are: what is read again is the same to the last bit.
            columns.append(pa.array(shapely.to_wkt(shapes, rounding_precision=17), pa.string()))
    return columns


def _told(column: pa.Array, name: str, sheet: Sheet) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        # As text with its offset, in a spreadsheet too: a cell of time has no zone, and would come back as another moment.
        between = " " if sheet.language else "T"
        moments = (moment and moment.astimezone(sheet.zone).isoformat(between) for moment in column.to_pylist())
        return pa.array(moments, pa.string())
    if sheet.language is None:
        return column
    yes_no = pa.types.is_boolean(column.type)
    words: Mapping[Any, str] = YES_NO[sheet.language] if yes_no else wording(sheet.layer, name, sheet.language)
    if not words:
        return column
    return pa.array((words.get(value, value) for value in column.to_pylist()), pa.string())
