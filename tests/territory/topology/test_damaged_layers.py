"""A thousand damaged layers: every planted fault is found, with its cells and its ground, and none is invented."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from gridsvc.core.geo import snap, snap_numbers
from gridsvc.territory.topology.faults import Boundaries, Fault, find_faults

PARENT = "320102003901"
CELL = 0.002
"""Degrees: some 200 m."""
LAYERS, AT_A_TIME = 1000, 50

Place = tuple[int, int]


@dataclass(frozen=True)
class Planted:
    """A fault that was put in: its kind, the codes it must name (of a gap: at least), and its ground."""

    kind: str
    codes: frozenset[str]
    ground: BaseGeometry


@dataclass
class Town:
    """A lattice of crooked cells to be damaged; no two faults are planted into neighbouring cells."""

    chance: random.Random
    size: int
    corners: dict[Place, tuple[float, float]]
    cells: dict[Place, BaseGeometry]
    names: dict[Place, str]
    more: dict[str, BaseGeometry] = field(default_factory=dict)
    buildings: dict[str, BaseGeometry] = field(default_factory=dict)
    free: set[Place] = field(default_factory=set)
    planted: list[Planted] = field(default_factory=list)

    def take(self, *places: Place) -> None:
        """Keep others away from cells and all that touch them."""
        for x, y in places:
            self.free -= {(x + across, y + up) for across in (-1, 0, 1) for up in (-1, 0, 1)}

    def boundaries(self, outline: BaseGeometry) -> Boundaries:
        """Give the layer as it is now."""
        own = [(self.names[place], shape) for place, shape in self.cells.items()] + list(self.more.items())
        self.chance.shuffle(own)
        codes, shapes = zip(*own, strict=True)
        return Boundaries(codes, shapes, {PARENT: outline}, self.buildings)


def build(chance: random.Random) -> Town:
    size = chance.randint(3, 6)
    corners = {}
    for x in range(size + 1):
        for y in range(size + 1):
            inner = 0 < x < size and 0 < y < size
            shift = (chance.uniform(-0.3, 0.3), chance.uniform(-0.3, 0.3)) if inner else (0, 0)
            lon, lat = snap_numbers([118.78 + (x + shift[0]) * CELL, 32.04 + (y + shift[1]) * CELL]).tolist()
            corners[x, y] = (lon, lat)
    places = [(x, y) for x in range(size) for y in range(size)]
    cells = {place: shapely.Polygon([corners[corner] for corner in around(place)]) for place in places}
    names = {(x, y): f"{PARENT}{y * size + x + 1:03d}" for x, y in places}
    return Town(chance, size, corners, dict(cells), names, free=set(places))


def around(place: Place) -> list[Place]:
    """Name the corners of a cell, counter-clockwise from the south-west."""
    x, y = place
    return [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]


def sides(town: Town, *, outer: bool) -> list[tuple[Place, int, Place]]:
    """List the free sides: a cell, the number of its side, and the cell beyond it, which is in the town or not (`outer`)."""
    beyond = [(0, -1), (1, 0), (0, 1), (-1, 0)]
    found = []
    for x, y in sorted(town.free):
        for number, (across, up) in enumerate(beyond):
            other = (x + across, y + up)
            if other in town.free or (outer and other not in town.cells):
                found.append(((x, y), number, other))
    return [side for side in found if (side[2] not in town.cells) == outer]


def bent(town: Town, place: Place, side: int, share: float) -> tuple[BaseGeometry, BaseGeometry]:
    """Bend a side of a cell outwards (inwards: below 0) by a share of its length; answer the cell, and the triangle."""
    ring = [town.corners[corner] for corner in around(place)]
    start, end = np.array(ring[side]), np.array(ring[(side + 1) % 4])
    along = end - start
    tip = snap_numbers((start + end) / 2 + share * np.array([along[1], -along[0]])).tolist()
    return shapely.Polygon([*ring[: side + 1], tip, *ring[side + 1 :]]), shapely.Polygon([start, end, tip])


def plant_gap(town: Town) -> None:
    place, side, other = town.chance.choice(sides(town, outer=False))
    town.cells[place], ground = bent(town, place, side, -town.chance.uniform(0.002, 0.1))
    town.planted.append(Planted("gap", frozenset({town.names[place], town.names[other]}), ground))
    town.take(place, other)


def plant_overlap(town: Town) -> None:
    place, side, other = town.chance.choice(sides(town, outer=False))
    town.cells[place], ground = bent(town, place, side, town.chance.uniform(0.002, 0.1))
    town.planted.append(Planted("overlap", frozenset({town.names[place], town.names[other]}), ground))
    town.take(place, other)


def plant_bay(town: Town) -> None:
    place, side, _ = town.chance.choice(sides(town, outer=True))
    town.cells[place], ground = bent(town, place, side, -town.chance.uniform(0.002, 0.1))
    town.planted.append(Planted("gap", frozenset({town.names[place]}), ground))
    town.take(place)


def plant_bulge(town: Town) -> None:
    place, side, _ = town.chance.choice(sides(town, outer=True))
    town.cells[place], ground = bent(town, place, side, town.chance.uniform(0.002, 0.1))
    town.planted.append(Planted("outside_parent", frozenset({town.names[place]}), ground))
    town.take(place)


def plant_missing(town: Town) -> None:
    place = town.chance.choice(sorted(town.free))
    town.planted.append(Planted("gap", frozenset(), town.cells.pop(place)))
    town.take(place)


def plant_invalid(town: Town) -> None:
    """Break a cell: its ring crosses itself, it is empty, or no polygon at all; its ground is then nobody's."""
    place = town.chance.choice(sorted(town.free))
    ring = [town.corners[corner] for corner in around(place)]
    broken: list[BaseGeometry] = [
        shapely.Polygon([ring[0], ring[2], ring[1], ring[3]]),
        shapely.Polygon(),
        shapely.LineString(ring),
    ]
    town.planted.append(Planted("gap", frozenset(), town.cells[place]))
    town.cells[place] = town.chance.choice(broken)
    town.planted.append(Planted("invalid", frozenset({town.names[place]}), town.cells[place]))
    town.take(place)


