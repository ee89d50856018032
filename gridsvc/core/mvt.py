"""Vector tiles: a tile layer declared as a table of SQL and a tile number in, the statement that makes the tile out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridsvc.core.errors import NotFound

DEEPEST_ZOOM = 22


@dataclass(frozen=True)
class TileLayer:
    """What a tile of a layer holds; the name inside the tile is `name`, the zooms are those it has anything at."""

    name: str
    source: str
    properties: Mapping[str, str]
    geometry: str = "geometry"
    where: str = "true"
    zooms: tuple[int, int] = (0, DEEPEST_ZOOM)
    buffer_px: int = 64


def check_tile(z: int, x: int, y: int) -> None:
    """Refuse a tile that is not on the map (Web Mercator, XYZ numbering)."""
    if not (0 <= z <= DEEPEST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFound(f"There is no tile {z}/{x}/{y}: zoom is 0 to {DEEPEST_ZOOM}, x and y are 0 to 2^zoom - 1.")


def tile_sql(layer: TileLayer) -> str:
    """Write the statement for one tile (parameters z, x, y): one row with the bytes, empty when nothing is there.

    Candidates are found in EPSG:4326, where the index is: the tile's envelope is transformed, never the column. The
    envelope is widened by the buffer (of 4096 units a tile) so that lines and symbols meet across tile edges.
    """
    shown = ", ".join(f"{sql} as {name}" for name, sql in layer.properties.items())
    margin = layer.buffer_px / 4096
    return f"""
        with tile as materialized (
            select st_tileenvelope(%(z)s, %(x)s, %(y)s) as box,
                   st_transform(st_tileenvelope(%(z)s, %(x)s, %(y)s, margin => {margin}), 4326) as area
        ), feature as (
            select {shown}, st_asmvtgeom(st_transform({layer.geometry}, 3857), tile.box, 4096, {layer.buffer_px}) as shape
            from tile, {layer.source}
            where {layer.geometry} && tile.area and {layer.where}
        )
        select coalesce(st_asmvt(feature, '{layer.name}', 4096, 'shape'), '') from feature where shape is not null"""


def tile_json(
    layer: TileLayer, tiles: str, bounds: tuple[float, float, float, float], attribution: str
) -> dict[str, Any]:
    """Describe a layer as TileJSON 3.0.0; `bounds` is west, south, east, north in degrees."""
    return {
        "tilejson": "3.0.0",
        "name": layer.name,
        "tiles": [tiles],
        "minzoom": layer.zooms[0],
        "maxzoom": layer.zooms[1],
        "bounds": list(bounds),
        "attribution": attribution,
        "vector_layers": [{"id": layer.name, "fields": dict.fromkeys(layer.properties, "")}],
    }
