"""What this service claims to do, and where it is found: the tables every part of `/ogc` adds its rows to."""

from gridsvc.app.tiles.ogc import CONFORMANCE as TILE_CLASSES
from gridsvc.app.tiles.ogc import REL

FEATURES = "http://www.opengis.net/spec/ogcapi-features-{0}/1.0/conf/{1}"
CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/{0}"

CLASSES = [
    *(FEATURES.format(1, name) for name in ("core", "geojson", "html", "oas30")),
    FEATURES.format(2, "crs"),
    *(FEATURES.format(3, name) for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")),
    *(
        CQL2.format(name)
        for name in (
            *("cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators", "case-insensitive-comparison"),
            *("basic-spatial-functions", "basic-spatial-functions-plus", "spatial-functions", "temporal-functions"),
            "property-property",
        )
    ),
    *TILE_CLASSES,
]
"""The conformance classes; each is tested by its requirements (the table in tests/app/ogc/test_conformance.py)."""

JSON, GEOJSON, HTML = "application/json", "application/geo+json", "text/html"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
PROBLEM = "application/problem+json"

OF_THE_SERVICE = [
    ("conformance", "conformance", JSON, "What this service conforms to"),
    ("collections", "data", JSON, "The collections"),
    ("api", "service-desc", OPENAPI, "The definition of this API (OpenAPI 3.0)"),
    ("api?f=html", "service-doc", HTML, "The same for people"),
    ("tiles", f"{REL}tilesets-vector", JSON, "Vector tiles of the collections"),
    ("tileMatrixSets", f"{REL}tiling-schemes", JSON, "How the tiles are cut"),
]
"""Links of the landing page: path below /ogc, relation, media type, title."""

OF_A_COLLECTION = [
    ("items", "items", GEOJSON, "The features"),
    ("items?f=html", "items", HTML, "The features on a page with a map"),
    ("items?f=flatgeobuf", "items", "application/flatgeobuf", "The features as FlatGeobuf"),
    ("items?f=csv", "items", "text/csv", "The features as CSV"),
    ("queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables", SCHEMA, "What may be filtered by"),
]
"""Links of every collection: path below it, relation, media type, title."""
