"""One answer, whoever asks: SQL, HTTP for one point, HTTP for many, and the bulk command agree on every point."""

import csv
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.app.main import create_app
from gridsvc.core.db import Database, transaction
from gridsvc.core.errors import Invalid
from gridsvc.core.geo import snap_numbers
from gridsvc.core.settings import Settings
from gridsvc.exchange.locating import locate_csv
from gridsvc.territory.bulk import locate_many, read_cells
from gridsvc.territory.locate import locate
from gridsvc.territory.publish import Redraw, held_cells, publish
from gridsvc.territory.topology.lattice import Lattice
from tests.conftest import Service
from tests.cost import least_s
from tests.territory.topology.test_lattice import odd_cells, telling_points
from tests.town import CELL, JIA, JIA_1, JIA_2, SOUTH, WEST, spot

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def some_points() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Give points all over the town and around it; every third exactly on a border, some on a corner."""
    chance = np.random.default_rng(11)
    places = chance.uniform([-0.5, -0.5], [4.5, 2.5], (150, 2))
    places[::3, 0] = np.rint(places[::3, 0] * 4) / 4
    places[::9] = np.rint(places[::9])
    return snap_numbers(places * CELL + [WEST, SOUTH])


def test_in_bulk_the_answer_is_that_of_sql(session: Session) -> None:
    points = some_points()
    owners = locate_many(points[:, 0], points[:, 1], *read_cells(session, NOW))
    for index, (lon, lat) in enumerate(points):
        one = locate(session, lon, lat, NOW)
        found = tuple(one.plain()[index] for one in (owners.community, owners.grid, owners.version, owners.rule))
        assert found == (one.community or "", one.grid or "", one.grid_version or 0, one.rule), (lon, lat)
    assert {"inside", "border", "fallback"} == set(owners.rule.plain())


def test_in_bulk_and_in_sql_the_hardest_points_have_one_owner(session: Session) -> None:
    """Slanting borders, corners of many, holes, and communities that overlap; points as near to them as numbers come."""
    shapes = odd_cells(3, overlapping=True)
    for number, shape in enumerate(shapes):
        if shape.geom_type == "Polygon":
            add_version(session, "grid", f"320102003903{number + 1:03d}", shape)
        else:
            add_version(
                session, "community", f"3201020039{number + 11}", shapely.MultiPolygon(list(shapely.get_parts(shape)))
            )
    points = snap_numbers(telling_points(shapes, Lattice.of(shapes).frame, 5))
    points = points[np.isfinite(points).all(axis=1)]
    owners = locate_many(points[:, 0], points[:, 1], *read_cells(session, NOW))
    statement = text(
        "select coalesce(l.community, ''), coalesce(l.grid, ''), coalesce(l.grid_version, 0), l.rule"
        " from unnest(cast(:lons as float8[]), cast(:lats as float8[])) with ordinality as p (lon, lat, number)"
        " cross join lateral locate_point(st_setsrid(st_makepoint(lon, lat), 4326), :at, null) l order by number"
    )
    rows = session.execute(statement, {"lons": points[:, 0].tolist(), "lats": points[:, 1].tolist(), "at": NOW})
    found = zip(*(one.plain() for one in (owners.community, owners.grid, owners.version, owners.rule)), strict=True)
    assert [tuple(row) for row in rows] == list(found)
    assert set(owners.rule.plain()) == {"inside", "border", "community", "fallback"}


def add_version(session: Session, kind: str, code: str, shape: BaseGeometry) -> None:
    if kind == "grid":
        session.execute(
            text("insert into community (code) values (left(:code, 12)) on conflict do nothing"), {"code": code}
        )
    session.execute(text(f"insert into {kind} (code) values (:code)"), {"code": code})
    columns, values = ("kind, ", "'residential', ") if kind == "grid" else ("", "")
    session.execute(
        text(
            f"insert into {kind}_version ({kind}, version, name, {columns}valid, area_m2, geometry)"
            f" values (:code, 1, :code, {values}tstzrange('2026-01-01Z', null), 1, st_geomfromwkb(:wkb, 4326))"
        ),
        {"code": code, "wkb": shapely.to_wkb(shape)},
    )


def exchange_of_ground(session: Session, at: datetime) -> None:
    """Publish that 甲一 and 甲二 lie where the other lay."""
    cells = {cell.code: cell for cell in held_cells(session, JIA)}
    one, other = cells[JIA_1], cells[JIA_2]
    cells |= {JIA_1: replace(one, geometry=other.geometry), JIA_2: replace(other, geometry=one.geometry)}
    publish(session, Redraw({JIA: list(cells.values())}, at), actor="planner")


def test_no_answer_is_older_than_its_question_whichever_process_gives_it(service: Service, tmp_path: Path) -> None:
    lon, lat = spot(0.5, 1.5)
    header = service.as_("viewer")
    url = service.engine.url.render_as_string(hide_password=False)
    points, out = tmp_path / "points.csv", tmp_path / "out.csv"
    points.write_text(f"lon,lat\n{lon},{lat}\n", encoding="utf-8")

    def everybodys(other: TestClient, at: datetime) -> set[str]:
        query: dict[str, float | str] = {"lon": lon, "lat": lat, "at": at.isoformat()}
        body: dict[str, object] = {"points": [{"lon": lon, "lat": lat}], "at": at.isoformat()}
        with transaction(service.engine) as session:
            locate_csv(points, out, *read_cells(session, at), lambda *_: None)
            told = {str(locate(session, lon, lat, at).grid)}
        told.add(next(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))["grid"])
        for client in (service.client, other):
            told.add(client.get("/api/v1/locate", params=query, headers=header).json()["grid"]["code"])
            told.add(client.post("/api/v1/locate", json=body, headers=header).json()["items"][0]["grid"]["code"])
        return told

    with TestClient(create_app(Database.at(url, Settings(pool_size=2)), Settings())) as other:
        assert everybodys(other, NOW) == {JIA_1}
        for number, wanted in enumerate((JIA_2, JIA_1, JIA_2)):
            at = NOW + timedelta(days=number)
            with transaction(service.engine) as session:
                exchange_of_ground(session, at)
            assert everybodys(other, at) == {wanted}
        # And what was asked before is answered the same after every later redraw.
        moments = [NOW - timedelta(seconds=1), NOW, NOW + timedelta(days=1), NOW + timedelta(days=2)]
        assert [everybodys(other, at) for at in moments] == [{JIA_1}, {JIA_2}, {JIA_1}, {JIA_2}]


def test_many_who_ask_at_once_get_each_their_own_answer(service: Service) -> None:
    points = some_points()[:60].tolist()
    header = service.as_("viewer")

    def ask(point: list[float]) -> object:
        return service.client.get(f"/api/v1/locate?lon={point[0]!r}&lat={point[1]!r}", headers=header).json()

    alone = [ask(point) for point in points]
    with ThreadPoolExecutor(12) as crowd:
        assert list(crowd.map(ask, points)) == alone
    assert len({str(answer) for answer in alone}) > 10


def test_ten_megabytes_of_points_are_refused_unread(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    header = service.as_("viewer")
    body = b'{"points": [' + b",".join([b'{"lon": 118.7812345, "lat": 32.0412345}'] * 260_000) + b"]}"
    assert len(body) > 10_000_000
    service.client.get("/api/v1/me", headers=header)  # The door remembers the caller.

    async def no_query(*_: object) -> None:
        raise AssertionError("a query was run")

    monkeypatch.setattr(Database, "rows", no_query)
    monkeypatch.setattr(Database, "value", no_query)
    header |= {"content-type": "application/json"}
    answer = service.client.post("/api/v1/locate", content=body, headers=header)
    # Half of a second where fifty milliseconds are promised: tests run on machines that do other things as well.
    assert (
        least_s(lambda: service.client.post("/api/v1/locate", content=body, headers=header), 3, time.perf_counter) < 0.5
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "2,097,152 bytes" in answer.json()["detail"]


def test_a_question_is_documented_like_any_other(service: Service) -> None:
    paths = service.client.get("/openapi.json").json()["paths"]["/api/v1/locate"]
    assert {one["name"] for one in paths["get"]["parameters"]} == {"lon", "lat", "accuracy_m", "at"}
    assert "Points" in str(paths["post"]["requestBody"])
    assert "Location" in str(paths["get"]["responses"]["200"])


def test_over_http_many_are_answered_like_one(service: Service) -> None:
    points = [{"lon": lon, "lat": lat, "accuracy_m": 20} for lon, lat in some_points()[:40].tolist()]
    header = service.as_("viewer")
    many = service.client.post("/api/v1/locate", json={"points": points}, headers=header).json()["items"]
    for point, answer in zip(points, many, strict=True):
        query = "&".join(f"{name}={value!r}" for name, value in point.items())
        assert service.client.get(f"/api/v1/locate?{query}", headers=header).json() == answer


@pytest.mark.parametrize("points", [[], [{"lon": 1}], [{"lon": 999, "lat": 0}], [{"lon": 0, "lat": 0}] * 10_001, None])
def test_points_that_are_none_are_refused(service: Service, points: object) -> None:
    answer = service.client.post("/api/v1/locate", json={"points": points}, headers=service.as_("viewer"))
    assert answer.status_code == 422


def test_a_file_keeps_its_rows_and_columns_and_gains_the_owners(session: Session, tmp_path: Path) -> None:
    points, out = tmp_path / "points.csv", tmp_path / "out.csv"
    points.write_text(f"id,经度,纬度\n007,{WEST + CELL / 2},{SOUTH + CELL / 2}\n008,x,1\n009,0,0\n", encoding="utf-8")
    assert locate_csv(points, out, *read_cells(session, NOW), lambda *_: None) == 3
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [(row["id"], row["grid"], row["rule"]) for row in rows] == [
        ("007", "320102003901003", "inside"),
        ("008", "", "unreadable"),
        ("009", "", "fallback"),
    ]
    assert {file.name for file in tmp_path.iterdir()} == {"points.csv", "out.csv"}


def test_a_file_without_places_is_refused_and_leaves_nothing(session: Session, tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(Invalid, match="lon and lat"):
        locate_csv(points, tmp_path / "out.csv", *read_cells(session, NOW), lambda *_: None)
    assert list(tmp_path.iterdir()) == [points]
