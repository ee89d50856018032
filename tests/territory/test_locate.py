"""Whose is this place: one answer, one tie rule, and it says how sure it is."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.geo import snap_numbers
from gridsvc.territory.locate import locate
from tests.conftest import Service
from tests.town import FOUNDED, JIA, JIA_1, JIA_2, JIA_3, YI_1, rectangle, spot

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "grid", "rule"),
    [
        ((0.5, 1.5), JIA_1, "inside"),
        ((1.0, 1.5), JIA_1, "border"),  # between 甲一 and 甲二: the lower code
        ((2.0, 1.5), JIA_2, "border"),  # between two communities: still the lower code
        ((1.0, 1.0), JIA_1, "border"),  # a corner of three
        ((0.0, 0.5), JIA_3, "border"),  # the edge of the town
        ((3.5, 0.5), None, "fallback"),
    ],
)
def test_every_point_has_exactly_one_owner(
    session: Session, place: tuple[float, float], grid: str | None, rule: str
) -> None:
    found = locate(session, *spot(*place), NOW)
    assert (found.grid, found.rule) == (grid, rule)


def test_a_place_in_a_community_that_has_no_grids_yet_is_told_as_such(session: Session) -> None:
    young = "320102003903"
    session.execute(text("insert into community (code) values (:code)"), {"code": young})
    session.execute(
        text(
            "insert into community_version (community, version, name, valid, area_m2, geometry) values"
            " (:code, 1, '丙社区', tstzrange(:from, null), 1, st_multi(st_geomfromtext(:shape, 4326)))"
        ),
        {"code": young, "from": FOUNDED, "shape": rectangle(2, 0, 1, 1).wkt},
    )
    found = locate(session, *spot(2.5, 0.5), NOW)
    assert (found.community, found.grid, found.rule) == (young, None, "community")


def test_before_the_town_was_founded_nothing_is_anybodys(session: Session) -> None:
    assert locate(session, *spot(0.5, 1.5), FOUNDED - timedelta(seconds=1)).rule == "fallback"
    assert locate(session, *spot(0.5, 1.5), FOUNDED).grid == JIA_1


def test_the_answer_over_http_names_the_people_and_explains_itself(service: Service) -> None:
    lon, lat = spot(0.9, 1.5)
    answer = service.client.get(
        f"/api/v1/locate?lon={lon}&lat={lat}&accuracy_m=15", headers=service.as_("viewer")
    ).json()
    assert answer["community"] == {"code": JIA, "name": "甲社区"}
    assert answer["grid"] == {"code": JIA_1, "name": "甲一网格", "version": 1}
    assert answer["responsible"] == {"id": "W1", "name": "示例网格员1", "phone_masked": "100****0001"}
    assert answer["backup"]["id"] == "W2"
    assert (answer["rule"], answer["on_border"], answer["ambiguous"]) == ("inside", False, True)
    # A tenth of a cell from the border: 0.0001 degrees of longitude at 32 N are 9.4 m.
    assert answer["border_distance_m"] == pytest.approx(9.44, abs=0.02)
    assert [one["code"] for one in answer["candidates"]] == [JIA_1, JIA_2]


def test_without_an_accuracy_nothing_is_ambiguous_but_a_border_is_told(service: Service) -> None:
    lon, lat = spot(2, 1.5)
    answer = service.client.get(f"/api/v1/locate?lon={lon}&lat={lat}", headers=service.as_("viewer")).json()
    assert (answer["grid"]["code"], answer["on_border"], answer["ambiguous"]) == (JIA_2, True, False)
    assert {one["code"] for one in answer["candidates"]} == {JIA_2, YI_1}


def test_outside_every_community_it_names_the_fallback_queue(service: Service) -> None:
    answer = service.client.get("/api/v1/locate?lon=0&lat=0", headers=service.as_("viewer")).json()
    assert (answer["grid"], answer["community"], answer["responsible"]) == (None, None, None)
    assert (answer["rule"], answer["queue"]) == ("fallback", "fallback")


@pytest.mark.parametrize(
    "query",
    [
        "lon=181&lat=0",
        "lon=0&lat=91",
        "lon=nan&lat=0",
        "lon=inf&lat=0",
        "lon=0",
        "lon=a&lat=b",
        "lon=0&lat=0&accuracy_m=-1",
        "lon=0&lat=0&at=yesterday",
        "lon=0&lat=0&lot=1",
    ],
)
def test_a_point_that_is_none_is_refused_with_a_sentence(service: Service, query: str) -> None:
    answer = service.client.get(f"/api/v1/locate?{query}", headers=service.as_("viewer"))
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_the_distance_to_the_border_is_that_on_the_ellipsoid_to_the_millimetre(session: Session) -> None:
    """Beside the shortest of the geodesics to points a tenth of a millimetre apart all along the border."""
    chance = np.random.default_rng(4)
    corners = snap_numbers(spot(2, 0)) + snap_numbers(chance.uniform(0, 0.004, (9, 2)))
    shape = shapely.MultiPoint(corners).convex_hull
    code = "320102003903001"
    for statement in (
        "insert into community (code) values (left(:code, 12))",
        "insert into grid (code) values (:code)",
        (
            "insert into grid_version (grid, version, name, kind, valid, area_m2, geometry) values"
            " (:code, 1, '丙一网格', 'residential', tstzrange(:from, null), 1, st_geomfromtext(:shape, 4326))"
        ),
    ):
        session.execute(text(statement), {"code": code, "from": FOUNDED, "shape": shape.wkt})
    measured = []
    for place in snap_numbers(
        shapely.get_coordinates(shapely.centroid(shape)) + chance.uniform(-0.0008, 0.0008, (12, 2))
    ):
        told = session.execute(
            text(
                "select border_distance_m from locate_point(st_setsrid(st_makepoint(:lon, :lat), 4326), :at, null)"
                " where grid = :code"
            ),
            {"lon": place[0], "lat": place[1], "at": NOW, "code": code},
        ).scalar()
        if told is not None:
            measured.append((told, nearest_m(place, shape)))
    assert len(measured) >= 5
    for told, true in measured:
        assert told == pytest.approx(true, abs=0.001)


def nearest_m(place: np.ndarray[tuple[int], np.dtype[np.float64]], shape: BaseGeometry) -> float:
    """Measure by brute force, first in steps of 20 cm, then between the two neighbours of the nearest."""
    line = shapely.segmentize(shape.boundary, 2e-6)
    spots = shapely.get_coordinates(line)
    for _ in range(2):
        lon, lat = (np.full(len(spots), number) for number in place)
        metres = Geod(ellps="WGS84").inv(lon, lat, spots[:, 0], spots[:, 1])[2]
        nearest = int(np.argmin(metres))
        ends = spots[max(nearest - 1, 0) : nearest + 2]
        spots = shapely.get_coordinates(shapely.segmentize(shapely.LineString(ends), 1e-9))
    return float(metres.min())


def test_who_is_on_post_is_the_same_as_a_value_and_as_a_row(session: Session) -> None:
    statement = "select on_post(:grid, :role, :at), (select person from posted(:grid, :role, :at))"
    for grid, role in ((JIA_1, "responsible"), (JIA_1, "backup"), (YI_1, "backup"), (None, "responsible")):
        one, other = session.execute(text(statement), {"grid": grid, "role": role, "at": NOW}).one()
        assert one == other
        assert (one is None) == (grid is None or (grid, role) == (YI_1, "backup"))
