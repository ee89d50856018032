"""A raw OpenStreetMap file in, a GeoDataFrame of its streets or buildings out, with what could not be built named."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import osmium
import pandas as pd
import shapely
from osmium.filter import KeyFilter
from osmium.io import File
from osmium.osm import NODE, WAY, Way
from shapely.geometry.base import BaseGeometry

from gridsvc.core.errors import Invalid
from gridsvc.exchange.formats.osm_tags import building_row, runs_backwards, street_row

__all__ = ["COLUMNS", "FORMATS", "Layer", "building_row", "read_osm", "street_row"]

Layer = Literal["streets", "buildings"]
Progress = Callable[[int], None]

COLUMNS: dict[Layer, tuple[str, ...]] = {
    "streets": ("code", "name", "name_en", "kind", "bridge", "tunnel", "layer", "oneway", "foot"),
    "buildings": ("code", "name", "number", "address", "use", "levels"),
}
TAG: dict[Layer, str] = {"streets": "highway", "buildings": "building"}
DTYPES = {"bridge": bool, "tunnel": bool, "layer": int, "oneway": bool}

# How each kind of file begins; a file is believed only when its first bytes agree with its name.
FORMATS: dict[str, bytes] = {".osm.gz": b"\x1f\x8b", ".osm.bz2": b"BZh", ".osm": b"<", ".pbf": b"\x00\x00\x00"}

PROGRESS_STEP = 1000
"""Progress is told after so many objects of the layer."""


@dataclass
class Found:
    """What one reading of the file gave: rows, their geometries, and the objects that could not be built."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    geometries: list[BaseGeometry] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)

    def add(self, code: str, row: dict[str, Any], geometry: BaseGeometry) -> None:
        """Keep one object that was built."""
        self.rows.append({"code": code, **row})
        self.geometries.append(geometry)


def read_osm(path: Path, layer: Layer, progress: Progress | None = None) -> gpd.GeoDataFrame:
    """Read the streets (LineString) or the buildings (Polygon or MultiPolygon) of a raw OpenStreetMap file.

    `path` is `.osm`, `.osm.gz`, `.osm.bz2` or `.pbf`. The frame is in EPSG:4326, longitude first, and has the columns
    of `COLUMNS[layer]`; `code` is the kind and number of the object, such as "w123" for way 123. Objects that cannot be
    built are in `frame.attrs["rejected"]` as pairs (code, sentence). `progress` is told the number of objects of the
    layer read so far. `Invalid` is raised for a file that is not OSM, is cut off, is empty, or is not what its name says.
    """
    suffix = _check_format(path)
    build = _streets if layer == "streets" else _buildings
    try:
        with _nodes_first(path, suffix) as ordered:
            if not _has_content(ordered):
                raise Invalid(f"{path.name} holds no OpenStreetMap objects")
            found = build(_counted(ordered, layer, progress))
    except (RuntimeError, osmium.InvalidLocationError) as fault:
        # libosmium has no class of its own for a file that it cannot read.
        raise Invalid(f"{path.name} cannot be read as OpenStreetMap data: {fault}") from fault
    return _frame(found, layer)


def _check_format(path: Path) -> str:
    """Return which of `FORMATS` a file is; refuse one that is missing, empty, or does not begin as its name promises."""
    suffix = next((suffix for suffix in FORMATS if path.name.lower().endswith(suffix)), None)
    if suffix is None:
        raise Invalid(f"{path.name} is not named as an OpenStreetMap file ({', '.join(FORMATS)})")
    if not path.is_file():
        raise Invalid(f"There is no file {path.name}")
    with path.open("rb") as file:
        start = file.read(1024)
    if not start:
        raise Invalid(f"{path.name} is empty")
    # XML may open with a byte order mark or blank lines.
    if not start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith(FORMATS[suffix]):
        raise Invalid(f"{path.name} is not what its name says: its first bytes are not those of a {suffix} file")
    if suffix == ".pbf" and b"OSMHeader" not in start:
        raise Invalid(f"{path.name} is not what its name says: it has no OpenStreetMap header")
    return suffix


