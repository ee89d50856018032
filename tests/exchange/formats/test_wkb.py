"""Plain polygons as bytes: what is done to whole columns is what is done to a shape."""

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.core.geo import PROMOTE, canonical, snap
from gridsvc.exchange.formats.wkb import on_grid, plain_polygons

# A few steps of the grid and places between them, so that vertices fall on each other.
STEP = st.integers(0, 60).map(lambda tenth: 118.0 + tenth * 1e-8)
PLACE = st.floats(-89, 89)
RINGS = st.lists(st.tuples(STEP, STEP.map(lambda x: x - 86)), min_size=3, max_size=9) | st.lists(
    st.tuples(PLACE, PLACE), min_size=3, max_size=9
)


def column(*shapes: shapely.Geometry | None) -> pa.Array:
    return pa.array([None if shape is None else shapely.to_wkb(shape) for shape in shapes], pa.binary())


@settings(deadline=None)
@given(st.lists(RINGS, min_size=1, max_size=5))
def test_any_polygon_comes_out_as_its_shape_would_wherever_the_order_is_clear(
    rings: list[list[tuple[float, float]]],
) -> None:
    shapes = [shapely.Polygon(ring) for ring in rings]
    settled, right, simple = on_grid(column(*shapes))
    for shape, written, clear, surely in zip(shapes, settled.to_pylist(), right, simple, strict=True):
        slowly = PROMOTE["MULTIPOLYGON"](canonical(snap(shape)))
        if clear and slowly.is_valid:
            assert written == shapely.to_wkb(slowly)
        if surely:
            assert clear
            assert slowly.is_valid


def test_ordinary_buildings_are_clear() -> None:
    chance = np.random.default_rng(1)
    shapes = [
        shapely.Point(118 + x, 32).buffer(chance.uniform(1e-5, 1e-3), quad_segs=int(chance.integers(1, 9)))
        for x in chance.uniform(0, 1, 200)
    ]
    given = column(*shapes, *(shape.reverse() for shape in shapes))
    assert plain_polygons(given).all()
    settled, right, simple = on_grid(given)
    assert right.all()
    assert simple.all()
    assert settled.slice(0, 200) == settled.slice(200)


@pytest.mark.parametrize(
    "ring",
    [
        [(118, 32), (119, 32), (119, 33), (118, -91), (118, 32)],
        [(118, 32), (119, 32), (119, 91), (118, 33), (118, 32)],
        [(118, 32), (118, 32), (119, 32), (119, 33), (118, 32)],
        [(118, 32), (119, 33), (120, 34), (118, 32)],
    ],
    ids=["south of the world", "off the world", "its lowest vertex twice", "without area"],
)
def test_what_is_not_clear_is_told(ring: list[tuple[float, float]]) -> None:
    _, right, _ = on_grid(column(shapely.box(118, 32, 119, 33), shapely.Polygon(ring)))
    assert right.tolist() == [True, False]


@pytest.mark.parametrize(
    ("ring", "simple"),
    [
        ([(0, 0), (6, 0), (6, 5), (4, 5), (4, 9), (0, 9)], True),
        ([(0, 0), (9, 0), (9, 9), (8, 9), (8, 1), (0, 1)], False),
        ([(0, 0), (4, 4), (4, 0), (0, 4)], False),
        ([(2, 0), (4, 5), (0, 2), (5, 2), (1, 5)], False),
    ],
    ids=["a thick corner", "a thin corner, which is asked", "a bow tie", "a star drawn in one stroke, twice round"],
)
def test_a_ring_seen_whole_from_its_middle_is_surely_simple(ring: list[tuple[float, float]], simple: bool) -> None:  # noqa: FBT001 - a case
    _, _, surely = on_grid(column(shapely.Polygon([(118 + x * 1e-5, 32 + y * 1e-5) for x, y in ring])))
    assert surely.tolist() == [simple]


def test_only_whole_flat_polygons_of_one_ring_are_plain() -> None:
    box = shapely.box(118, 32, 119, 33)
    holed = shapely.Polygon(box.exterior, [shapely.box(118.2, 32.2, 118.4, 32.4).exterior])
    others = [shapely.Point(118, 32), shapely.MultiPolygon([box]), holed, shapely.Polygon(), None]
    high = shapely.to_wkb(shapely.force_3d(box, 5.0))
    cut = shapely.to_wkb(box)[:-1]
    swapped = shapely.to_wkb(box, byte_order=0)
    raw = pa.concat_arrays([column(box, *others), pa.array([high, cut, swapped, b""], pa.binary())])
    assert plain_polygons(raw).tolist() == [True] + [False] * 9