def plant_same_code(town: Town) -> None:
    place, _, other = town.chance.choice(sides(town, outer=False))
    town.names[other] = town.names[place]
    ground = shapely.union(town.cells[place], town.cells[other])
    town.planted.append(Planted("duplicate_code", frozenset({town.names[place]}), ground))
    town.take(place, other)


def plant_twin(town: Town) -> None:
    """Let a cell be in the layer twice, with another code."""
    place = town.chance.choice(sorted(town.free))
    twin = f"{PARENT}9{len(town.more):02d}"
    town.more[twin] = town.cells[place]
    town.planted.append(Planted("overlap", frozenset({twin, town.names[place]}), town.cells[place]))
    town.take(place)


def plant_pieces(town: Town) -> None:
    """Give one cell the ground of another that it does not touch."""
    pairs = [(a, b) for a in town.free for b in town.free if max(abs(a[0] - b[0]), abs(a[1] - b[1])) > 1]
    place, other = town.chance.choice(sorted(pairs))
    town.cells[place] = shapely.union(town.cells[place], town.cells.pop(other))
    town.planted.append(Planted("multipart", frozenset({town.names[place]}), town.cells[place]))
    town.take(place, other)


def plant_sliver(town: Town) -> None:
    place, side, other = town.chance.choice(sides(town, outer=False))
    code = f"{PARENT}9{len(town.more):02d}"
    town.cells[place], town.more[code] = bent(town, place, side, -town.chance.uniform(0.001, 0.006))
    town.planted.append(Planted("sliver", frozenset({code}), town.more[code]))
    town.take(place, other)


