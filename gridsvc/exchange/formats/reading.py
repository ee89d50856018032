"""A file in, its rows in EPSG:4326 out, piece by piece, or a sentence that says why it cannot be read."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataSourceError
from pyproj import CRS
from pyproj.exceptions import CRSError

from gridsvc.core.errors import Invalid
from gridsvc.core.geo import SRID
from gridsvc.exchange.formats.osm import FORMATS as OSM_FORMATS
from gridsvc.exchange.formats.osm import read_osm
from gridsvc.exchange.formats.osm_tags import building_row, street_row
from gridsvc.exchange.formats.packed import refuse_bomb
from gridsvc.exchange.formats.tables import (
    ALL_ROWS,
    count_marks,
    count_parquet,
    drawn,
    read_csv,
    read_parquet,
    read_xlsx,
)
from gridsvc.exchange.formats.wkb import WKB, shapes_of
from gridsvc.exchange.layers import ImportLayer
from gridsvc.exchange.placing.datums import DATUMS, move

TABLE_FORMATS = {".csv": read_csv, ".xlsx": read_xlsx, ".parquet": read_parquet, ".geoparquet": read_parquet}
VECTOR_FORMATS = (".geojson", ".json", ".gpkg", ".fgb", ".shp", ".zip")
ROW_MARKS = {".csv": b"\n", ".geojson": b'"Feature"', ".json": b'"Feature"'}
"""What is there once for every row of a text."""
COUNTED = (".gpkg", ".fgb", ".shp", ".zip")
"""Formats that tell by themselves how many rows they have."""
LONGITUDE = ("lon", "lng", "longitude", "x", "经度")
LATITUDE = ("lat", "latitude", "y", "纬度")
TAGS = {"streets": ("highway", street_row), "buildings": ("building", building_row)}
BATCH_ROWS = 65_536

Frames = Iterator[pd.DataFrame]


@dataclass
class Table:
    """Rows of a file: `frame` has a column `row` (1 = the first of the file) and, for a layer with places, `geometry`.

    That is shapes, or their WKB where nobody has needed the shapes yet (see `wkb.shapes_of`).

    `passed_over` are things of the file that are not of the layer, or that its own format could not build.
    """

    frame: pd.DataFrame
    passed_over: list[tuple[str, str]] = field(default_factory=list)


def read_file(path: Path, layer: ImportLayer, crs: str, progress: Callable[[int], None] | None = None) -> Table:
    """Read every row of a file for a layer, as one table; see `read_pieces`."""
    (table,) = read_pieces(path, layer, crs, progress=progress)
    return table


def read_pieces(
    path: Path,
    layer: ImportLayer,
    crs: str,
    *,
    most: int = ALL_ROWS,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Table]:
    """Read a file for a layer, at most so many rows of it at a time, one table after another.

    `crs` is "auto" (what the file says), "EPSG:n", or a datum of Chinese maps (gcj02, bd09).
    Raises Invalid, naming the file, for one that is missing, empty, not what its name says, or in no known CRS.
    """
    done, passed_over = 0, 0
    for table in _raw_pieces(path, layer, crs, most, progress):
        if layer.osm:
            _translate_tags(table, layer)
        rows = len(table.frame)
        table.frame = table.frame.assign(row=range(done + 1, done + rows + 1))
        done += rows
        passed_over += len(table.passed_over)
        if rows or table.passed_over:
            yield table
    if not done and not passed_over:
        raise Invalid(f"{path.name} holds no rows.")


def count_rows(path: Path) -> int:
    """Tell how many rows a file has, roughly for one of text; 0 where that is not to be known without reading it."""
    name = path.name.lower()
    if name.endswith((".parquet", ".geoparquet")):
        return count_parquet(path)
    if mark := next((mark for suffix, mark in ROW_MARKS.items() if name.endswith(suffix)), None):
        return count_marks(path, mark)
    if name.endswith(COUNTED):
        try:
            with _quiet():
                return max(int(pyogrio.read_info(path)["features"]), 0)
        except (DataSourceError, ValueError, UnicodeDecodeError):
            return 0
    return 0


def _raw_pieces(
    path: Path, layer: ImportLayer, crs: str, most: int, progress: Callable[[int], None] | None
) -> Iterator[Table]:
    if not path.is_file():
        raise Invalid(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise Invalid(f"{path.name} is empty.")
    refuse_bomb(path)
    name = path.name.lower()
    if name.endswith(tuple(OSM_FORMATS)):
        yield from _read_raw_osm(path, layer, most, progress)
        return
    reader = next((read for suffix, read in TABLE_FORMATS.items() if name.endswith(suffix)), None)
    if reader is not None:
        frames: Frames = (_place_table(frame, path, layer) for frame in reader(path, most))
    elif name.endswith(VECTOR_FORMATS):
        frames = _read_vector(path, layer, most)
    else:
        known = ", ".join((*TABLE_FORMATS, *VECTOR_FORMATS, *OSM_FORMATS))
        raise Invalid(f"{path.name} is of no format that can be read; there are {known}.")
    for frame in frames:
        placed = layer.geometry and "geometry" in frame
        yield Table(_to_wgs84(frame, crs, path) if placed else frame)


def _read_raw_osm(path: Path, layer: ImportLayer, most: int, progress: Callable[[int], None] | None) -> Iterator[Table]:
    if layer.name not in TAGS:
        raise Invalid(f"{path.name} is raw OpenStreetMap, which is read for streets and buildings, not {layer.name}.")
    frame = read_osm(path, layer.name, progress)  # type: ignore[arg-type]
    if not len(frame):
        raise Invalid(f"{path.name} holds no {layer.name}.")
    rejected = list(frame.attrs.pop("rejected", []))
    for begin in range(0, len(frame), most):
        yield Table(frame.iloc[begin : begin + most], rejected if begin == 0 else [])


def _read_vector(path: Path, layer: ImportLayer, most: int) -> Frames:
    try:
        with ExitStack() as opened:
            with _quiet():
                reading = pyogrio.open_arrow(
                    path, batch_size=min(most, BATCH_ROWS), use_pyarrow=True, datetime_as_string=True
                )
                meta, batches = opened.enter_context(reading)
            name = meta["geometry_name"] or "wkb_geometry"
            placed = name in batches.schema.names
            if not placed and layer.geometry and layer.geometry_required:
                raise Invalid(f"{path.name} has no geometry at all.")
            source = CRS.from_user_input(meta["crs"]) if meta["crs"] else None
            for table in _tables(batches, most):
                yield drawn(table, name, source) if placed else table.to_pandas()
    except (DataSourceError, ValueError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise Invalid(f"{path.name} cannot be read as {path.suffix[1:]}: {reason}") from None


def _tables(batches: pa.RecordBatchReader, most: int) -> Iterator[pa.Table]:
    while True:
        with _quiet():
            batch = batches.read_all() if most == ALL_ROWS else next(batches, None)
        if batch is None:
            return
        yield pa.table(batch)
        if most == ALL_ROWS:
            return


@contextmanager
def _quiet() -> Iterator[None]:
    """Let GDAL not warn of single bad features: they come out without a geometry and are reported by row."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _place_table(frame: pd.DataFrame, path: Path, layer: ImportLayer) -> pd.DataFrame:
    """Find the places of a table: WKT, or two columns of degrees."""
    if layer.geometry is None:
        return pd.DataFrame(frame)
    if isinstance(frame, gpd.GeoDataFrame):
        return pd.DataFrame(frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame)
    if "geometry" in frame.columns:
        return frame if frame["geometry"].dtype == WKB else _from_wkt(frame)
    if (places := _points(frame)) is not None:
        return places
    if layer.geometry_required:
        raise Invalid(f"{path.name} needs the columns lon and lat (经度, 纬度), or geometry (WKT), for {layer.name}.")
    return frame


