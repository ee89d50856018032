"""Every conformance class that is claimed, by its requirements, and the tests that prove each of them.

A requirement is named as in its standard, without the part that all of a class share; a test as `module.name`, without
`test_`. `FILTERED` and its like are tests that prove several requirements of one class.
"""

import ast
from pathlib import Path

import pytest

from gridsvc.app.ogc.collections import COLLECTIONS
from gridsvc.app.ogc.conformance import CLASSES
from gridsvc.core.crs import offered
from tests.app.ogc.conftest import Get, Served
from tests.town import BUILDINGS, JIA_1

TESTS = Path(__file__).resolve().parents[2]
MODULES = {
    "core": "app/ogc/test_core.py",
    "forms": "app/ogc/test_forms.py",
    "systems": "app/ogc/test_systems.py",
    "filtering": "app/ogc/test_filtering.py",
    "clients": "app/ogc/test_clients.py",
    "here": "app/ogc/test_conformance.py",
    "cql2": "core/cql2/test_filters.py",
    "agreement": "core/cql2/test_agreement.py",
    "tiles": "app/tiles/test_tiles.py",
    "truth": "app/tiles/test_truth.py",
}

FEATURES_PAGE = "core.features_are_geojson_with_number_time_and_links"
DESCRIBED = "core.collections_are_described_with_extent_systems_and_links"
DEFINED = "core.the_definition_is_openapi_3_0_and_names_what_there_is"
ALONE = "core.a_feature_alone_is_the_feature_of_the_list"
BROWSER = "forms.a_browser_gets_a_page_in_its_language_that_loads_only_from_here"
UNKNOWN_SYSTEM = "systems.an_unknown_system_is_refused"
LISTED = "systems.every_system_is_listed_and_the_stored_one_is_first"
FILTERED = "filtering.a_filter_finds_what_it_says"
IN_TIME = "filtering.relations_in_time_hold"
AGREES = "agreement.a_filter_finds_in_postgis_what_it_finds_in_python"
QUERYABLES = "filtering.queryables_are_a_json_schema_of_what_may_be_filtered_by"
REFUSED = "filtering.a_filter_that_makes_no_sense_is_refused_and_no_query_is_run"
LINKED = "tiles.the_tiles_of_the_ogc_are_found_link_by_link"

