"""Faults of a boundary layer: every planted one is found at its place, and none is invented."""

import json
import random

import numpy as np
import pytest
import shapely
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.geo import snap
from gridsvc.core.settings import shipped_data
from gridsvc.territory.topology.faults import Boundaries, Fault, faults_as_geojson, find_faults, metric_srid

PARENT = "320102003901"
SIZE = 5
CELL = 0.002


def partition(chance: random.Random) -> dict[str, BaseGeometry]:
    """Make a partition of crooked cells: a lattice whose inner corners are moved at random."""
    corners = {}
    for x in range(SIZE + 1):
        for y in range(SIZE + 1):
            inner = 0 < x < SIZE and 0 < y < SIZE
            shift = (chance.uniform(-0.3, 0.3), chance.uniform(-0.3, 0.3)) if inner else (0, 0)
            corners[x, y] = (118.78 + (x + shift[0]) * CELL, 32.04 + (y + shift[1]) * CELL)
    return {
        f"{PARENT}{y * SIZE + x + 1:03d}": snap(
            shapely.Polygon([corners[x, y], corners[x + 1, y], corners[x + 1, y + 1], corners[x, y + 1]])
        )
        for x in range(SIZE)
        for y in range(SIZE)
    }


def layer(cells: dict[str, BaseGeometry], outline: BaseGeometry, **more: object) -> Boundaries:
    return Boundaries(list(cells), list(cells.values()), {PARENT: outline}, **more)  # type: ignore[arg-type]


def outline_of(cells: dict[str, BaseGeometry]) -> BaseGeometry:
    return shapely.coverage_union_all(list(cells.values()))


def inner_corner(chance: random.Random, cells: dict[str, BaseGeometry]) -> tuple[str, int]:
    """Choose a cell and one of its corners that lies inside the town.

    Not one of the four corner cells: what they draw back from is open to the outside at both ends, and is a gap only
    when the parent's outline is known.
    """
    corner_cells = {f"{PARENT}{number:03d}" for number in (1, SIZE, SIZE * (SIZE - 1) + 1, SIZE * SIZE)}
    edge = shapely.boundary(outline_of(cells))
    choices = [
        (code, number)
        for code, shape in cells.items()
        if code not in corner_cells
        for number, corner in enumerate(shapely.get_coordinates(shape)[:-1])
        if shapely.distance(edge, shapely.Point(corner)) > CELL / 4
    ]
    return chance.choice(choices)


def moved_corner(cells: dict[str, BaseGeometry], code: str, number: int, towards: float) -> BaseGeometry:
    """Move one corner of one cell towards (0 … 1) or away from (below 0) its middle."""
    ring = shapely.get_coordinates(cells[code])[:-1].copy()
    ring[number] += towards * (ring.mean(axis=0) - ring[number])
    shape: BaseGeometry = snap(shapely.Polygon(ring))
    return shape


def kinds(faults: list[Fault]) -> set[str]:
    return {fault.kind for fault in faults}


@pytest.mark.parametrize("seed", range(20))
def test_a_cell_that_draws_back_leaves_a_gap_of_just_that_area(seed: int) -> None:
    chance = random.Random(seed)
    cells = partition(chance)
    outline = outline_of(cells)
    code, number = inner_corner(chance, cells)
    smaller = moved_corner(cells, code, number, chance.uniform(0.05, 0.4))
    lost = shapely.difference(cells[code], smaller)
    faults = find_faults(layer(cells | {code: smaller}, outline))
    assert kinds(faults) == {"gap"}
    assert all(code in fault.codes for fault in faults)
    assert shapely.area(shapely.union_all([fault.geometry for fault in faults])) == pytest.approx(shapely.area(lost))


@pytest.mark.parametrize("seed", range(20))
def test_a_cell_that_pushes_out_overlaps_just_its_neighbours(seed: int) -> None:
    chance = random.Random(1000 + seed)
    cells = partition(chance)
    outline = outline_of(cells)
    code, number = inner_corner(chance, cells)
    larger = moved_corner(cells, code, number, -chance.uniform(0.05, 0.3))
    if not larger.is_valid:
        pytest.skip("the corner went through the other side")
    faults = find_faults(layer(cells | {code: larger}, outline))
    assert kinds(faults) == {"overlap"} or kinds(faults) == {"overlap", "gap"}
    for fault in faults:
        assert code in fault.codes
        if fault.kind == "overlap":
            (other,) = set(fault.codes) - {code}
            assert shapely.intersects(cells[other], fault.geometry)


def test_a_gap_that_is_open_to_the_outside_is_found_by_the_parents_outline() -> None:
    cells = partition(random.Random(26))
    code = f"{PARENT}001"
    drawn_back = cells | {code: moved_corner(cells, code, 2, 0.1)}
    assert kinds(find_faults(layer(drawn_back, outline_of(cells)))) == {"gap"}
    assert find_faults(Boundaries(list(drawn_back), list(drawn_back.values()))) == []


