"""Vector tiles: a tile layer declared as a table of SQL and a tile number in, the statement that makes the tile out.

Everything is in Web Mercator (EPSG:3857, metres), where the drawn copies and their indexes are; a tile is 4096 units wide.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from gridsvc.core.errors import NotFound

DEEPEST_ZOOM = 22
EXTENT = 4096
WORLD_M = 40075016.68557849
"""Width of the world in Web Mercator, metres."""
HALF_PIXEL = 4
"""Tile units of half a pixel, where a tile is shown 512 pixels wide."""

# Used as `(select …)`: made once a statement and unknown to the planner, which so keeps one plan for all tiles.
BOX = "st_makeenvelope(%(west)s, %(south)s, %(east)s, %(north)s, 3857)"
AREA = "st_makeenvelope(%(west)s - %(margin)s, %(south)s - %(margin)s, %(east)s + %(margin)s, %(north)s + %(margin)s, 3857)"

# From metres to the units of the tile, y downwards.
TO_UNITS = "-%(west)s::float8, -%(north)s::float8, %(scale)s::float8, -%(scale)s::float8"


@dataclass(frozen=True, eq=False)
class Band:
    """How a layer is drawn between two zooms: its rows, only the properties a style needs, and its geometry.

    `where` chooses rows and may use the parameters `at`, `live` (no other moment than now was asked for), `z`, `x`, `y`.
    `degrees`: the geometry is in EPSG:4326, as in tables too small to keep a drawn copy of. `small_polygons` promises valid polygons of a few points, with outer rings
    clockwise in EPSG:3857: those wholly inside the tile then need no clipping. `spurs`: lines that turn round and come back; ST_AsMVTGeom would cut their ends off. `shape` replaces all of that by geometry
    that is in tile units already.
    """

    zooms: tuple[int, int]
    source: str
    properties: Mapping[str, str]
    geometry: str = "geometry"
    # What the index is on, when it is not the geometry itself.
    place: str | None = None
    where: str = "true"
    buffer_units: int = 64
    degrees: bool = False
    small_polygons: bool = False
    spurs: bool = False
    shape: str | None = None
    held: bool = False

    def sql(self, layer: str) -> str:
        """Write the statement for one tile: one row with the bytes, empty when nothing is there."""
        shown = ", ".join(f"{sql} as {name}" for name, sql in self.properties.items())
        area = f"(select st_transform({AREA}, 4326))" if self.degrees else f"(select {AREA})"
        found = "" if self.shape else f"{self.place or self.geometry} && {area} and "
        # `offset 0` and the filter of the aggregate: the shape is made once, and one with nothing left in it is no
        # feature (ST_AsMVT would write it without a geometry). A condition inside would have PostGIS make it twice.
        return (
            f"select coalesce(st_asmvt(feature, '{layer}', {EXTENT}, 'shape')"
            " filter (where not st_isempty(feature.shape)), '') from ("
            f"select {shown}, {self._shape()} as shape from {self.source} where {found}{self.where} offset 0) feature"
        )

    def _shape(self) -> str:
        if self.shape:
            return self.shape
        geometry = f"st_transform({self.geometry}, 3857)" if self.degrees else self.geometry
        if self.spurs:
            # What is clipped away whole comes back as an empty collection, which the encoder does not take.
            clipped = f"st_collectionextract(st_clipbybox2d({geometry}, (select {AREA})), 2)"
            return f"st_snaptogrid(st_transscale({clipped}, {TO_UNITS}), 1)"
        clipped = f"st_asmvtgeom({geometry}, (select {BOX}), {EXTENT}, {self.buffer_units})"
        if not self.small_polygons:
            return clipped
        inside = f"st_snaptogrid(st_transscale({geometry}, {TO_UNITS}), 1)"
        return f"case when {geometry} @ (select {BOX}) then {inside} else {clipped} end"


@dataclass(frozen=True, eq=False)
class TileLayer:
    """A layer of tiles: the name inside the tile is `name`; `tables` are those whose changes change it.

    `extent` is table and column to read the layer's box from. A `dated` layer can be asked for as of a moment.
    """

    name: str
    title: str
    geometry: str  # point, line or polygon
    bands: tuple[Band, ...]
    tables: tuple[str, ...]
    extent: tuple[str, str]
    dated: bool = False

    @property
    def zooms(self) -> tuple[int, int]:
        """Tell the first and last zoom at which the layer has anything."""
        return self.bands[0].zooms[0], self.bands[-1].zooms[1]

    def band(self, z: int) -> Band | None:
        """Find how the layer is drawn at a zoom; None where it is not."""
        return next((band for band in self.bands if band.zooms[0] <= z <= band.zooms[1]), None)

    @cached_property
    def statements(self) -> dict[int, bytes]:
        """Write the statement of every zoom, once."""
        bands = ((z, self.band(z)) for z in range(DEEPEST_ZOOM + 1))
        return {z: band.sql(self.name).encode() for z, band in bands if band}

    @cached_property
    def edition(self) -> str:
        """Fingerprint how the layer is drawn, so that tiles kept by an older program are not taken for current ones."""
        return blake2b(
            "".join(f"{band.sql(self.name)}{band.held}" for band in self.bands).encode(), digest_size=6
        ).hexdigest()


def check_tile(z: int, x: int, y: int) -> None:
    """Refuse a tile that is not on the map (Web Mercator, XYZ numbering)."""
    if not (0 <= z <= DEEPEST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFound(f"There is no tile {z}/{x}/{y}: zoom is 0 to {DEEPEST_ZOOM}, x and y are 0 to 2^zoom - 1.")


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Find column and row of the tile of a zoom in which a place (degrees) lies."""
    lat = max(-85.0511287, min(85.0511287, lat))
    x = (lon + 180) / 360 * 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z
    return max(0, min(2**z - 1, math.floor(x))), max(0, min(2**z - 1, math.floor(y)))


def tile_parameters(z: int, x: int, y: int, buffer_units: int) -> dict[str, float]:
    """Give the tile's box and buffer in metres of EPSG:3857, and tile units a metre."""
    side = WORLD_M / 2**z
    west, north = x * side - WORLD_M / 2, WORLD_M / 2 - y * side
    return {
        "west": west,
        "south": north - side,
        "east": west + side,
        "north": north,
        "margin": side / EXTENT * buffer_units,
        "scale": EXTENT / side,
        "z": z,
        "x": x,
        "y": y,
    }


def tile_json(
    layer: TileLayer, tiles: str, bounds: tuple[float, float, float, float], attribution: str
) -> dict[str, Any]:
    """Describe a layer as TileJSON 3.0.0; `bounds` is west, south, east, north in degrees."""
    fields = {name: "" for band in layer.bands for name in band.properties}
    return {
        "tilejson": "3.0.0",
        "name": layer.name,
        "tiles": [tiles],
        "minzoom": layer.zooms[0],
        "maxzoom": layer.zooms[1],
        "bounds": list(bounds),
        "attribution": attribution,
        "vector_layers": [{"id": layer.name, "fields": fields, "minzoom": layer.zooms[0], "maxzoom": layer.zooms[1]}],
    }