REQUIREMENTS: dict[str, dict[str, list[str]]] = {
    "ogcapi-features-1/1.0/conf/core": {
        "root-op root-success": ["core.the_landing_page_leads_everywhere"],
        "api-definition-op api-definition-success": [DEFINED],
        "conformance-op conformance-success": ["core.every_class_is_declared_once"],
        "http": ["core.a_collection_or_feature_that_is_not_there_is_404", "here.other_methods_are_refused"],
        "query-param-unknown query-param-invalid": ["core.an_unknown_or_repeated_parameter_is_refused"],
        "crs84": ["systems.latitude_comes_first_in_4326_and_longitude_in_crs84"],
        "fc-md-op fc-md-success fc-md-links fc-md-items fc-md-items-links fc-md-extent": [DESCRIBED],
        "sfc-md-op sfc-md-success": [DESCRIBED],
        "fc-op fc-response fc-links fc-timeStamp fc-numberReturned": [FEATURES_PAGE],
        "fc-rel-type": ["here.every_link_says_its_relation_and_type"],
        "fc-numberMatched": ["here.a_number_of_all_is_never_told_wrongly"],
        "fc-limit-definition": [DEFINED],
        "fc-limit-response-1": ["core.limit_is_kept_and_bad_ones_are_refused"],
        "fc-bbox-definition fc-bbox-response": [
            "core.a_box_gives_what_touches_it_and_nothing_else",
            "core.a_box_that_is_none_is_refused_with_a_sentence",
        ],
        "fc-time-definition fc-time-response": [
            "core.time_asks_for_what_held_then",
            "core.time_of_incidents_is_when_they_were_reported",
        ],
        "f-op f-success f-links": [ALONE],
    },
    "ogcapi-features-1/1.0/conf/geojson": {"definition content": [FEATURES_PAGE, ALONE, "here.every_answer_is_of_its_media_type"]},
    "ogcapi-features-1/1.0/conf/html": {"definition": [DEFINED], "content": [BROWSER, "forms.a_page_leads_to_the_next_and_to_each_feature"]},
    "ogcapi-features-1/1.0/conf/oas30": {
        "oas-common oas30-definition-1 oas30-definition-2 oas30-oas-version": [DEFINED],
        "completeness": [DEFINED, "here.every_address_of_the_definition_answers_as_it_says"],
        "exceptions-codes": ["here.every_address_of_the_definition_answers_as_it_says"],
        "security": ["core.nobody_gets_in_without_a_token_and_gis_clients_are_asked_for_one", "here.the_definition_names_the_ways_to_sign_in"],
    },
    "ogcapi-features-2/1.0/conf/crs": {
        "crs-uri fc-md-crs-list fc-md-storageCrs fc-md-storageCrs-valid-value fc-md-crs-list-global": [LISTED],
        "fc-bbox-crs-definition fc-crs-definition": ["here.the_definition_names_the_systems"],
        "fc-bbox-crs-valid-value fc-crs-valid-value": [UNKNOWN_SYSTEM],
        "fc-bbox-crs-valid-defaultValue": ["core.a_box_gives_what_touches_it_and_nothing_else"],
        "fc-bbox-crs-action": ["systems.a_box_is_read_in_its_own_system"],
        "fc-crs-default-value": ["systems.latitude_comes_first_in_4326_and_longitude_in_crs84"],
        "fc-crs-action geojson": ["systems.axes_come_in_the_order_of_the_authority"],
        "ogc-crs-header ogc-crs-header-value": ["systems.the_answer_says_its_system"],
    },
    "ogcapi-features-3/1.0/conf/queryables": {
        "queryables-link": ["here.a_collection_leads_to_its_queryables"],
        "get-queryables-op get-queryables-response": [QUERYABLES],
    },
    "ogcapi-features-3/1.0/conf/queryables-query-parameters": {"parameters": ["filtering.a_property_is_a_parameter_too"]},
    "ogcapi-features-3/1.0/conf/filter": {
        "filter-param": [FILTERED],
        "filter-lang-param": ["filtering.the_language_of_a_filter_must_be_one_of_two", "filtering.json_says_the_same_as_text"],
        "filter-crs-param filter-crs-wgs84": ["systems.a_geometry_of_a_filter_is_read_in_its_own_system"],
        "expression-construction response": [FILTERED, REFUSED],
        "mixing-expressions": ["filtering.filters_box_time_and_properties_hold_together"],
    },
    "ogcapi-features-3/1.0/conf/features-filter": {"filter-param": [FILTERED, "clients.gdal_hands_its_filter_over_as_cql2"]},
    "cql2/1.0/conf/cql2-text": {"validate": ["cql2.text_reads_as_the_json_of_the_standard", "cql2.what_makes_no_sense_is_refused_with_a_sentence"]},
    "cql2/1.0/conf/cql2-json": {"validate": ["filtering.json_says_the_same_as_text", "cql2.json_that_is_no_filter_is_refused"]},
    "cql2/1.0/conf/basic-cql2": {"properties cql2-filter binary-comparison null logical": [FILTERED, AGREES]},
    "cql2/1.0/conf/advanced-comparison-operators": {"like between in": [FILTERED, AGREES]},
    "cql2/1.0/conf/case-insensitive-comparison": {"casei-function": [FILTERED]},
    "cql2/1.0/conf/basic-spatial-functions": {"spatial-predicates (s_intersects with a point and a box)": [FILTERED]},
    "cql2/1.0/conf/basic-spatial-functions-plus": {"spatial-data-types (all geometries)": [FILTERED, "here.every_kind_of_geometry_is_read"]},
    "cql2/1.0/conf/spatial-functions": {"spatial-functions (all eight relations)": [FILTERED]},
    "cql2/1.0/conf/temporal-functions": {"temporal-functions (all relations)": [IN_TIME, "here.every_relation_in_time_is_known"]},
    "cql2/1.0/conf/property-property": {"property-property": [FILTERED]},
    "ogcapi-tiles-1/1.0/conf/core": {
        "tc-op tc-success": [LINKED, "tiles.the_grids_of_a_tile_are_those_of_the_database"],
        "tc-error": ["tiles.what_cannot_be_asked_is_refused_by_a_sentence_and_asks_nothing"],
        "tc-empty": ["tiles.an_empty_tile_is_told_as_such"],
    },
    "ogcapi-tiles-1/1.0/conf/tileset": {"ts-op ts-success ts-links": [LINKED]},
    "ogcapi-tiles-1/1.0/conf/tilesets-list": {"tsl-op tsl-success": [LINKED]},
    "ogcapi-tiles-1/1.0/conf/geodata-tilesets": {"desc-links": ["core.the_landing_page_and_each_collection_lead_to_its_tiles"]},
    "ogcapi-tiles-1/1.0/conf/mvt": {"content": [LINKED, "truth.every_feature_is_in_every_tile_it_reaches_once_and_where_it_is"]},
}  # fmt: skip