def test_every_other_kind_of_fault_is_named() -> None:
    cells = partition(random.Random(7))
    outline = outline_of(cells)
    first, *_, last = cells
    bow_tie = shapely.Polygon([(118.78, 32.04), (118.782, 32.042), (118.782, 32.04), (118.78, 32.042)])
    assert kinds(find_faults(layer(cells | {first: bow_tie}, outline))) == {"invalid", "gap"}
    beyond = shapely.union(cells[first], shapely.box(118.779, 32.04, 118.78, 32.0405))
    assert "outside_parent" in kinds(find_faults(layer(cells | {first: snap(beyond)}, outline)))
    doubled = Boundaries([*cells, first], [*cells.values(), cells[first]], {PARENT: outline})
    assert kinds(find_faults(doubled)) == {"duplicate_code", "overlap"}
    pieces = shapely.union(cells[first], cells[last])
    assert "multipart" in kinds(find_faults(layer({**cells, first: pieces} | {last: cells[last]}, outline)))
    strip = snap(shapely.box(118.78, 32.04, 118.79, 32.040001))
    assert "sliver" in kinds(find_faults(Boundaries(["a"], [strip])))


def test_buildings_are_held_against_the_cells() -> None:
    cells = partition(random.Random(3))
    corner = shapely.Point(shapely.get_coordinates(next(iter(cells.values())))[2])
    footprints = {
        "cut": shapely.buffer(corner, 0.0001),
        "stray": shapely.box(118.70, 32.0, 118.7001, 32.0001),
        "sound": shapely.buffer(shapely.centroid(next(iter(cells.values()))), 0.0001),
    }
    faults = find_faults(layer(cells, outline_of(cells), buildings=footprints))
    assert {(fault.kind, fault.codes[0]) for fault in faults} == {("cut_building", "cut"), ("stray_building", "stray")}


def test_a_lake_is_told_from_a_gap_by_the_parent_or_by_its_size() -> None:
    cells = partition(random.Random(5))
    middle = f"{PARENT}013"
    lake = cells.pop(middle)
    with_lake = shapely.difference(outline_of(cells | {middle: lake}), lake)
    assert find_faults(layer(cells, with_lake)) == []
    alone = Boundaries(list(cells), list(cells.values()))
    assert kinds(find_faults(alone)) == {"gap"}
    kept = Boundaries(list(cells), list(cells.values()), keep_holes_above_m2=10_000)
    assert find_faults(kept) == []


def test_a_border_that_does_not_share_its_vertices_is_named_though_no_ground_is_lost() -> None:
    left = shapely.box(118.78, 32.04, 118.781, 32.042)
    right = [shapely.box(118.781, 32.04, 118.782, 32.041), shapely.box(118.781, 32.041, 118.782, 32.042)]
    faults = find_faults(Boundaries(["a", "b", "c"], [left, *right]))
    assert [fault.kind for fault in faults] == ["invalid"] * len(faults)
    assert faults
    assert faults[0].detail.endswith("does not share every vertex of its border")


def test_the_sample_town_has_no_fault() -> None:
    def read(name: str) -> dict[str, BaseGeometry]:
        features = json.loads((shipped_data() / "xinjiekou" / f"{name}.geojson").read_text(encoding="utf-8"))[
            "features"
        ]
        return {one["properties"]["code"]: shapely.from_geojson(json.dumps(one["geometry"])) for one in features}

    grids = read("grids")
    town = Boundaries(list(grids), list(grids.values()), read("communities"), read("buildings"))
    assert find_faults(town) == []


def test_faults_are_written_for_a_map() -> None:
    cells = partition(random.Random(1))
    whole = outline_of(cells)
    cells.pop(f"{PARENT}013")
    written = json.loads(faults_as_geojson(find_faults(layer(cells, whole))))
    (gap,) = written["features"]
    assert gap["properties"]["kind"] == "gap"
    assert len(gap["properties"]["codes"]) >= 4
    assert gap["properties"]["area_m2"] > 10_000
    assert gap["geometry"]["type"] == "Polygon"


def test_places_are_measured_in_the_zone_that_sql_measures_them_in(session: Session) -> None:
    chance = np.random.default_rng(4)
    for lon, lat in chance.uniform([-179, -79], [179, 79], (200, 2)).tolist():
        assert session.scalar(text("select metric_srid(:lon, :lat)"), {"lon": lon, "lat": lat}) == metric_srid(lon, lat)


def test_moving_the_whole_layer_moves_its_faults_and_finds_no_others() -> None:
    cells = partition(random.Random(9))
    code = f"{PARENT}007"
    apart = {name: snap(translate(shape, 0.01, 0.01)) for name, shape in cells.items()}
    outline = outline_of(apart)
    apart[code] = moved_corner(apart, code, 2, 0.2)
    assert kinds(find_faults(layer(apart, outline))) == {"gap"}
