"""The definition of this API in OpenAPI 3.0.3: collections in, the document out.

FastAPI's own document is OpenAPI 3.1, which the standard's class `oas30` and its clients do not read.
"""

from typing import Any

from gridsvc.app.ogc.asking import FORMATS, LANGUAGES, MOST, USUAL
from gridsvc.app.ogc.collections import Collection
from gridsvc.app.ogc.conformance import GEOJSON, HTML, JSON, OPENAPI, PROBLEM, SCHEMA
from gridsvc.app.ogc.described import KINDS
from gridsvc.core.crs import CRS84, offered

Definition = dict[str, Any]


def definition(collections: list[Collection], root: str) -> Definition:
    """Write the whole document, each collection with its own parameters."""
    paths = {
        "/": _path("getLandingPage", "The way in", JSON, HTML),
        "/conformance": _path("getConformance", "What this service conforms to", JSON, HTML),
        "/api": _path("getApi", "This document", OPENAPI, HTML),
        "/collections": _path("getCollections", "The collections", JSON, HTML),
    }
    for collection in collections:
        here, name = f"/collections/{collection.name}", collection.name
        paths[here] = _path(f"describe.{name}", collection.english, JSON, HTML)
        paths[f"{here}/queryables"] = _path(f"queryables.{name}", "What may be filtered by", SCHEMA, HTML)
        paths[f"{here}/items"] = _items(collection)
        paths[f"{here}/items/{{featureId}}"] = _item(collection)
    return {
        "openapi": "3.0.3",
        "info": {"title": "gridsvc 网格图", "version": "1.0", "description": "OGC API - Features over the layers"},
        "servers": [{"url": root}],
        "tags": [{"name": collection.name, "description": collection.english} for collection in collections],
        "security": [{"bearer": []}, {"basic": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "parameters": _parameters(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "Any name, the token as password"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "gridsvc_session"},
            },
        },
    }


def _path(operation: str, summary: str, *media: str) -> Definition:
    return {"get": _get(operation, summary, [_ref("f-page"), _ref("lang")], *media)}


def _get(operation: str, summary: str, parameters: list[Definition], *media: str) -> Definition:
    problem = {"content": {PROBLEM: {"schema": {"type": "object"}}}}
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": summary, "content": {kind: {"schema": {"type": "object"}} for kind in media}},
            "400": {"description": "A parameter is unknown or cannot be read", **problem},
            "401": {"description": "Nobody knows who is asking", **problem},
            "404": {"description": "There is no such thing", **problem},
        },
    }


def _items(collection: Collection) -> Definition:
    shared = ("f", "lang", "limit", "cursor", "bbox", "bbox-crs", "crs", "datetime", "properties", "sortby")
    parameters = [_ref(name) for name in (*shared, "filter", "filter-lang", "filter-crs")]
    parameters += [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": KINDS[column.kind],
            "style": "form",
            "explode": False,
        }
        for name, column in collection.properties.items()
    ]
    media = (GEOJSON, HTML, "text/csv", "application/flatgeobuf")
    got = _get(f"getFeatures.{collection.name}", f"{collection.english}, a page", parameters, *media)
    return {"get": {**got, "tags": [collection.name]}}


def _item(collection: Collection) -> Definition:
    key = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
    parameters = [key, _ref("f-page"), _ref("lang"), _ref("crs")]
    got = _get(f"getFeature.{collection.name}", f"One {collection.layer.one}", parameters, GEOJSON, HTML)
    return {"get": {**got, "tags": [collection.name]}}


def _ref(name: str) -> Definition:
    return {"$ref": f"#/components/parameters/{name}"}


def _parameters() -> Definition:
    text = {"type": "string"}
    numbers = {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
    system = {"type": "string", "format": "uri", "enum": offered(), "default": CRS84}
    names = {"type": "array", "items": text}
    return {
        "f-page": _parameter("f", {"type": "string", "enum": ["json", "html"]}, "The form of the answer"),
        "f": _parameter("f", {"type": "string", "enum": list(FORMATS)}, "The form of the answer"),
        "lang": _parameter("lang", {"type": "string", "enum": list(LANGUAGES)}, "The language of a page"),
        "limit": _parameter(
            "limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}, "Features on a page"
        ),
        "cursor": _parameter("cursor", text, "Where the page before ended; taken from the link next"),
        "bbox": _parameter("bbox", numbers, "Only what touches this box"),
        "bbox-crs": _parameter("bbox-crs", system, "The system of bbox"),
        "crs": _parameter("crs", system, "The system of the answer"),
        "datetime": _parameter("datetime", text, "A moment, or an interval such as 2026-01-01T00:00:00Z/.."),
        "properties": _parameter("properties", names, "Only these properties"),
        "sortby": _parameter("sortby", names, "Properties to sort by; a minus sign before one turns it round"),
        "filter": _parameter("filter", text, "A condition in CQL2"),
        "filter-lang": _parameter(
            "filter-lang",
            {"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"},
            "Its language",
        ),
        "filter-crs": _parameter("filter-crs", system, "The system of the geometries in it"),
    }


def _parameter(name: str, schema: Definition, description: str) -> Definition:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
        "style": "form",
        "explode": False,
    }
