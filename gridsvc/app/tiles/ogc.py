"""OGC API – Tiles (part 1: core) over the same tiles: collection, matrix, row and column in, the tile or its description out.

The standard numbers a tile row first, then column.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from gridsvc.access.guard import allowed
from gridsvc.app.tiles.endpoints import MEDIA_TYPE, VERB, TilesNow, Viewer, answer_tile, bounds_of
from gridsvc.app.tiles.layers import LAYERS, layer_of
from gridsvc.app.tiles.making import Wanted
from gridsvc.core.errors import NotFound
from gridsvc.core.http import Hot
from gridsvc.core.mvt import DEEPEST_ZOOM, WORLD_M, TileLayer, tile_at, tile_json
from gridsvc.territory.schemas import At

CONFORMANCE = [
    f"http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/{part}"
    for part in ("core", "tileset", "tilesets-list", "geodata-tilesets", "mvt")
]
"""The classes these endpoints claim; listed by the landing page of `/ogc`."""

MATRICES = "WebMercatorQuad"
MATRICES_URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
MERCATOR_URI = "http://www.opengis.net/def/crs/EPSG/0/3857"
CRS84_URI = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
SCALE_OF_ZOOM_0 = 559082264.028717
PIXELS = 256
REL = "http://www.opengis.net/def/rel/ogc/1.0/"

router = APIRouter(prefix="/ogc", tags=["ogc"], dependencies=[Depends(allowed(VERB))])


def links_of(base_url: str, layer: str) -> list[dict[str, str]]:
    """Give the links a collection carries to its tiles; `base_url` ends with a slash."""
    return [
        {
            "rel": f"{REL}tilesets-vector",
            "type": "application/json",
            "title": "Vector tiles 矢量瓦片",
            "href": f"{base_url}ogc/collections/{layer}/tiles",
        }
    ]


def matrix_set() -> dict[str, Any]:
    """Describe WebMercatorQuad (OGC Two Dimensional Tile Matrix Set 2.0) to the deepest zoom that is served."""
    corner = [-WORLD_M / 2, WORLD_M / 2]
    return {
        "id": MATRICES,
        "title": "Google Maps Compatible for the World",
        "uri": MATRICES_URI,
        "crs": MERCATOR_URI,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [
            {
                "id": str(z),
                "scaleDenominator": SCALE_OF_ZOOM_0 / 2**z,
                "cellSize": WORLD_M / PIXELS / 2**z,
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": corner,
                "tileWidth": PIXELS,
                "tileHeight": PIXELS,
                "matrixWidth": 2**z,
                "matrixHeight": 2**z,
            }
            for z in range(DEEPEST_ZOOM + 1)
        ],
    }


def tileset_of(base_url: str, layer: TileLayer) -> dict[str, Any]:
    """Describe the tiles of a layer in short, with links."""
    own = f"{base_url}ogc/collections/{layer.name}/tiles/{MATRICES}"
    return {
        "title": layer.title,
        "dataType": "vector",
        "crs": MERCATOR_URI,
        "tileMatrixSetURI": MATRICES_URI,
        "links": [
            {"rel": "self", "type": "application/json", "href": own},
            {
                "rel": "item",
                "type": MEDIA_TYPE,
                "templated": True,
                "href": f"{own}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}",
            },
            {
                "rel": f"{REL}tiling-scheme",
                "type": "application/json",
                "href": f"{base_url}ogc/tileMatrixSets/{MATRICES}",
            },
            {"rel": f"{REL}geodata", "type": "application/json", "href": f"{base_url}ogc/collections/{layer.name}"},
        ],
    }


def known_matrices(name: str) -> None:
    """Refuse a tile matrix set that is not served."""
    if name != MATRICES:
        raise NotFound(f"There is no tile matrix set {name!r}; there is {MATRICES}.")


@router.get("/tileMatrixSets")
def list_matrix_sets(request: Request) -> dict[str, Any]:
    """List the tile matrix sets: one."""
    own = f"{request.base_url}ogc/tileMatrixSets/{MATRICES}"
    link = {"rel": "self", "type": "application/json", "href": own}
    return {"tileMatrixSets": [{"id": MATRICES, "uri": MATRICES_URI, "crs": MERCATOR_URI, "links": [link]}]}


@router.get("/tileMatrixSets/{matrices}")
def read_matrix_set(matrices: str) -> dict[str, Any]:
    """Describe a tile matrix set."""
    known_matrices(matrices)
    return matrix_set()


@router.get("/tiles")
def list_all_tilesets(request: Request) -> dict[str, Any]:
    """List the tilesets of every collection."""
    base = str(request.base_url)
    link = {"rel": "self", "type": "application/json", "href": f"{base}ogc/tiles"}
    return {"tilesets": [tileset_of(base, layer) for layer in LAYERS.values()], "links": [link]}


@router.get("/collections/{collection}/tiles")
def list_tilesets(request: Request, collection: str) -> dict[str, Any]:
    """List the tilesets of a collection: one."""
    layer, base = layer_of(collection), str(request.base_url)
    link = {"rel": "self", "type": "application/json", "href": f"{base}ogc/collections/{layer.name}/tiles"}
    return {"tilesets": [tileset_of(base, layer)], "links": [link]}


@router.get("/collections/{collection}/tiles/{matrices}")
async def read_tileset(database: Hot, request: Request, collection: str, matrices: str) -> dict[str, Any]:
    """Describe the tileset of a collection: where it lies, at which zooms, with which properties."""
    layer, base = layer_of(collection), str(request.base_url)
    known_matrices(matrices)
    described = tileset_of(base, layer)
    bounds = await bounds_of(database, layer)
    if bounds:
        described["boundingBox"] = {"lowerLeft": bounds[:2], "upperRight": bounds[2:], "crs": CRS84_URI}
    first, last = layer.zooms
    described["tileMatrixSetLimits"] = [limits_of(z, bounds) for z in range(first, last + 1)]
    dimension = {"point": 0, "line": 1, "polygon": 2}[layer.geometry]
    fields = tile_json(layer, "", (0, 0, 0, 0), "")["vector_layers"][0]["fields"]
    described["layers"] = [
        {
            "id": layer.name,
            "dataType": "vector",
            "geometryDimension": dimension,
            "minTileMatrix": str(first),
            "maxTileMatrix": str(last),
            "propertiesSchema": {"type": "object", "properties": {name: {} for name in fields}},
        }
    ]
    return described


def wanted_tile(caller: Viewer, collection: str, z: int, row: int, col: int, at: At = None) -> Wanted:
    """Say what is asked for, or refuse what is not on the map."""
    return Wanted(layer_of(collection), z, col, row, caller.row_scope, at)


@router.get("/collections/{collection}/tiles/{matrices}/{z}/{row}/{col}", response_class=Response)
async def read_ogc_tile(
    tiles: TilesNow, request: Request, matrices: str, wanted: Annotated[Wanted, Depends(wanted_tile)]
) -> Response:
    """Read one tile by matrix, row and column; 204 where nothing is drawn, 404 for a tile that is not on the map."""
    known_matrices(matrices)
    return await answer_tile(tiles, request, wanted)


def limits_of(z: int, bounds: tuple[float, float, float, float] | None) -> dict[str, Any]:
    """Tell which rows and columns of a zoom may hold something; all of them when nobody knows."""
    west, south, east, north = bounds or (-180.0, -85.0511287, 180.0, 85.0511287)
    (left, top), (right, bottom) = tile_at(west, north, z), tile_at(east, south, z)
    return {
        "tileMatrix": str(z),
        "minTileRow": top,
        "maxTileRow": bottom,
        "minTileCol": left,
        "maxTileCol": right,
    }