@contextmanager
def _nodes_first(path: Path, suffix: str) -> Iterator[File]:
    """Hand out the file itself, or a sorted copy if its ways come before their nodes (as Overpass often writes them)."""
    # The format is said and not guessed: libosmium does not know a suffix in capitals.
    file = File(str(path), suffix.removeprefix("."))
    if osmium.FileProcessor(file).header.has_multiple_object_versions:
        raise Invalid(f"{path.name} is a file of changes or history, not of the map at one moment")
    if _is_ordered(file):
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = File(str(Path(folder, "ordered.osm.pbf")))
        reader = osmium.MergeInputReader()
        reader.add_buffer(path.read_bytes(), suffix.removeprefix("."))
        with osmium.SimpleWriter(copy) as writer:
            reader.apply(writer)
        yield copy


def _is_ordered(file: File) -> bool:
    """Tell whether no node comes after a way."""
    ways_begun = False
    for thing in osmium.FileProcessor(file, NODE | WAY):
        if isinstance(thing, Way):
            ways_begun = True
        elif ways_begun:
            return False
    return True


def _has_content(file: File) -> bool:
    """Tell whether the file holds anything at all."""
    return any(True for _ in osmium.FileProcessor(file))


def _counted(file: File, layer: Layer, progress: Progress | None) -> Iterator[Any]:
    """Walk over the objects with the layer's tag: nodes, ways, relations, and the areas made of the last two.

    Every object is valid only until the next one is taken.
    """
    processor = osmium.FileProcessor(file)
    processor = processor.with_areas(KeyFilter("building")) if layer == "buildings" else processor.with_locations()
    count = 0
    for thing in processor.with_filter(KeyFilter(TAG[layer])):
        yield thing
        count += 1
        if progress and count % PROGRESS_STEP == 0:
            progress(count)
    if progress:
        progress(count)


def _streets(things: Iterable[Any]) -> Found:
    """Build the ways that are streets as lines, running in the direction of traffic where that is one-way."""
    found = Found()
    for way in things:
        row = street_row(dict(way.tags)) if way.is_way() else None
        if row is None:
            continue
        code = f"w{way.id}"
        points = [(node.lon, node.lat) for node in way.nodes if node.location.valid()]
        if fault := _line_fault(len(way.nodes), points):
            found.rejected.append((code, fault))
            continue
        line = shapely.LineString(points)
        found.add(code, row, line.reverse() if runs_backwards(dict(way.tags)) else line)
    return found


def _line_fault(expected: int, points: list[tuple[float, float]]) -> str | None:
    """Say why a way cannot be built as a line, if it cannot."""
    if missing := expected - len(points):
        return f"{missing} of the {expected} nodes of this way are not in the file or have no valid position"
    if len(set(points)) < 2:
        return "This way has fewer than two distinct points"
    return None


def _buildings(things: Iterable[Any]) -> Found:
    """Build the closed ways and multipolygon relations that are buildings as areas; whatever gave none is rejected."""
    found = Found()
    faults: dict[str, str] = {}
    for thing in things:
        row = building_row(dict(thing.tags))
        if row is None:
            continue
        if not thing.is_area():
            faults[f"{thing.type_str()}{thing.id}"] = _area_fault(thing)
        elif thing.num_rings()[0]:
            code = f"{'w' if thing.from_way() else 'r'}{thing.orig_id()}"
            found.add(code, row, _polygon(thing))
    built = {row["code"] for row in found.rows}
    found.rejected = [(code, fault) for code, fault in faults.items() if code not in built]
    return found


def _area_fault(thing: Any) -> str:
    """Say what is wrong with an object if no area came of it."""
    if thing.is_node():
        return "This building is a point and has no footprint"
    if thing.is_relation():
        return "The rings of this relation do not close, cross themselves, or some of its ways are not in the file"
    missing = sum(not node.location.valid() for node in thing.nodes)
    if missing:
        return f"{missing} of the {len(thing.nodes)} nodes of this way are not in the file or have no valid position"
    return "The outline of this building crosses itself" if thing.is_closed() else "This way is not closed"


def _polygon(area: Any) -> BaseGeometry:
    """Turn an assembled area into a Polygon, or a MultiPolygon if it has several outer rings."""
    parts = shapely.get_parts(shapely.from_wkb(osmium.geom.WKBFactory().create_multipolygon(area)))
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(list(parts))


def _frame(found: Found, layer: Layer) -> gpd.GeoDataFrame:
    """Put rows and geometries into one frame; text that is missing is None, never NaN."""
    table = pd.DataFrame(found.rows, columns=list(COLUMNS[layer]), dtype=object)
    for column, dtype in DTYPES.items():
        if column in table:
            table[column] = table[column].astype(dtype)
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(found.geometries, crs="EPSG:4326"))
    frame.attrs["rejected"] = found.rejected
    return frame
