"""Part 1 (core, GeoJSON, OpenAPI 3.0): each requirement of the standard that the service claims to meet."""

import re

import pytest
from sqlalchemy.orm import Session

from gridsvc.access.accounts import find_account
from gridsvc.access.credentials import issue_token
from gridsvc.app.ogc.collections import COLLECTIONS
from gridsvc.app.ogc.conformance import CLASSES
from tests.app.ogc.conftest import Get, Served
from tests.town import BUILDINGS, FOUNDED, GRIDS, JIA, JIA_1, RUBBISH, YI


def rels(body: dict[str, object]) -> dict[str, str]:
    return {link["rel"]: link["href"] for link in body["links"]}  # type: ignore[attr-defined]


def test_the_landing_page_leads_everywhere(get: Get) -> None:
    body = get("/").json()
    for rel in ("conformance", "data", "service-desc", "service-doc", "self", "alternate"):
        assert get(rels(body)[rel]).status_code == 200
    assert get("").json() == body


def test_the_landing_page_and_each_collection_lead_to_its_tiles(get: Get) -> None:
    tiles = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
    schemes = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes"
    landing = rels(get("/").json())
    assert get(landing[schemes]).json()["tileMatrixSets"][0]["id"] == "WebMercatorQuad"
    listed = {one["title"]: one for one in get(landing[tiles]).json()["tilesets"]}
    assert len(listed) >= 7
    for name in set(COLLECTIONS) - {"divisions"}:
        sets = get(rels(get(f"/collections/{name}").json())[tiles]).json()["tilesets"]
        assert sets[0]["tileMatrixSetURI"].endswith("WebMercatorQuad")
    assert tiles not in rels(get("/collections/divisions").json())


def test_a_token_that_is_limited_opens_only_its_collections(served: Served) -> None:
    with served.service.engine.connect() as connection, Session(connection) as session:
        account = find_account(session, "viewer")
        token = issue_token(session, account, "map", actor="test", scopes=["territory.read"])
        session.commit()
    bearer = {"Authorization": f"Bearer {token}"}
    listed = served.service.client.get("/ogc/collections", headers=bearer).json()["collections"]
    assert {one["id"] for one in listed} == set(COLLECTIONS) - {"routes", "incidents"}
    for path in ("incidents", "incidents/items", "incidents/queryables", "routes/items"):
        assert served.service.client.get(f"/ogc/collections/{path}", headers=bearer).status_code == 403


def test_links_have_the_base_that_the_caller_used(get: Get) -> None:
    headers = {"Host": "map.example:8443"}
    for path in (
        "/",
        "/collections",
        "/collections/grids",
        "/collections/grids/items",
        f"/collections/grids/items/{JIA_1}",
    ):
        for link in get(path, headers=headers).json()["links"]:
            assert link["href"].startswith("http://map.example:8443/ogc/"), path


def test_every_class_is_declared_once(get: Get) -> None:
    declared = get("/conformance").json()["conformsTo"]
    assert declared == CLASSES
    assert len(set(declared)) == len(declared) >= 19


def test_collections_are_described_with_extent_systems_and_links(get: Get) -> None:
    body = get("/collections").json()
    assert [one["id"] for one in body["collections"]] == list(COLLECTIONS)
    for one in body["collections"]:
        alone = get(f"/collections/{one['id']}").json()
        assert alone == one
        assert {"items", "self", "alternate"} <= set(rels(one))
        assert one["itemType"] == "feature"
    grids = next(one for one in body["collections"] if one["id"] == "grids")
    assert grids["extent"]["spatial"]["bbox"][0] == pytest.approx([118.78, 32.04, 118.784, 32.042], abs=1e-4)


def test_a_collection_or_feature_that_is_not_there_is_404(get: Get) -> None:
    for path in ("/collections/residents", "/collections/residents/items", "/collections/grids/items/nothing"):
        answer = get(path, 404)
        assert answer.headers["content-type"] == "application/problem+json"
    for key in ("x", "1e9", "-1", "9" * 30, "1@2026-01-01T00:00:00Z", "%00"):
        get(f"/collections/incidents/items/{key}", 404)


def test_features_are_geojson_with_number_time_and_links(get: Get) -> None:
    answer = get("/collections/grids/items")
    assert answer.headers["content-type"] == "application/geo+json"
    body = answer.json()
    assert body["type"] == "FeatureCollection"
    assert [one["id"] for one in body["features"]] == sorted(GRIDS)
    assert body["numberReturned"] == body["numberMatched"] == len(GRIDS)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", body["timeStamp"])
    assert {"self", "alternate", "collection"} <= set(rels(body))
    one = body["features"][0]
    assert one["geometry"]["type"] == "Polygon"
    assert one["properties"]["code"] == JIA_1
    assert one["properties"]["households"] == 200


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_feature_alone_is_the_feature_of_the_list(get: Get, name: str) -> None:
    features = get(f"/collections/{name}/items").json()["features"]
    assert features
    for feature in features:
        alone = get(f"/collections/{name}/items/{feature['id']}").json()
        assert {"self", "alternate", "collection"} <= set(rels(alone))
        del alone["links"]
        assert alone == feature


def test_limit_is_kept_and_bad_ones_are_refused(get: Get) -> None:
    assert get("/collections/buildings/items", limit=2).json()["numberReturned"] == 2
    assert get("/collections/buildings/items", limit=99999999).json()["numberReturned"] == len(BUILDINGS)
    for bad in ("0", "-1", "1.5", "ten", "1e3", "", "9" * 40):
        get("/collections/buildings/items", 400, limit=bad)


