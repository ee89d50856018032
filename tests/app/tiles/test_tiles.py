"""Tiles: what is in the database is in the tile, under the layer's own name, and nothing else is."""

from typing import NoReturn
from xml.etree import ElementTree

import mapbox_vector_tile
import pytest
from httpx2 import Response
from sqlalchemy import text

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.access.guard import COOKIE
from gridsvc.app.tiles import LAYERS
from gridsvc.core.db import Database, transaction
from tests.conftest import Service
from tests.town import GRIDS, JIA_1, RUBBISH, spot

# The tile of zoom 15 that holds the whole town.
Z, X, Y = 15, 27195, 13302
TILE = f"{Z}/{X}/{Y}"


def tile(service: Service, layer: str, where: str = TILE, query: str = "") -> dict[str, object]:
    answer = service.client.get(f"/tiles/{layer}/{where}.mvt{query}", headers=service.as_("viewer"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    decoded: dict[str, dict[str, object]] = mapbox_vector_tile.decode(answer.content)
    assert list(decoded) == [layer]
    return decoded[layer]


def properties(layer: dict[str, object]) -> list[dict[str, object]]:
    return [feature["properties"] for feature in layer["features"]]  # type: ignore[attr-defined]


def test_the_grids_of_a_tile_are_those_of_the_database(service: Service) -> None:
    found = {str(one["code"]): one for one in properties(tile(service, "grids"))}
    assert sorted(found) == sorted(GRIDS)
    assert found[JIA_1] == {"code": JIA_1, "name": "甲一网格", "kind": "residential", "open_incidents": 0}


def report(service: Service) -> dict[str, object]:
    lon, lat = spot(0.5, 1.5)
    given = {"class": RUBBISH, "condition": "01", "place": {"lon": lon, "lat": lat}, "source": "worker"}
    made: dict[str, object] = service.client.post("/api/v1/incidents", json=given, headers=service.as_("worker")).json()
    return made


def test_a_new_report_is_in_the_next_tile_and_tints_its_grid(service: Service) -> None:
    assert {one["open_incidents"] for one in properties(tile(service, "grids"))} == {0}
    made = report(service)
    (incident,) = properties(tile(service, "incidents"))
    assert incident == {
        "id": made["id"],
        "number": made["number"],
        "class": RUBBISH,
        "status": "reported",
        "source": "worker",
    }
    grids = {one["code"]: one["open_incidents"] for one in properties(tile(service, "grids"))}
    assert grids[JIA_1] == 1


def test_a_grid_lies_in_the_tile_where_the_map_puts_it(service: Service) -> None:
    layer = tile(service, "grids")
    (jia,) = [one for one in layer["features"] if one["properties"]["code"] == JIA_1]  # type: ignore[attr-defined]
    xs = [x for x, _ in jia["geometry"]["coordinates"][0]]

    # Web Mercator: the tile is 360/2^15 degrees wide, 4096 units across.
    def unit(lon: float) -> float:
        return float(((lon + 180) / 360 * 2**Z - X) * 4096)

    assert min(xs) == pytest.approx(unit(118.780), abs=1)
    assert max(xs) == pytest.approx(unit(118.781), abs=1)


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_an_empty_tile_is_told_as_such(service: Service, layer: str) -> None:
    assert service.client.get(f"/tiles/{layer}/18/0/0.mvt", headers=service.as_("viewer")).status_code == 204


@pytest.mark.parametrize("where", ["99/0/0", "-1/0/0", "2/4/0", "2/0/4", "2/-1/0", "23/0/0", "1/x/0"])
def test_a_tile_that_is_not_on_the_map_is_refused(service: Service, where: str) -> None:
    answer = service.client.get(f"/tiles/grids/{where}.mvt", headers=service.as_("viewer"))
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_tilejson_says_where_a_layer_lies(service: Service) -> None:
    described = service.client.get("/tiles/grids.json", headers=service.as_("viewer")).json()
    assert described["bounds"] == pytest.approx([118.78, 32.04, 118.784, 32.042])
    assert described["vector_layers"][0]["id"] == "grids"
    assert described["tiles"][0].endswith("/tiles/grids/{z}/{x}/{y}.mvt")
    assert service.client.get("/tiles/residents.json", headers=service.as_("viewer")).status_code == 404


def get(service: Service, path: str, **headers: str) -> Response:
    answer: Response = service.client.get(path, headers={**service.as_("viewer"), **headers})
    return answer


def test_a_tile_of_another_moment_has_the_boundaries_of_then(service: Service) -> None:
    with service.engine.begin() as connection:
        connection.execute(
            text(
                "with closed as (update grid_version set valid = tstzrange(lower(valid), '2027-01-01Z') where grid = :g"
                " returning *) insert into grid_version select grid, 2, '甲一新', kind, tstzrange('2027-01-01Z', null),"
                " area_m2, geometry from closed"
            ),
            {"g": JIA_1},
        )

    def name(at: str) -> object:
        layer = tile(service, "grids", TILE, f"?at={at}")
        (one,) = [one for one in properties(layer) if one["code"] == JIA_1]
        assert "open_incidents" not in one, "counts are of now"
        return one["name"]

    assert name("2026-06-01T00:00:00Z") == "甲一网格"
    assert name("2027-06-01T00:00:00%2B08:00") == "甲一新"
    for before in ("at=2025-01-01T00:00:00Z", "edition=3&at=2025-01-01T00:00:00Z", "%61t=2025-01-01T00:00:00Z"):
        assert get(service, f"/tiles/grids/{TILE}.mvt?{before}").status_code == 204


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/tiles/residents/{TILE}.mvt", 404),
        ("/tiles/grids/99/0/0.mvt", 404),
        ("/tiles/grids/15/32768/0.mvt", 404),
        ("/tiles/grids/15/0/99999999999999999999999.mvt", 404),
        ("/tiles/grids/15/1e3/0.mvt", 422),
        (f"/tiles/grids/{TILE}.mvt?at=yesterday", 422),
        (f"/tiles/grids/{TILE}.mvt?at=2026-01-01", 422),
        (f"/tiles/grids/{TILE}.mvt?at=2026-01-01T00:00:00", 422),
        (f"/tiles/buildings/{TILE}.mvt?at=2026-01-01T00:00:00Z", 422),
        ("/tiles/residents.json", 404),
        ("/ogc/collections/residents/tiles", 404),
        ("/ogc/collections/grids/tiles/WorldCRS84Quad", 404),
        ("/ogc/collections/grids/tiles/WorldCRS84Quad/1/0/0", 404),
        ("/ogc/collections/grids/tiles/WebMercatorQuad/1/2/0", 404),
        ("/ogc/tileMatrixSets/Mine", 404),
    ],
)
def test_what_cannot_be_asked_is_refused_by_a_sentence_and_asks_nothing(
    service: Service, path: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(service, "/tiles")  # who is asking is known from here on

    async def asked(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the database was asked")

    for way in ("rows", "value"):
        monkeypatch.setattr(Database, way, asked)
    answer = get(service, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json()["detail"]) > 15


def test_a_tile_the_client_still_has_is_answered_without_asking_the_database(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = get(service, f"/tiles/grids/{TILE}.mvt")
    tag = first.headers["etag"]
    # A tile of the same version, and of none: both know it without a query.
    monkeypatch.setattr("gridsvc.app.tiles.versions.TRUSTED_S", 60.0)
    get(service, f"/tiles/grids/{TILE}.mvt")

    async def asked(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the database was asked")

    with monkeypatch.context() as patch:
        for way in ("rows", "value"):
            patch.setattr(Database, way, asked)
        for sent in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            answer = get(service, f"/tiles/grids/{TILE}.mvt", **{"If-None-Match": sent})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
        assert get(service, f"/tiles/grids/{TILE}.mvt", **{"If-None-Match": '"other"'}).content == first.content
    report(service)
    changed = get(service, f"/tiles/grids/{TILE}.mvt", **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


@pytest.mark.parametrize("sent", ["no-cache", "max-age=0"])
def test_who_wants_it_fresh_gets_it_fresh(service: Service, sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridsvc.app.tiles.versions.TRUSTED_S", 60.0)
    before = get(service, f"/tiles/assets/16/{2 * X}/{2 * Y + 1}.mvt")
    with service.engine.begin() as connection:
        connection.execute(text("update asset set state = 'broken'"))
    assert get(service, f"/tiles/assets/16/{2 * X}/{2 * Y + 1}.mvt").headers["etag"] == before.headers["etag"]
    after = get(service, f"/tiles/assets/16/{2 * X}/{2 * Y + 1}.mvt", **{"Cache-Control": sent})
    assert after.headers["etag"] != before.headers["etag"]


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("*", "gzip"), ("identity", None), ("gzip;q=0", None), ("br", None)],
)
def test_a_tile_is_compressed_for_those_who_take_it(service: Service, accepts: str, encoding: str | None) -> None:
    plain = get(service, f"/tiles/grids/{TILE}.mvt", **{"Accept-Encoding": "identity"})
    answer = get(service, f"/tiles/grids/{TILE}.mvt", **{"Accept-Encoding": accepts})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.content == plain.content
    assert answer.headers["vary"] == "Accept-Encoding, Authorization, Cookie"


def test_the_short_way_and_the_general_way_answer_the_same(service: Service) -> None:
    short = get(service, f"/tiles/grids/{TILE}.mvt")
    # With a moment, and by the other standard, the general way is gone.
    general = get(service, f"/ogc/collections/grids/tiles/WebMercatorQuad/{Z}/{Y}/{X}")
    assert general.content == short.content
    for header in (
        "etag",
        "cache-control",
        "vary",
        "content-type",
        "content-security-policy",
        "x-content-type-options",
    ):
        assert general.headers[header] == short.headers[header], header


def test_a_kept_tile_is_answered_without_entering_the_application_and_as_safe_as_from_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridsvc.app.tiles.versions.TRUSTED_S", 60.0)
    within = get(service, "/tiles")
    first = get(service, f"/tiles/grids/{TILE}.mvt")

    async def entered(*_: object) -> NoReturn:
        raise AssertionError("the application was entered")

    with monkeypatch.context() as patch:
        for way in ("rows", "value"):
            patch.setattr(Database, way, entered)
        patch.setattr(service.client.app._gate, "_app", entered)  # type: ignore[attr-defined]
        cookie = {"Cookie": f"a=b; {COOKIE}={service.tokens['viewer']}"}
        for headers in (service.as_("viewer"), cookie):
            again = service.client.get(f"/tiles/grids/{TILE}.mvt?edition=3", headers=headers)
            assert (again.status_code, again.content) == (200, first.content)
            assert dict(again.headers) == dict(first.headers)
            for header in ("content-security-policy", "x-content-type-options", "referrer-policy"):
                assert again.headers[header] == within.headers[header]


def test_a_token_kept_from_reading_gets_no_tile_however_well_it_is_remembered(service: Service) -> None:
    with transaction(service.engine) as session:
        account = add_account(session, "limited", "intake", None, actor="test")
        token = issue_token(session, account, "", actor="test", scopes=["incident.report"])
    headers = {"Authorization": f"Bearer {token}"}
    get(service, f"/tiles/grids/{TILE}.mvt")
    for _ in range(2):
        answer = service.client.get(f"/tiles/grids/{TILE}.mvt", headers=headers)
        assert answer.status_code == 403
        assert "territory.read" in answer.json()["detail"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_nobody_gets_a_tile_without_signing_in(service: Service, headers: dict[str, str]) -> None:
    get(service, f"/tiles/grids/{TILE}.mvt")
    for path in (f"/tiles/grids/{TILE}.mvt", "/tiles/grids.json", "/tiles", "/ogc/tileMatrixSets"):
        answer = service.client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_style_draws_every_layer_from_this_host_alone(service: Service) -> None:
    style = get(service, "/tiles/style.json").json()
    assert style["version"] == 8
    assert set(style["sources"]) == set(LAYERS) == {one["source"] for one in style["layers"] if "source" in one}
    assert all(one["url"].startswith("http://testserver/tiles/") for one in style["sources"].values())
    assert all(one.get("source-layer") == one.get("source") for one in style["layers"])
    assert len({one["id"] for one in style["layers"]}) == len(style["layers"])
    # Without fonts and pictures from elsewhere nothing can be written and no icon drawn.
    assert not {"glyphs", "sprite"} & set(style)
    assert {one["type"] for one in style["layers"]} <= {"background", "fill", "line", "circle"}


def test_the_list_tells_people_programs_and_qgis_where_the_tiles_are(service: Service) -> None:
    listed = get(service, "/tiles").json()["layers"]
    assert [one["name"] for one in listed] == list(LAYERS)
    page = get(service, "/tiles", Accept="text/html,*/*")
    assert page.headers["content-type"].startswith("text/html")
    connections = ElementTree.fromstring(get(service, "/tiles/qgis.xml").text)  # noqa: S314 - our own
    assert connections.tag == "qgsVectorTilesConnections"
    assert [one.get("url") for one in connections] == [one["tiles"] for one in listed]
    for one in listed:
        assert one["qgis"].endswith(f"&url={one['tiles']}")
        assert one["name"] in page.text


def test_the_tiles_of_the_ogc_are_found_link_by_link(service: Service) -> None:
    """Requirements of OGC API – Tiles, part 1: core, tileset, tilesets-list, geodata-tilesets, mvt."""
    (matrices,) = get(service, "/ogc/tileMatrixSets").json()["tileMatrixSets"]
    described = get(service, matrices["links"][0]["href"]).json()
    deepest = described["tileMatrices"][Z]
    assert (deepest["id"], deepest["matrixWidth"], deepest["cornerOfOrigin"]) == (str(Z), 2**Z, "topLeft")
    assert deepest["cellSize"] * deepest["tileWidth"] * deepest["matrixWidth"] == pytest.approx(40075016.68557849)
    assert deepest["scaleDenominator"] == pytest.approx(deepest["cellSize"] / 0.00028)
    assert len(get(service, "/ogc/tiles").json()["tilesets"]) == len(LAYERS)
    (short,) = get(service, "/ogc/collections/grids/tiles").json()["tilesets"]
    links = {link["rel"]: link["href"] for link in short["links"]}
    whole = get(service, links["self"]).json()
    assert {"dataType", "crs", "tileMatrixSetURI", "links", "tileMatrixSetLimits", "boundingBox"} <= set(whole)
    assert whole["layers"][0]["id"] == "grids"
    (limits,) = [one for one in whole["tileMatrixSetLimits"] if one["tileMatrix"] == str(Z)]
    assert limits["minTileRow"] <= Y <= limits["maxTileRow"]
    assert limits["minTileCol"] <= X <= limits["maxTileCol"]
    address = links["item"].format(tileMatrix=Z, tileRow=Y, tileCol=X)
    assert mapbox_vector_tile.decode(get(service, address).content)["grids"]["features"]
    assert get(service, links["item"].format(tileMatrix=Z, tileRow=0, tileCol=X)).status_code == 204
