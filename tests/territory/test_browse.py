"""Lists and single things of every layer: filters, pages, moments, and sentences for nonsense."""

import pytest
from sqlalchemy import text

from gridsvc.core.db import transaction
from gridsvc.core.settings import Settings
from gridsvc.workforce import endpoints
from tests.conftest import Service
from tests.town import GRIDS, JIA, JIA_1, JIA_3, STREET, YI

LISTS = (
    "divisions",
    "communities",
    "grids",
    "buildings",
    "streets",
    "assets",
    "workers",
    "posts",
    "routes",
    "incidents",
)


def read(service: Service, path: str) -> dict[str, object]:
    answer = service.client.get(f"/api/v1{path}", headers=service.as_("viewer"))
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


def codes(service: Service, path: str) -> list[str]:
    return [str(item["code"]) for item in read(service, path)["items"]]  # type: ignore[attr-defined]


def test_a_grid_has_the_fields_others_rely_on_and_what_hangs_on_it(service: Service) -> None:
    grid = read(service, f"/grids/{JIA_1}")
    assert grid["name"] == "甲一网格"
    assert (grid["kind"], grid["community"], grid["version"]) == ("residential", JIA, 1)
    assert (grid["households"], grid["buildings"]) == (200, 2)
    assert grid["area_m2"] == pytest.approx(94.43 * 110.89, rel=1e-3)
    assert (grid["valid_from"], grid["valid_to"]) == ("2026-01-01T00:00:00+00:00", None)
    assert grid["geometry"]["type"] == "Polygon"  # type: ignore[index]
    assert grid["responsible"]["id"] == "W1"  # type: ignore[index]
    assert (grid["routes"], grid["open_incidents"]) == (1, 0)


def test_lists_are_filtered(service: Service) -> None:
    assert codes(service, "/grids") == sorted(GRIDS)
    assert codes(service, f"/grids?community={YI}") == [code for code in GRIDS if code.startswith(YI)]
    assert codes(service, "/grids?kind=dedicated") == [JIA_3]
    assert codes(service, "/grids?q=甲一") == [JIA_1]
    assert codes(service, f"/buildings?grid={JIA_1}") == ["b1", "b2"]
    assert codes(service, f"/buildings?community={YI}") == ["b4"]
    assert codes(service, "/buildings?bbox=118.780,32.041,118.7805,32.0415") == ["b1"]
    assert codes(service, "/communities?q=乙") == [YI]
    assert codes(service, f"/communities?street={STREET}") == [JIA, YI]
    assert codes(service, "/assets?kind=asset:01037") == ["a1"]
    assert codes(service, f"/streets?grid={JIA_1}") == ["s1"]
    assert codes(service, "/buildings?q=100%25") == []


def test_pages_follow_each_other_without_loss_or_doubling(service: Service) -> None:
    path, seen = "/grids?limit=2", []
    for _ in range(4):
        page = read(service, path)
        seen += [item["code"] for item in page["items"]]  # type: ignore[attr-defined]
        if page["next"] is None:
            break
        path = str(page["next"]).removeprefix("/api/v1")
    assert seen == sorted(GRIDS)


def test_geometry_is_given_when_it_is_asked_for(service: Service) -> None:
    plain, full = (read(service, f"/buildings?limit=1{more}")["items"][0] for more in ("", "&geometry=true"))  # type: ignore[index]
    assert "geometry" not in plain
    assert full["geometry"]["type"] == "MultiPolygon"


def test_a_past_moment_is_answered_as_it_was(service: Service) -> None:
    assert codes(service, "/grids?at=2025-12-31T00:00:00Z") == []
    with service.engine.begin() as connection:
        connection.execute(
            text("update grid_version set valid = tstzrange(lower(valid), '2026-06-01Z') where grid = :grid"),
            {"grid": JIA_1},
        )
        connection.execute(
            text(
                "insert into grid_version select grid, 2, '新名', kind, tstzrange('2026-06-01Z', null), area_m2, geometry"
                " from grid_version where grid = :grid"
            ),
            {"grid": JIA_1},
        )
    assert read(service, f"/grids/{JIA_1}?at=2026-03-01T00:00:00Z")["name"] == "甲一网格"
    assert read(service, f"/grids/{JIA_1}")["version"] == 2


