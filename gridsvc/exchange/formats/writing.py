"""Batches of rows in, a file of one format out; a writer per format, each streaming."""

import json
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
from pyarrow import parquet
from pyproj import CRS

from gridsvc.core.errors import Invalid
from gridsvc.exchange.formats.sheets import KINDS, Sheet, write_csv, write_xlsx
from gridsvc.exchange.layers import LAYERS

DBF_NAME = 10
DBF_TEXT = 254


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


WRITERS: dict[str, Callable[[Sheet, Path], None]] = {
    # Ten digits, of which zeros are left out: seven would do for EPSG:4326, but in another datum (gcj02, bd09) the last
    # of seven may come back as its neighbour.
    "geojson": _write_gdal("GeoJSON", COORDINATE_PRECISION="10", RFC7946="NO"),
    "gpkg": _write_gdal("GPKG"),
    # Its index cannot hold a row without a place.
    "fgb": _write_gdal("FlatGeobuf", SPATIAL_INDEX="NO"),
    "shp.zip": _write_shapefile,
    "parquet": _write_parquet,
    "csv": write_csv,
    "xlsx": write_xlsx,
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
