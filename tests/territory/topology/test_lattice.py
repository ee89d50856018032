"""The raster saves questions and never answers one otherwise than the cells themselves would."""

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.core.geo import snap, snap_numbers
from gridsvc.territory.topology import lattice
from gridsvc.territory.topology.lattice import NOBODY, Frame, Lattice

Shapes = npt.NDArray[np.object_]
Points = npt.NDArray[np.float64]
WEST, SOUTH = 118.78, 32.04


def odd_cells(seed: int, *, overlapping: bool) -> Shapes:
    """Make a partition with slanting borders, corners of many, holes, and ground that is nobody's."""
    chance = np.random.default_rng(seed)
    corners = snap_numbers(chance.uniform([WEST, SOUTH], [WEST + 0.02, SOUTH + 0.02], (25, 2)))
    triangles = shapely.get_parts(shapely.delaunay_triangles(shapely.multipoints(corners)))
    triangles = triangles[shapely.area(triangles) > 1e-9]
    group = chance.integers(0, 12, len(triangles))
    cells = [shapely.union_all(triangles[group == number]) for number in range(1, 12) if (group == number).any()]
    if overlapping:
        cells.append(shapely.box(WEST + 0.003, SOUTH + 0.003, WEST + 0.0171, SOUTH + 0.0093))
    return np.asarray(snap(np.array(cells, dtype=object)[chance.permutation(len(cells))]))


def telling_points(shapes: Shapes, frame: Frame, seed: int) -> Points:
    """Give points on corners, on borders as near as numbers come, on the raster's own lines, inside, outside and none."""
    chance = np.random.default_rng(seed)
    corners = shapely.get_coordinates(shapes)
    step = np.diff(corners, axis=0)
    along = corners[:-1] + step * chance.choice([0.5, 0.25, 0.1, 0.37], (len(step), 1))
    steps = chance.integers(0, min(frame.across, frame.up), (300, 2))
    lines = np.array([frame.west, frame.south]) + frame.pixel * steps
    near = chance.uniform(corners.min(axis=0) - 0.002, corners.max(axis=0) + 0.002, (500, 2))
    none = np.array([[np.nan, SOUTH], [WEST, np.nan], [np.inf, SOUTH], [WEST, -np.inf], [0, 0], [-180, -90], [180, 90]])
    beside = np.nextafter(corners, chance.choice([-np.inf, np.inf], corners.shape))
    return np.vstack([corners, along, snap_numbers(along), lines, snap_numbers(lines), near, beside, none])


def asked_one_by_one(shapes: Shapes, points: Points) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Ask GEOS about every point and every cell."""
    known = np.where(np.isfinite(points).all(axis=1, keepdims=True), points, 1e6)
    spots = shapely.points(known)
    has = np.array([shapely.intersects(shape, spots) for shape in shapes]).reshape(len(shapes), -1)
    inside = np.array([shapely.contains(shape, spots) for shape in shapes]).reshape(len(shapes), -1)
    owner = np.where(has.any(axis=0), has.argmax(axis=0), NOBODY)
    return owner, has.any(axis=0) & ((has.sum(axis=0) > 1) | (inside.sum(axis=0) == 0))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), fineness=st.sampled_from([1, 7, 256, 5000]), overlapping=st.booleans())
def test_every_point_has_the_cell_that_the_cells_themselves_tell(
    seed: int, fineness: int, *, overlapping: bool
) -> None:
    shapes = odd_cells(seed, overlapping=overlapping)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lattice, "PIXELS_PER_CELL", fineness)
        # So that the pieces of the work are met as well.
        patch.setattr(lattice, "PIECE", 400)
        index = Lattice.of(shapes)
        points = telling_points(shapes, index.frame, seed)
        owner, border = index.owners(points)
    wanted, on_border = asked_one_by_one(shapes, points)
    np.testing.assert_array_equal(owner, wanted)
    np.testing.assert_array_equal(border, on_border)
    assert {True, False} == set(border.tolist())


def test_of_no_cells_nobody_owns_anything() -> None:
    owner, border = Lattice.of(np.array([], dtype=object)).owners(np.array([[WEST, SOUTH], [0, 0], [np.nan, 0]]))
    assert owner.tolist() == [NOBODY] * 3
    assert not border.any()


def test_a_wide_and_thinly_settled_country_makes_the_raster_coarser_not_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lattice, "MOST_PIXELS", 10_000)
    shapes = np.array([shapely.box(x, y, x + 0.001, y + 0.001) for x, y in ((100, 30), (100.001, 30), (110, 50))])
    index = Lattice.of(shapes)
    assert len(index.pixels) < 12_000
    points = np.array([[100.0005, 30.0005], [100.001, 30.0005], [100.0015, 30.0005], [110.0005, 50.0005], [105, 40]])
    owner, border = index.owners(points)
    assert owner.tolist() == [0, 0, 1, 2, NOBODY]
    assert border.tolist() == [False, True, False, False, False]