@pytest.mark.parametrize("layer", LISTS)
def test_every_list_refuses_what_it_does_not_understand(service: Service, layer: str) -> None:
    for query in ("limit=0", "limit=1001", "limit=x", "colour=red", "cursor=" + "9" * 300):
        answer = service.client.get(f"/api/v1/{layer}?{query}", headers=service.as_("viewer"))
        assert answer.status_code == 422, (query, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("bbox", ["1,2,3", "a,b,c,d", "10,0,5,1", "0,0,0,nan", "0,-91,1,1", "-181,0,0,1"])
def test_a_box_that_is_none_is_refused(service: Service, bbox: str) -> None:
    answer = service.client.get(f"/api/v1/buildings?bbox={bbox}", headers=service.as_("viewer"))
    assert answer.status_code == 422
    assert "bbox" in answer.json()["detail"]


@pytest.mark.parametrize("layer", LISTS)
def test_what_is_not_there_is_not_found(service: Service, layer: str) -> None:
    for key in ("nothing", "999999", "1" * 30):
        answer = service.client.get(f"/api/v1/{layer}/{key}", headers=service.as_("viewer"))
        assert answer.status_code in (404, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("past", ["history", "lineage"])
def test_the_past_of_a_grid_that_never_was_is_not_found(service: Service, past: str) -> None:
    assert len(read(service, f"/grids/{JIA_1}/{past}")["items"]) == (1 if past == "history" else 0)  # type: ignore[arg-type]
    for page in ("", "?cursor=9"):
        answer = service.client.get(f"/api/v1/grids/{JIA}999/{past}{page}", headers=service.as_("viewer"))
        assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no grid '{JIA}999'.")


def test_a_phone_that_is_off_by_kilometres_is_located_as_it_may_report(service: Service) -> None:
    where = "lon=118.7805&lat=32.0415&accuracy_m=5000"
    assert read(service, f"/locate?{where}")["grid"]["code"] == JIA_1  # type: ignore[index]


def test_me_tells_the_zone_of_the_office(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(service, "/me")["timezone"] == "Asia/Shanghai"
    monkeypatch.setattr(endpoints, "settings", lambda: Settings(timezone="Asia/Urumqi"))
    assert read(service, "/me")["timezone"] == "Asia/Urumqi"


def test_a_cursor_that_is_none_is_refused(service: Service) -> None:
    answer = service.client.get("/api/v1/incidents?cursor=abc", headers=service.as_("viewer"))
    assert answer.status_code == 422


HOSTILE = 'a","properties":{"code":"x"}} \\" ,"properties":'


def test_a_list_of_buildings_says_the_same_from_features_and_from_the_tables(service: Service) -> None:
    with transaction(service.engine) as session:
        session.execute(text("update building set name = :name, address = :name where code = 'b1'"), {"name": HOSTILE})

    def both(query: str) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
        short = read(service, f"/buildings?{query}")["items"]
        # What asks for the geometry is read from the tables.
        whole = read(service, f"/buildings?{query}&geometry=true")["items"]
        return short, [{name: value for name, value in one.items() if name != "geometry"} for one in whole]  # type: ignore[return-value,attr-defined]

    for query in ("limit=100", "limit=2&cursor=b1", "bbox=118.780,32.041,118.7805,32.0415", "at=2030-01-01T00:00:00Z"):
        short, whole = both(query)
        assert short == whole != [], query
    assert HOSTILE in [one["name"] for one in both("limit=100")[0]]
    # What is still to be written is read from the tables: nobody is told what was.
    with transaction(service.engine) as session:
        session.execute(text("update building_written set feature = replace(feature, 'b2', 'never')"))
        session.execute(text("insert into derive_due (derived, kind) values ('written', 'building')"))
    short, whole = both("limit=100")
    assert short == whole
    assert "never" not in str(short)
