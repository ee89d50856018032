"""One answer, whoever asks: SQL, HTTP for one point, HTTP for many, and the bulk command agree on every point."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.core.geo import snap_numbers
from gridsvc.exchange.locating import locate_csv
from gridsvc.territory.bulk import locate_many, read_cells
from gridsvc.territory.locate import locate
from tests.conftest import Service
from tests.town import CELL, SOUTH, WEST

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
        found = (owners.community[index], owners.grid[index], owners.version[index], owners.rule[index])
        assert found == (one.community or "", one.grid or "", one.grid_version or 0, one.rule), (lon, lat)
    assert {"inside", "border", "fallback"} == set(owners.rule)


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