def test_a_box_gives_what_touches_it_and_nothing_else(get: Get) -> None:
    def found(bbox: str) -> list[str]:
        return [one["id"] for one in get("/collections/buildings/items", bbox=bbox).json()["features"]]

    assert found("118.780,32.041,118.7805,32.0415") == ["b1"]
    assert found("118.780,32.041,-5,118.7805,32.0415,5000") == ["b1"]
    assert found("118.7802,32.0412,118.7802,32.0412") == ["b1"]
    assert found("0,0,1,1") == []
    assert found("-180,-90,180,90") == sorted(BUILDINGS)


BAD_BOXES = {
    "118,32,119": "four numbers",
    "118,32,119,x": "four numbers",
    "170,-10,-170,10": "180th meridian",
    "118,33,119,32": "inverted",
    "118,32,219,33": "outside the world",
    "nan,32,119,33": "inverted",
    "1e400,32,1e400,33": "endless",
    "": "four numbers",
}


@pytest.mark.parametrize(("bbox", "why"), BAD_BOXES.items(), ids=list(BAD_BOXES))
def test_a_box_that_is_none_is_refused_with_a_sentence(get: Get, bbox: str, why: str) -> None:
    assert why in get("/collections/buildings/items", 400, bbox=bbox).json()["detail"]


def test_time_asks_for_what_held_then(get: Get) -> None:
    def count(datetime: str) -> int:
        return int(get("/collections/grids/items", datetime=datetime).json()["numberReturned"])

    founded = FOUNDED.isoformat().replace("+00:00", "Z")
    assert count(founded) == len(GRIDS)
    assert count("2025-12-31T23:59:59Z") == 0
    assert count("../2025-12-31T23:59:59Z") == 0
    assert count(f"../{founded}") == len(GRIDS)
    assert count("2026-06-01T00:00:00Z/..") == len(GRIDS)
    assert count("2026-06-01T00:00:00+08:00/2026-06-02T00:00:00+08:00") == len(GRIDS)
    for bad in (
        "yesterday",
        "../..",
        "/",
        "2026-02-01T00:00:00Z/2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00",
        "a/b/c",
        "",
    ):
        get("/collections/grids/items", 400, datetime=bad)


def test_time_of_incidents_is_when_they_were_reported(get: Get) -> None:
    assert get("/collections/incidents/items", datetime="../2026-01-01T00:00:00Z").json()["numberReturned"] == 0
    assert get("/collections/incidents/items", datetime="2026-01-01T00:00:00Z/..").json()["numberReturned"] == 3


def test_a_version_over_a_span_has_an_id_that_finds_it_again(get: Get) -> None:
    (first, *_) = get("/collections/grids/items", datetime="2026-01-01T00:00:00Z/..").json()["features"]
    assert first["id"] == f"{JIA_1}@2026-01-01T00:00:00.000000Z"
    again = get(f"/collections/grids/items/{first['id']}").json()
    assert again["properties"] == first["properties"]


def test_an_unknown_or_repeated_parameter_is_refused(get: Get) -> None:
    for path in ("/", "/conformance", "/api", "/collections", "/collections/grids", "/collections/grids/queryables"):
        get(path, 400, colour="red")
    get("/collections/grids/items", 400, colour="red")
    get("/collections/grids/items?limit=1&limit=2", 400)
    get(f"/collections/grids/items/{JIA_1}", 400, limit=1)
    get("/collections/grids/items", 400, f="gml")
    get("/collections/grids/items", 400, name="a\x00b")


def test_properties_chooses_what_is_said(get: Get) -> None:
    (one, *_) = get("/collections/buildings/items", properties="name,levels").json()["features"]
    assert one["properties"] == {"name": "楼 b1", "levels": 6}
    get("/collections/buildings/items", 400, properties="name,owner")


def test_nothing_that_the_api_hides_is_said(get: Get) -> None:
    (one, *_) = get("/collections/incidents/items").json()["features"]
    assert "contact" not in one["properties"]
    assert one["properties"]["class"] == RUBBISH
    (route,) = get("/collections/routes/items").json()["features"]
    assert set(route["properties"]) == {"id", "name", "grid", "worker", "length_m"}


def test_nobody_gets_in_without_a_token_and_gis_clients_are_asked_for_one(served: Served) -> None:
    client = served.service.client
    for path in ("/ogc/", "/ogc/api", "/ogc/conformance", "/ogc/collections", "/ogc/collections/grids/items"):
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert client.get("/ogc/collections", auth=("anything", served.service.tokens["viewer"])).status_code == 200


def test_the_definition_is_openapi_3_0_and_names_what_there_is(get: Get) -> None:
    answer = get("/api")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    body = answer.json()
    assert body["openapi"].startswith("3.0.")
    parameters = body["components"]["parameters"]
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 10000, "default": 100}
    operations = []
    for path, methods in body["paths"].items():
        operations.append(methods["get"]["operationId"])
        if "{" not in path:
            get(path)
        for parameter in methods["get"]["parameters"]:
            if "$ref" in parameter:
                assert parameter["$ref"].removeprefix("#/components/parameters/") in parameters
    assert len(set(operations)) == len(operations)
    for name in COLLECTIONS:
        assert f"/collections/{name}/items" in body["paths"]


def test_communities_come_in_their_order(get: Get) -> None:
    assert [one["id"] for one in get("/collections/communities/items").json()["features"]] == [JIA, YI]
