"""Vector tiles over HTTP: layer, zoom, column and row in, a Mapbox vector tile out (204 when it is empty)."""

from fastapi import APIRouter, Depends, Request, Response

from gridsvc.access.guard import allowed
from gridsvc.core.errors import NotFound
from gridsvc.core.http import Hot
from gridsvc.core.mvt import TileLayer, check_tile, tile_json, tile_sql

router = APIRouter(tags=["tiles"], dependencies=[Depends(allowed("territory.read"))])

OPEN_INCIDENTS = "(select count(*)::int from incident i where i.grid = v.grid and i.closed_at is null)"

LAYERS = {
    layer.name: layer
    for layer in (
        TileLayer(
            "communities",
            "community_version v",
            {"code": "v.community", "name": "v.name"},
            where="v.valid @> now()",
        ),
        TileLayer(
            "grids",
            "grid_version v",
            {"code": "v.grid", "name": "v.name", "kind": "v.kind", "open_incidents": OPEN_INCIDENTS},
            where="v.valid @> now()",
            zooms=(8, 22),
        ),
        TileLayer(
            "buildings",
            "building",
            {"code": "code", "name": "name", "number": "number", "households": "households"},
            zooms=(14, 22),
            buffer_px=8,
        ),
        TileLayer("streets", "street", {"name": "name", "kind": "kind"}, zooms=(12, 22)),
        TileLayer("assets", "asset", {"code": "code", "class": "class", "state": "state"}, zooms=(16, 22)),
        TileLayer("routes", "route", {"id": "id", "name": "name", "grid": "grid"}, zooms=(12, 22)),
        TileLayer(
            "incidents",
            "incident",
            {"id": "id::text", "number": "number", "class": "class", "status": "status", "source": "source"},
            zooms=(8, 22),
        ),
    )
}
"""Every tile layer: its rows, and only the properties a style needs."""

EXTENT = "select st_xmin(e), st_ymin(e), st_xmax(e), st_ymax(e) from (select st_extent(geometry) e from {0}) extent"
ATTRIBUTION = "© OpenStreetMap contributors (ODbL)"


def layer_of(name: str) -> TileLayer:
    """Find a tile layer, or raise NotFound."""
    if name not in LAYERS:
        raise NotFound(f"There is no tile layer {name!r}; there are {', '.join(LAYERS)}.")
    return LAYERS[name]


@router.get("/tiles/{layer}/{z}/{x}/{y}.mvt", response_class=Response)
async def read_tile(database: Hot, layer: str, z: int, x: int, y: int) -> Response:
    """Read one tile (XYZ, Web Mercator); 204 where nothing is drawn, 404 for a tile that is not on the map."""
    wanted = layer_of(layer)
    check_tile(z, x, y)
    tile = b""
    if wanted.zooms[0] <= z <= wanted.zooms[1]:
        rows = await database.rows(tile_sql(wanted).encode(), {"z": z, "x": x, "y": y})
        tile = bytes(rows[0][0])
    headers = {"Cache-Control": "private, no-cache"}
    if not tile:
        return Response(status_code=204, headers=headers)
    return Response(tile, media_type="application/vnd.mapbox-vector-tile", headers=headers)


@router.get("/tiles/{layer}.json")
async def describe_tiles(database: Hot, request: Request, layer: str) -> dict[str, object]:
    """Describe a layer's tiles as TileJSON, with the box its data lies in."""
    wanted = layer_of(layer)
    table = wanted.source.split()[0]
    (west, south, east, north), *_ = await database.rows(EXTENT.format(table).encode(), {})
    bounds = (-180.0, -85.0, 180.0, 85.0) if west is None else (west, south, east, north)
    address = f"{request.base_url}tiles/{wanted.name}/{{z}}/{{x}}/{{y}}.mvt"
    return tile_json(wanted, address, bounds, ATTRIBUTION)