def names_of(module: str) -> set[str]:
    tree = ast.parse((TESTS / MODULES[module]).read_text(encoding="utf-8"))
    return {node.name.removeprefix("test_") for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_class_that_is_claimed_is_in_the_table_and_no_other() -> None:
    assert {name.removeprefix("http://www.opengis.net/spec/") for name in CLASSES} == set(REQUIREMENTS)


@pytest.mark.parametrize("conformance", REQUIREMENTS)
def test_every_requirement_names_tests_that_there_are(conformance: str) -> None:
    assert REQUIREMENTS[conformance]
    for requirement, tests in REQUIREMENTS[conformance].items():
        assert tests, requirement
        for test in tests:
            module, _, name = test.partition(".")
            assert name in names_of(module), f"{requirement}: there is no test {test}"


GEOMETRIES = [
    "POINT(118.78025 32.04125)",
    "LINESTRING(118.780 32.04125, 118.7803 32.04125)",
    "POLYGON((118.780 32.041, 118.7805 32.041, 118.7805 32.0415, 118.780 32.041))",
    "MULTIPOINT((118.78025 32.04125), (0 0))",
    "MULTILINESTRING((118.780 32.04125, 118.7803 32.04125), (0 0, 1 1))",
    "MULTIPOLYGON(((118.780 32.041, 118.7805 32.041, 118.7805 32.0415, 118.780 32.041)))",
    "GEOMETRYCOLLECTION(POINT(118.78025 32.04125))",
    "BBOX(118.780, 32.041, 118.7805, 32.0415)",
]
BEFORE_ALL = "INTERVAL('2025-01-01T00:00:00Z', '2025-02-01T00:00:00Z')"
SINCE_THEN = "INTERVAL(reported_at, closed_at)"
RELATIONS = {
    **dict.fromkeys(("t_after", "t_disjoint"), 3),
    **dict.fromkeys(("t_before", "t_contains", "t_during", "t_equals", "t_finishedby", "t_finishes"), 0),
    **dict.fromkeys(
        ("t_intersects", "t_meets", "t_metby", "t_overlappedby", "t_overlaps", "t_startedby", "t_starts"), 0
    ),
}


def test_other_methods_are_refused(served: Served) -> None:
    for path in ("/ogc/", "/ogc/collections", "/ogc/collections/grids/items"):
        answer = served.service.client.post(path, headers=served.service.as_("viewer"))
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_link_says_its_relation_and_type(get: Get) -> None:
    items = "/collections/grids/items"
    for path in ("/", "/collections", "/collections/grids", f"{items}?limit=1", f"{items}/{JIA_1}"):
        links = get(path).json()["links"]
        assert {"self"} <= {link["rel"] for link in links}
        for link in links:
            assert link["href"]
            assert link["rel"]
            assert "/" in link["type"]


def test_a_number_of_all_is_never_told_wrongly(get: Get) -> None:
    page = get("/collections/buildings/items", limit=1).json()
    assert page["numberReturned"] == len(page["features"]) == 1
    assert page.get("numberMatched", len(BUILDINGS)) == len(BUILDINGS)


def test_every_answer_is_of_its_media_type(get: Get) -> None:
    for path in ("/collections/grids/items", f"/collections/grids/items/{JIA_1}"):
        for asked in ({}, {"f": "json"}):
            assert get(path, **asked).headers["content-type"] == "application/geo+json"


def test_every_address_of_the_definition_answers_as_it_says(get: Get) -> None:
    for template, operations in get("/api").json()["paths"].items():
        answers = operations["get"]["responses"]
        assert {"200", "400", "401", "404"} <= set(answers)
        path = template
        if "{featureId}" in template:
            items = get(template.removesuffix("/{featureId}"), limit=1).json()["features"]
            path = template.format(featureId=items[0]["id"])
            get(template.format(featureId="nothing"), 404)
        media = get(path).headers["content-type"]
        assert media in answers["200"]["content"], template
        get(path, 400, nonsense="1")


def test_the_definition_names_the_ways_to_sign_in(get: Get) -> None:
    body = get("/api").json()
    named = {name for way in body["security"] for name in way}
    assert named == set(body["components"]["securitySchemes"]) == {"bearer", "basic", "cookie"}


def test_the_definition_names_the_systems(get: Get) -> None:
    body = get("/api").json()
    for name in ("crs", "bbox-crs", "filter-crs"):
        assert body["components"]["parameters"][name]["schema"]["enum"] == offered()
        for collection in COLLECTIONS:
            used = body["paths"][f"/collections/{collection}/items"]["get"]["parameters"]
            assert {"$ref": f"#/components/parameters/{name}"} in used


def test_a_collection_leads_to_its_queryables(get: Get) -> None:
    for name in COLLECTIONS:
        links = {link["rel"]: link["href"] for link in get(f"/collections/{name}").json()["links"]}
        found = get(links["http://www.opengis.net/def/rel/ogc/1.0/queryables"])
        assert found.headers["content-type"] == "application/schema+json"


@pytest.mark.parametrize("written", GEOMETRIES, ids=[one.split("(")[0] for one in GEOMETRIES])
def test_every_kind_of_geometry_is_read(get: Get, written: str) -> None:
    found = get("/collections/buildings/items", filter=f"s_intersects(geometry, {written})").json()["features"]
    assert [one["id"] for one in found] == ["b1"]


@pytest.mark.parametrize(("relation", "count"), RELATIONS.items(), ids=list(RELATIONS))
def test_every_relation_in_time_is_known(get: Get, relation: str, count: int) -> None:
    written = f"{relation}({SINCE_THEN}, {BEFORE_ALL})"
    assert get("/collections/incidents/items", filter=written).json()["numberReturned"] == count
