"""Snapping: every coordinate on one grid, as the double its decimal text stands for, and never moved twice."""

import json

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.geo import canonical, snap, snap_numbers

degrees = st.floats(min_value=-180, max_value=180)


@given(degrees)
def test_snapping_gives_the_double_that_seven_decimals_read_as(value: float) -> None:
    (snapped,) = snap_numbers([value])
    assert float(f"{snapped:.7f}") == snapped
    assert abs(snapped - value) <= 0.5e-7 + 1e-12


@given(degrees)
def test_snapping_twice_is_snapping_once(value: float) -> None:
    once = snap_numbers([value])
    assert np.array_equal(snap_numbers(once), once)


def test_a_coordinate_survives_the_database_and_geojson_to_the_last_bit(session: Session) -> None:
    numbers = snap_numbers(np.random.default_rng(7).uniform(-180, 180, 200))
    for number in numbers:
        written = session.scalar(
            text("select st_asgeojson(st_setsrid(st_makepoint(:x, 0), 4326), 7)"), {"x": float(number)}
        )
        assert json.loads(str(written))["coordinates"][0] == number


def test_neighbours_keep_their_shared_border() -> None:
    left = shapely.Polygon([(0, 0), (1 / 3, 0), (1 / 3, 1), (0, 1)])
    right = shapely.Polygon([(1 / 3, 0), (1, 0), (1, 1), (1 / 3, 1)])
    assert shapely.coverage_is_valid(snap([left, right]))


def test_a_shape_is_written_in_one_way_wherever_it_came_from() -> None:
    ring = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    turned = [shapely.Polygon(ring), shapely.Polygon(ring[2:] + ring[:2]), shapely.Polygon(ring[::-1])]
    assert len({shapely.to_wkb(shape) for shape in canonical(turned)}) == 1
    line = shapely.LineString([(1, 1), (0, 0)])
    assert canonical(line).equals_exact(line, 0)
