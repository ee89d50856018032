"""Batches of rows in, a file of one format out; a writer per format, each streaming."""

import json
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely
import xlsxwriter
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from pyproj import CRS

from gridsvc.core.errors import Invalid
from gridsvc.exchange.layers import LAYERS

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


DBF_NAME = 10
DBF_TEXT = 254


@dataclass(frozen=True)
class Sheet:
    """What is written: batches of one schema (a column `geometry` is WKB in `crs`), of which layer, in which language."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    crs: str
    layer: str
    language: str | None

    @property
    def has_places(self) -> bool:
        """Tell whether the rows have a geometry."""
        return "geometry" in self.schema.names


def _write_gdal(driver: str, **options: str) -> Callable[[Sheet, Path], None]:
    def write(sheet: Sheet, out: Path) -> None:
        if not sheet.has_places:
            raise Invalid(f"{sheet.layer} have no place; export them as csv, xlsx or parquet.")
        faults: list[Exception] = []
        try:
            with warnings.catch_warnings():
                # A shapefile shortens long column names, and says so.
                warnings.simplefilter("ignore", RuntimeWarning)
                pyogrio.write_arrow(
                    pa.RecordBatchReader.from_batches(sheet.schema, _watched(sheet.batches, faults)),
                    out,
                    driver=driver,
                    layer=sheet.layer,
                    geometry_name="geometry",
                    geometry_type=KINDS[sheet.layer],
                    crs=sheet.crs,
                    **options,
                )
        except RuntimeError:
            if faults:
                raise faults[0] from None
            raise

    return write


def _watched(batches: Iterator[pa.RecordBatch], faults: list[Exception]) -> Iterator[pa.RecordBatch]:
    """Pass batches on, and keep what goes wrong while making them: GDAL only says that the stream has ended badly."""
    try:
        yield from batches
    except Exception as fault:
        faults.append(fault)
        raise


def _write_shapefile(sheet: Sheet, out: Path) -> None:
    # Beside each other in a folder of their own, then into one archive; the .cpg says that names are UTF-8.
    folder = out.with_suffix(".parts")
    folder.mkdir()
    names = [_short(name, sheet.layer) for name in sheet.schema.names]
    schema = pa.schema([(name, column.type) for name, column in zip(names, sheet.schema, strict=True)])
    batches = (_fitting(batch.rename_columns(names), sheet.layer) for batch in sheet.batches)
    short = replace(sheet, schema=schema, batches=batches)
    _write_gdal("ESRI Shapefile", ENCODING="UTF-8")(short, folder / f"{sheet.layer}.shp")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.iterdir()):
            archive.write(part, part.name)


def _fitting(batch: pa.RecordBatch, layer: str) -> pa.RecordBatch:
    for column, name in zip(batch.columns, batch.schema.names, strict=True):
        if column.type == pa.string() and (pc.max(pc.binary_length(column)).as_py() or 0) > DBF_TEXT:
            raise Invalid(
                f"A shapefile holds {DBF_TEXT} bytes of text in a column, and {name} of {layer} is longer; "
                "nothing would tell what was cut off. Export them as gpkg."
            )
    return batch


def _short(name: str, layer: str) -> str:
    """Give the name of at most ten letters that an import knows the column by; a shapefile has room for no more."""
    fields = {one.name: one for one in LAYERS[layer].fields}
    if len(name) <= DBF_NAME or name not in fields:
        return name
    return next((also for also in fields[name].also if also.isascii() and len(also) <= DBF_NAME), name)


def _write_parquet(sheet: Sheet, out: Path) -> None:
    schema = sheet.schema
    if sheet.has_places:
        column = {"encoding": "WKB", "geometry_types": [KINDS[sheet.layer]], "crs": CRS(sheet.crs).to_json_dict()}
        geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
        schema = schema.with_metadata({"geo": json.dumps(geo)})
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in sheet.batches:
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))


def _write_csv(sheet: Sheet, out: Path) -> None:
    flat = _flat_schema(sheet)
    with out.open("wb") as file:
        # So that a spreadsheet program knows it is UTF-8.
        file.write("\ufeff".encode())
        with arrow_csv.CSVWriter(file, _named(flat, sheet)) as writer:
            for batch in sheet.batches:
                plain = pa.RecordBatch.from_arrays(_flat(batch, sheet), schema=_named(flat, sheet))
                writer.write_batch(plain)


def _write_xlsx(sheet: Sheet, out: Path) -> None:
    # A text that begins with = must never become a formula in somebody's spreadsheet.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": True,
    }
    with xlsxwriter.Workbook(out, options) as book:
        page = book.add_worksheet(sheet.layer)
        schema = _named(_flat_schema(sheet), sheet)
        page.write_row(0, 0, schema.names)
        page.freeze_panes(1, 0)
        line = 1
        for batch in sheet.batches:
            for row in zip(*(column.to_pylist() for column in _flat(batch, sheet)), strict=True):
                for place, value in enumerate(row):
                    if isinstance(value, bool | int | float):
                        page.write(line, place, value)
                    elif value is not None:
                        page.write_string(line, place, str(value))
                line += 1


def _flat_schema(sheet: Sheet) -> pa.Schema:
    columns = [
        (column.name, pa.string() if pa.types.is_timestamp(column.type) else column.type)
        for column in sheet.schema
        if column.name != "geometry"
    ]
    if sheet.has_places:
        point = KINDS[sheet.layer] == "Point"
        columns += [("lon", pa.float64()), ("lat", pa.float64())] if point else [("geometry", pa.string())]
    return pa.schema(columns)


def _flat(batch: pa.RecordBatch, sheet: Sheet) -> list[pa.Array]:
    """Make plain columns: times as RFC 3339, points as lon and lat, other shapes as WKT."""
    columns = []
    for column, name in zip(batch.columns, batch.schema.names, strict=True):
        if name == "geometry":
            continue
        if pa.types.is_timestamp(column.type):
            columns.append(pa.array([value and value.isoformat() for value in column.to_pylist()], pa.string()))
        else:
            columns.append(column)
    if sheet.has_places:
        shapes = shapely.from_wkb(np.array(batch.column("geometry").to_pylist(), dtype=object))
        if KINDS[sheet.layer] == "Point":
            columns += [pa.array(shapely.get_x(shapes)), pa.array(shapely.get_y(shapes))]
        else:
            # All the digits there are: what is read again is the same to the last bit.
            columns.append(pa.array(shapely.to_wkt(shapes, rounding_precision=17), pa.string()))
    return columns


def _named(schema: pa.Schema, sheet: Sheet) -> pa.Schema:
    if sheet.language != "zh":
        return schema
    chinese = {
        one.name: next((name for name in one.also if not name.isascii()), one.name)
        for one in LAYERS[sheet.layer].fields
    } | {"lon": "经度", "lat": "纬度"}
    return pa.schema([(chinese.get(column.name, column.name), column.type) for column in schema])


WRITERS: dict[str, Callable[[Sheet, Path], None]] = {
    "geojson": _write_gdal("GeoJSON", COORDINATE_PRECISION="7", RFC7946="NO"),
    "gpkg": _write_gdal("GPKG"),
    # Its index cannot hold a row without a place.
    "fgb": _write_gdal("FlatGeobuf", SPATIAL_INDEX="NO"),
    "shp.zip": _write_shapefile,
    "parquet": _write_parquet,
    "csv": _write_csv,
    "xlsx": _write_xlsx,
}
"""Every format, and what writes it."""

MEDIA_TYPES = {
    "geojson": "application/geo+json",
    "gpkg": "application/geopackage+sqlite3",
    "fgb": "application/flatgeobuf",
    "shp.zip": "application/zip",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
