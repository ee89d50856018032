"""What there is to read: the collections, one of them, and what it may be filtered by, as JSON and as pages."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from gridsvc.access.guard import CallerNow
from gridsvc.app.ogc import pages
from gridsvc.app.ogc.asking import read_parameters
from gridsvc.app.ogc.collections import Collection, collection_of, open_to
from gridsvc.app.ogc.conformance import HTML, JSON, OF_A_COLLECTION, SCHEMA
from gridsvc.app.ogc.links import ROOT, address, link, root_of, table
from gridsvc.app.ogc.negotiation import PAGES, form_of, language_of, refuse_long_query
from gridsvc.app.tiles.layers import LAYERS as TILE_LAYERS
from gridsvc.app.tiles.ogc import links_of
from gridsvc.core.browse import Layer
from gridsvc.core.crs import CRS84, offered
from gridsvc.core.db import Database, seen_now
from gridsvc.core.http import Hot, answer_json
from gridsvc.exchange.labels import Language, label
from gridsvc.territory.layers import EVERYBODYS, GROUND_BOX

router = APIRouter(
    prefix="/ogc", include_in_schema=False, route_class=pages.PageRoute, dependencies=[Depends(refuse_long_query)]
)

KINDS: dict[str, dict[str, str]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "moment": {"type": "string", "format": "date-time"},
}
"""A kind of a property, in JSON Schema."""


@router.get("/collections")
async def list_collections(database: Hot, request: Request, caller: CallerNow) -> Response:
    """List what the caller may read."""
    read_parameters(request.query_params.multi_items(), {"f", "lang"})
    root = root_of(request)
    here = f"{root}/collections"
    body = {
        "links": [
            link(here, "self", JSON, "This list as JSON"),
            link(f"{here}?f=html", "alternate", HTML, "This list for people"),
        ],
        "crs": offered(),
        "collections": [await describe(database, collection, root) for collection in open_to(caller)],
    }
    if form_of(request, PAGES) == "html":
        return pages.collections_page(body, root, language_of(request))
    return answer_json(body)


@router.get("/collections/{name}")
async def read_collection(database: Hot, request: Request, caller: CallerNow, name: str) -> Response:
    """Describe one collection."""
    collection = collection_of(name, caller)
    read_parameters(request.query_params.multi_items(), {"f", "lang"})
    root = root_of(request)
    body = await describe(database, collection, root)
    if form_of(request, PAGES) == "html":
        return pages.collection_page(body, queryables(collection, root, language_of(request)), language_of(request))
    return answer_json(body)


@router.get("/collections/{name}/queryables")
async def read_queryables(request: Request, caller: CallerNow, name: str) -> Response:
    """Say what a collection may be filtered by, as JSON Schema."""
    collection = collection_of(name, caller)
    read_parameters(request.query_params.multi_items(), {"f", "lang"})
    body = queryables(collection, root_of(request), language_of(request))
    if form_of(request, PAGES) == "html":
        return pages.queryables_page(body, collection, root_of(request), language_of(request))
    return answer_json(body, SCHEMA)


async def describe(database: Database, collection: Collection, root: str) -> dict[str, Any]:
    """Describe a collection: its words, where and when it lies, its systems and its links."""
    here = address(root, "collections", collection.name)
    return {
        "id": collection.name,
        "title": f"{collection.chinese} {collection.english}",
        "itemType": "feature",
        "extent": await extent_of(database, collection.layer),
        "crs": offered(),
        "storageCrs": CRS84,
        "links": [
            link(here, "self", JSON, "This collection as JSON"),
            link(f"{here}?f=html", "alternate", HTML, "This collection for people"),
            *table(here, OF_A_COLLECTION),
            *(links_of(root.removesuffix(ROOT), collection.name) if collection.name in TILE_LAYERS else ()),
        ],
    }


async def extent_of(database: Database, layer: Layer) -> dict[str, Any]:
    """Find where a layer lies and since when; from the statistics of its index where it has any, so that it is cheap."""
    rows = await database.rows(extent_sql(layer).encode(), {})
    west, south, east, north = rows[0]
    extent: dict[str, Any] = {"temporal": {"interval": [[None, None]]}}
    if west is not None:
        extent["spatial"] = {"bbox": [[west, south, east, north]], "crs": CRS84}
    return extent


def extent_sql(layer: Layer) -> str:
    """Write the statement for a layer's box: that of its table of today, by the index if there is one."""
    relation = layer.source.split()[0].removesuffix("_ever")
    if not (seen_now().everything or layer.name in EVERYBODYS):
        # Statistics know nothing of who asks.
        return GROUND_BOX
    return f"""
        select st_xmin(e), st_ymin(e), st_xmax(e), st_ymax(e)
        from (select coalesce(
            st_estimatedextent('public', '{relation}', 'geometry'),
            (select st_extent(geometry) from {relation})) as e) extent"""


def queryables(collection: Collection, root: str, language: str) -> dict[str, Any]:
    """Write the JSON Schema of what may be filtered by."""
    spoken: Language = "en" if language == "en" else "zh"
    properties: dict[str, Any] = {
        name: {"title": label(collection.name, name, spoken), **KINDS[column.kind]}
        for name, column in collection.properties.items()
    }
    properties["geometry"] = {
        "title": "geometry",
        "format": f"geometry-{collection.layer.shape.lower()}",
        "x-ogc-role": "primary-geometry",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address(root, "collections", collection.name, "queryables"),
        "title": f"{collection.chinese} {collection.english}",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
