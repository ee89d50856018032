"""A file in, its rows in EPSG:4326 out, or a sentence that says why it cannot be read."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataSourceError
from pyproj import CRS
from pyproj.exceptions import CRSError

from gridsvc.core.errors import Invalid
from gridsvc.core.geo import SRID
from gridsvc.exchange.datums import DATUMS, move
from gridsvc.exchange.formats.osm import FORMATS as OSM_FORMATS
from gridsvc.exchange.formats.osm import read_osm
from gridsvc.exchange.formats.osm_tags import building_row, street_row
from gridsvc.exchange.formats.tables import read_csv, read_parquet, read_xlsx
from gridsvc.exchange.layers import ImportLayer

TABLE_FORMATS = {".csv": read_csv, ".xlsx": read_xlsx, ".parquet": read_parquet, ".geoparquet": read_parquet}
VECTOR_FORMATS = (".geojson", ".json", ".gpkg", ".fgb", ".shp", ".zip")
LONGITUDE = ("lon", "lng", "longitude", "x", "经度")
LATITUDE = ("lat", "latitude", "y", "纬度")
TAGS = {"streets": ("highway", street_row), "buildings": ("building", building_row)}


@dataclass
class Table:
    """The rows of a file: `frame` has a column `row` (1 = the first) and, for a layer with places, `geometry`.

    `passed_over` are things of the file that are not of the layer, or that its own format could not build.
    """

    frame: pd.DataFrame
    passed_over: list[tuple[str, str]] = field(default_factory=list)


def read_file(path: Path, layer: ImportLayer, crs: str, progress: Callable[[int], None] | None = None) -> Table:
    """Read every row of a file for a layer.

    `crs` is "auto" (what the file says), "EPSG:n", or a datum of Chinese maps (gcj02, bd09).
    Raises Invalid, naming the file, for one that is missing, empty, not what its name says, or in no known CRS.
    """
    if not path.is_file():
        raise Invalid(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise Invalid(f"{path.name} is empty.")
    name = path.name.lower()
    if name.endswith(tuple(OSM_FORMATS)):
        return _read_raw_osm(path, layer, progress)
    reader = next((read for suffix, read in TABLE_FORMATS.items() if name.endswith(suffix)), None)
    if reader is not None:
        table = _read_table(path, layer, crs, reader)
    elif name.endswith(VECTOR_FORMATS):
        table = _read_vector(path, layer, crs)
    else:
        known = ", ".join((*TABLE_FORMATS, *VECTOR_FORMATS, *OSM_FORMATS))
        raise Invalid(f"{path.name} is of no format that can be read; there are {known}.")
    if not len(table.frame) and not table.passed_over:
        raise Invalid(f"{path.name} holds no rows.")
    if layer.osm:
        _translate_tags(table, layer)
    table.frame.insert(0, "row", range(1, len(table.frame) + 1))
    return table


def _read_raw_osm(path: Path, layer: ImportLayer, progress: Callable[[int], None] | None) -> Table:
    if layer.name not in TAGS:
        raise Invalid(f"{path.name} is raw OpenStreetMap, which is read for streets and buildings, not {layer.name}.")
    frame = read_osm(path, layer.name, progress)  # type: ignore[arg-type]
    if not len(frame):
        raise Invalid(f"{path.name} holds no {layer.name}.")
    rejected = list(frame.attrs.pop("rejected", []))
    frame.insert(0, "row", range(1, len(frame) + 1))
    return Table(frame, rejected)


def _read_vector(path: Path, layer: ImportLayer, crs: str) -> Table:
    try:
        with warnings.catch_warnings():
            # GDAL warns of single bad features; they come out without a geometry and are reported by row.
            warnings.simplefilter("ignore")
            frame = pyogrio.read_dataframe(path)
    except (DataSourceError, ValueError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise Invalid(f"{path.name} cannot be read as {path.suffix[1:]}: {reason}") from None
    if not isinstance(frame, gpd.GeoDataFrame):
        if layer.geometry and layer.geometry_required:
            raise Invalid(f"{path.name} has no geometry at all.")
        return Table(frame)
    return Table(_to_wgs84(frame, crs, path))


def _read_table(path: Path, layer: ImportLayer, crs: str, read: Callable[[Path], pd.DataFrame]) -> Table:
    frame = read(path)
    if layer.geometry is None:
        return Table(pd.DataFrame(frame))
    if isinstance(frame, gpd.GeoDataFrame):
        frame = frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame
    elif "geometry" in frame.columns:
        frame = _from_wkt(frame)
    elif (places := _points(frame)) is not None:
        frame = places
    elif layer.geometry_required:
        raise Invalid(f"{path.name} needs the columns lon and lat (经度, 纬度), or geometry (WKT), for {layer.name}.")
    else:
        return Table(frame)
    return Table(_to_wgs84(frame, crs, path))


def _from_wkt(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    # A text that is no shape becomes none, and is then reported by its row.
    shapes = shapely.from_wkt([text or None for text in frame["geometry"]], on_invalid="ignore")
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=list(shapes), crs=SRID)


def _points(frame: pd.DataFrame) -> gpd.GeoDataFrame | None:
    columns = {str(name).lower(): name for name in frame.columns}
    lon = next((columns[name] for name in LONGITUDE if name in columns), None)
    lat = next((columns[name] for name in LATITUDE if name in columns), None)
    if lon is None or lat is None:
        return None
    numbers = frame[[lon, lat]].apply(pd.to_numeric, errors="coerce")
    places = gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(numbers[lon], numbers[lat]), crs=SRID)
    # shapely makes an empty point of a missing number; the row is then reported as having no place.
    places.loc[numbers.isna().any(axis=1), "geometry"] = None
    return places


def _to_wgs84(frame: gpd.GeoDataFrame, crs: str, path: Path) -> gpd.GeoDataFrame:
    if crs in DATUMS:
        # The numbers are degrees of another datum, whatever CRS the file claims for them.
        return frame.set_geometry(move(frame.geometry.to_numpy(), crs, "wgs84"), crs=SRID)
    source = frame.crs if crs == "auto" else _named_crs(crs)
    if source is None:
        raise Invalid(f"{path.name} does not say its CRS; say it with --crs EPSG:n.")
    if source.equals(CRS.from_epsg(SRID), ignore_axis_order=True):
        same: gpd.GeoDataFrame = frame.set_crs(SRID, allow_override=True)
        return same
    moved: gpd.GeoDataFrame = frame.set_crs(source, allow_override=True).to_crs(SRID)
    return moved


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
        geometry=list(frame.geometry[taken]),
        crs=SRID,
    )
    if {"element", "id"} <= set(frame.columns):
        codes = frame["element"].str[0] + frame["id"].astype(str)
        own["code"] = list(codes[taken])
        table.passed_over += [(code, f"its tags are not of {layer.name}") for code in codes[[not t for t in taken]]]
    table.frame = own
