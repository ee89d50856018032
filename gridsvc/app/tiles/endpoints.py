"""Vector tiles over HTTP: layer, zoom, column and row in, a Mapbox vector tile out (204 when it is empty)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from gridsvc.access.guard import Caller, allowed
from gridsvc.app.tiles.layers import layer_of
from gridsvc.app.tiles.making import Tiles, Wanted, decompress, tag_of
from gridsvc.core.db import Database, seen_now
from gridsvc.core.http import Hot
from gridsvc.core.mvt import TileLayer, tile_json
from gridsvc.territory.layers import EVERYBODYS, GROUND_BOX
from gridsvc.territory.schemas import At

VERB = "territory.read"
MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
ATTRIBUTION = "© OpenStreetMap contributors (ODbL)"

# The root of the spatial index knows the box of everything in it, so that no row is read.
BOUNDS = """
    select st_xmin(b), st_ymin(b), st_xmax(b), st_ymax(b)
    from (select st_transform(st_setsrid(_postgis_index_extent(to_regclass(%(table)s), %(column)s)::geometry,
                                         find_srid(%(schema)s, %(bare)s, %(column)s)), 4326) as b) box
    where not st_isempty(b)"""

router = APIRouter(tags=["tiles"], dependencies=[Depends(allowed(VERB))])
Viewer = Annotated[Caller, Depends(allowed(VERB))]


def tiles_of(request: Request) -> Tiles:
    """Give the application's tiles."""
    tiles: Tiles = request.app.state.tiles
    return tiles


TilesNow = Annotated[Tiles, Depends(tiles_of)]


async def answer_tile(tiles: Tiles, request: Request, wanted: Wanted) -> Response:
    """Answer a tile: 304 when the client has it in the version of now, 204 when it is empty."""
    sent = request.headers
    version = await tiles.version(wanted, fresh=asks_for_fresh(sent.get("cache-control")))
    headers = headers_of(tag_of(wanted.row_scope, wanted.layer, version))
    if names(sent.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    tile = await tiles.get(wanted, version)
    if not tile:
        return Response(status_code=204, headers=headers)
    if takes_gzip(sent.get("accept-encoding")):
        return Response(tile, media_type=MEDIA_TYPE, headers={**headers, "Content-Encoding": "gzip"})
    return Response(decompress(tile), media_type=MEDIA_TYPE, headers=headers)


def headers_of(tag: str) -> dict[str, str]:
    """Give the headers of every answer of a tile: to be kept by this caller alone, and asked about each time."""
    return {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Authorization, Cookie"}


def names(if_none_match: str | None, tag: str) -> bool:
    """Tell whether a client's If-None-Match names a tag, whether or not a proxy has weakened it."""
    if if_none_match is None:
        return False
    sent = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in sent or tag.removeprefix("W/") in sent


def takes_gzip(accept_encoding: str | None) -> bool:
    """Tell whether a client takes gzip (RFC 9110): named, or any, and not with a weight of nothing."""
    if accept_encoding in ("gzip", "gzip, deflate", "gzip, deflate, br", "gzip, deflate, br, zstd"):
        return True  # what nearly everybody sends
    weights = {}
    for part in (accept_encoding or "").lower().split(","):
        coding, _, parameter = part.strip().partition(";")
        weights[coding.strip()] = parameter.replace(" ", "")
    chosen = weights.get("gzip", weights.get("*"))
    return chosen is not None and chosen.rstrip("0").rstrip(".") not in ("q=", "q")


def asks_for_fresh(cache_control: str | None) -> bool:
    """Tell whether a client wants nothing that was remembered."""
    return cache_control is not None and ("no-cache" in cache_control or "max-age=0" in cache_control)


async def bounds_of(database: Database, layer: TileLayer) -> tuple[float, float, float, float] | None:
    """Tell the box a layer lies in, degrees west, south, east, north; None when it has nothing."""
    table, column = layer.extent
    schema, _, bare = table.rpartition(".")
    if seen_now().everything or layer.name in EVERYBODYS:
        asked = {"table": table, "schema": schema or "public", "bare": bare, "column": column}
        rows = await database.rows(BOUNDS, asked)
    else:
        # An index knows nothing of who asks.
        rows = await database.rows(GROUND_BOX, {})
    return (rows[0][0], rows[0][1], rows[0][2], rows[0][3]) if rows and rows[0][0] is not None else None


def wanted_tile(caller: Viewer, layer: str, z: int, x: int, y: int, at: At = None) -> Wanted:
    """Say what is asked for, or refuse what is not on the map."""
    return Wanted(layer_of(layer), z, x, y, caller.row_scope, at)


@router.get("/tiles/{layer}/{z}/{x}/{y}.mvt", response_class=Response)
async def read_tile(tiles: TilesNow, request: Request, wanted: Annotated[Wanted, Depends(wanted_tile)]) -> Response:
    """Read one tile (XYZ, Web Mercator); 204 where nothing is drawn, 404 for a tile that is not on the map.

    `at` gives communities and grids as of a moment. The ETag follows the data: a tile asked for with it again answers
    304 until something in the layer has changed.
    """
    return await answer_tile(tiles, request, wanted)


@router.get("/tiles/{layer}.json")
async def describe_tiles(database: Hot, request: Request, layer: str) -> dict[str, object]:
    """Describe a layer's tiles as TileJSON, with the box its data lies in."""
    wanted = layer_of(layer)
    bounds = await bounds_of(database, wanted)
    address = f"{request.base_url}tiles/{wanted.name}/{{z}}/{{x}}/{{y}}.mvt"
    return tile_json(wanted, address, bounds or (-180.0, -85.0, 180.0, 85.0), ATTRIBUTION)
