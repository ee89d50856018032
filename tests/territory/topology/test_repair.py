"""Repairing a boundary layer: narrow gaps and overlaps are closed, and nothing else moves by a bit."""

import random

import pytest
import shapely

from gridsvc.territory.topology.faults import Boundaries, NoPartition, find_faults
from gridsvc.territory.topology.repair import repair
from tests.territory.topology.test_faults import inner_corner, moved_corner, outline_of, partition

NARROW_M = 15.0


@pytest.mark.parametrize("seed", range(40))
def test_a_narrow_fault_is_closed_and_every_other_border_stays_to_the_last_bit(seed: int) -> None:
    chance = random.Random(seed)
    cells = partition(chance)
    code, number = inner_corner(chance, cells)
    damaged = cells | {code: moved_corner(cells, code, number, chance.choice([-0.04, 0.04]))}
    layer = Boundaries(list(damaged), list(damaged.values()))
    faults = find_faults(layer)
    assert faults
    done = repair(layer, NARROW_M)
    assert done.left == []
    assert shapely.coverage_is_valid(list(done.layer.shapes))
    assert outline_of(dict(zip(done.layer.codes, done.layer.shapes, strict=True))).equals(outline_of(cells))
    beside = {name for fault in faults for name in fault.codes}
    for name, before, after in zip(layer.codes, layer.shapes, done.layer.shapes, strict=True):
        if name not in beside:
            assert shapely.equals_exact(before, after, tolerance=0), name
    assert {change.code for change in done.changes} <= beside
    assert all(shapely.area(change.moved) > 0 for change in done.changes)


def test_a_sound_layer_is_given_back_as_it_was() -> None:
    cells = partition(random.Random(2))
    layer = Boundaries(list(cells), list(cells.values()))
    done = repair(layer, NARROW_M)
    assert (done.changes, done.left) == ([], [])
    assert all(
        shapely.equals_exact(before, after, tolerance=0)
        for before, after in zip(layer.shapes, done.layer.shapes, strict=True)
    )


def test_a_wide_overlap_is_left_to_a_person() -> None:
    cells = partition(random.Random(3))
    code, number = inner_corner(random.Random(3), cells)
    larger = moved_corner(cells, code, number, -0.3)
    with pytest.raises(NoPartition, match="repair of 1 m does not help"):
        repair(Boundaries(list(cells), list((cells | {code: larger}).values())), 1.0)


def test_a_wide_gap_is_left_and_reported() -> None:
    cells = partition(random.Random(4))
    whole = cells.pop(next(code for code in cells if code.endswith("013")))
    done = repair(Boundaries(list(cells), list(cells.values())), NARROW_M)
    assert [fault.kind for fault in done.left] == ["gap"]
    assert done.left[0].geometry.equals(whole)