def plant_cut_building(town: Town) -> None:
    place, side, other = town.chance.choice(sides(town, outer=False))
    start, end = (town.corners[around(place)[number % 4]] for number in (side, side + 1))
    name = f"cut{len(town.buildings)}"
    town.buildings[name] = shapely.buffer(shapely.centroid(shapely.MultiPoint([start, end])), CELL / 20)
    codes = frozenset({name, town.names[place], town.names[other]})
    town.planted.append(Planted("cut_building", codes, town.buildings[name]))
    town.take(place, other)


def plant_stray_building(town: Town) -> None:
    name = f"stray{len(town.buildings)}"
    at = 118.70 + town.chance.random() / 100
    town.buildings[name] = shapely.box(at, 32.0, at + 0.0001, 32.0001)
    town.planted.append(Planted("stray_building", frozenset({name}), town.buildings[name]))


PLANTS: list[Callable[[Town], None]] = [
    *(plant_gap, plant_overlap, plant_bay, plant_bulge, plant_missing, plant_invalid),
    *(plant_same_code, plant_twin, plant_pieces, plant_sliver, plant_cut_building, plant_stray_building),
]


def damaged(seed: int) -> tuple[Town, BaseGeometry]:
    """Make a layer with one fault to as many as there is room for; the first is each kind in turn."""
    chance = random.Random(seed)
    town = build(chance)
    outline = shapely.coverage_union_all(list(town.cells.values()))
    PLANTS[seed % len(PLANTS)](town)
    for _ in range(chance.randint(0, 4)):
        try:
            chance.choice(PLANTS)(town)
        except IndexError:
            break  # no place is left for it
    # Buildings that are nobody's fault.
    for place in sorted(town.free):
        town.buildings[f"sound{place}"] = shapely.buffer(shapely.centroid(town.cells[place]), CELL / 20)
    return town, outline


def is_it(fault: Fault, planted: Planted) -> bool:
    """Tell whether a fault is the planted one: kind, codes, and ground to less than a square centimetre."""
    named = planted.codes <= set(fault.codes) if planted.kind == "gap" else planted.codes == set(fault.codes)
    if fault.kind != planted.kind or not named:
        return False
    if planted.kind == "invalid":
        return bool(shapely.equals_exact(fault.geometry, planted.ground, tolerance=0))
    return float(shapely.area(shapely.symmetric_difference(fault.geometry, planted.ground))) < 1e-14


@pytest.mark.parametrize("start", range(0, LAYERS, AT_A_TIME))
def test_every_planted_fault_is_found_and_none_is_invented(start: int) -> None:
    for seed in range(start, start + AT_A_TIME):
        town, outline = damaged(seed)
        left = find_faults(town.boundaries(outline))
        for planted in town.planted:
            found = [fault for fault in left if is_it(fault, planted)]
            assert len(found) == 1, (seed, planted, left)
            left.remove(found[0])
        assert left == [], (seed, town.planted)


def test_the_layers_hold_every_kind_of_fault_alone_and_in_company() -> None:
    some = 240
    towns = [damaged(seed)[0] for seed in range(some)]
    kinds = [sorted({planted.kind for planted in town.planted}) for town in towns]
    assert {kind for own in kinds for kind in own} == {
        *("gap", "overlap", "outside_parent", "invalid", "duplicate_code", "multipart", "sliver"),
        *("cut_building", "stray_building"),
    }
    assert sum(len(own) > 1 for own in kinds) > some / 3
    assert sum(len(town.planted) > 2 for town in towns) > some / 5


@pytest.mark.parametrize("start", range(0, 200, AT_A_TIME))
def test_a_layer_without_a_fault_has_none(start: int) -> None:
    for seed in range(start, start + AT_A_TIME):
        town = build(random.Random(seed))
        whole = shapely.coverage_union_all(list(town.cells.values()))
        apart = snap(shapely.transform(list(town.cells.values()), lambda coords: coords + 0.0123456))
        assert find_faults(town.boundaries(whole)) == [], seed
        assert find_faults(Boundaries(list(town.names.values()), list(apart))) == [], seed