def _from_wkt(frame: pd.DataFrame) -> pd.DataFrame:
    # A text that is no shape becomes none, and is then reported by its row.
    shapes = shapely.from_wkt([text or None for text in frame["geometry"]], on_invalid="ignore")
    return frame.assign(geometry=gpd.GeoSeries(list(shapes), index=frame.index, crs=SRID))


def _points(frame: pd.DataFrame) -> pd.DataFrame | None:
    columns = {str(name).lower(): name for name in frame.columns}
    lon = next((columns[name] for name in LONGITUDE if name in columns), None)
    lat = next((columns[name] for name in LATITUDE if name in columns), None)
    if lon is None or lat is None:
        return None
    numbers = frame[[lon, lat]].apply(pd.to_numeric, errors="coerce")
    places = gpd.GeoSeries(gpd.points_from_xy(numbers[lon], numbers[lat]), index=frame.index, crs=SRID)
    # shapely makes an empty point of a missing number; the row is then reported as having no place.
    places[numbers.isna().any(axis=1)] = None
    return frame.assign(geometry=places)


def _to_wgs84(frame: pd.DataFrame, crs: str, path: Path) -> pd.DataFrame:
    """Bring the shapes to EPSG:4326; those that are there already stay as they are, also as WKB."""
    source = frame.attrs.get("crs") if frame["geometry"].dtype == WKB else gpd.GeoSeries(frame["geometry"]).crs
    if crs in DATUMS:
        # The numbers are degrees of another datum, whatever CRS the file claims for them.
        moved = move(shapes_of(frame["geometry"]), crs, "wgs84")
        return frame.assign(geometry=gpd.GeoSeries(moved, index=frame.index, crs=SRID))
    source = source if crs == "auto" else _named_crs(crs)
    if source is None:
        raise Invalid(f"{path.name} does not say its CRS; say it with --crs EPSG:n.")
    if _is_wgs84(source):
        return frame
    shapes = gpd.GeoSeries(shapes_of(frame["geometry"]), index=frame.index, crs=source)
    return frame.assign(geometry=shapes.to_crs(SRID))


@lru_cache
def _is_wgs84(crs: CRS) -> bool:
    return bool(crs.equals(CRS.from_epsg(SRID), ignore_axis_order=True))


@lru_cache
def _named_crs(name: str) -> CRS:
    try:
        return CRS.from_user_input(name)
    except CRSError:
        raise Invalid(f"There is no CRS {name!r}; say auto, EPSG:n, gcj02 or bd09.") from None


def _translate_tags(table: Table, layer: ImportLayer) -> None:
    """Turn columns that are OpenStreetMap tags (as OSMnx writes them) into the layer's own, in place."""
    tag, translate = TAGS[layer.name]
    frame = table.frame
    if tag not in frame.columns or "code" in frame.columns:
        return
    tags = frame.drop(columns="geometry").astype(object).to_dict("records")
    rows = [translate({str(key): str(value) for key, value in row.items() if pd.notna(value)}) for row in tags]
    taken = [row is not None for row in rows]
    own = gpd.GeoDataFrame(
        pd.DataFrame([row for row in rows if row is not None], dtype=object),
        geometry=list(shapes_of(frame["geometry"])[taken]),
        crs=SRID,
    )
    if {"element", "id"} <= set(frame.columns):
        codes = frame["element"].str[0] + frame["id"].astype(str)
        own["code"] = list(codes[taken])
        table.passed_over += [(code, f"its tags are not of {layer.name}") for code in codes[[not t for t in taken]]]
    table.frame = own
