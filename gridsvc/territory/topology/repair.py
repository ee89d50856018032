"""A boundary layer with narrow gaps and overlaps in, the same without them out, and each border that moved; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridsvc.core.errors import Invalid
from gridsvc.core.geo import canonical, snap
from gridsvc.territory.topology.faults import Boundaries, Fault, NoPartition, Shapes, find_faults, measure

METRES_PER_DEGREE = 111_320.0
"""Of latitude; a degree of longitude is shorter, so no gap wider than asked for is ever closed."""

ROUNDS = 3
"""Snapping to the coordinate grid may undo what cleaning did by a hair; more often than this it never settles."""


@dataclass(frozen=True)
class Change:
    """A cell whose border was moved: its area before and after in m², and the ground that changed hands."""

    code: str
    before_m2: float
    after_m2: float
    moved: BaseGeometry


@dataclass(frozen=True)
class Repaired:
    """The repaired layer, the cells that changed, and the faults that are left because they are no narrow ones."""

    layer: Boundaries
    changes: list[Change]
    left: list[Fault]


def repair(layer: Boundaries, width_m: float) -> Repaired:
    """Close gaps and overlaps of at most `width_m` (`shapely.coverage_clean`); every other border stays as it is.

    A gap goes to the neighbour with the longest border beside it, an overlap to the one that keeps the longest border.
    Raises NoPartition for overlaps that are wider, and for shapes that are broken: these a person has to decide on.
    """
    faults = find_faults(layer)
    hopeless = [
        fault
        for fault in faults
        if (fault.kind in ("invalid", "duplicate_code") and fault.area_m2 > 0)
        or (fault.kind == "overlap" and fault.width_m > width_m)
    ]
    if hopeless:
        raise NoPartition(f"their ground, and a repair of {width_m:g} m does not help", hopeless)
    given = np.array(list(layer.shapes), dtype=object)
    cleaned = _cleaned(given, width_m)
    shapes = _restored(given, cleaned, layer.codes, faults)
    repaired = replace(layer, shapes=list(shapes))
    return Repaired(repaired, _changes(layer.codes, given, shapes), find_faults(repaired))


def _cleaned(given: Shapes, width_m: float) -> Shapes:
    shapes = given
    for _ in range(ROUNDS):
        # Without snapping of its own: vertices that are at fault nowhere must not move.
        shapes = np.asarray(
            canonical(
                snap(
                    shapely.coverage_clean(  # type: ignore[attr-defined]
                        shapes, gap_width=width_m / METRES_PER_DEGREE, snapping_distance=0.0
                    )
                )
            ),
            dtype=np.object_,
        )
        if shapely.coverage_is_valid(shapes):
            return shapes
    raise Invalid("The borders cannot be brought together on the coordinate grid; repair them in a drawing program.")


def _restored(
    given: Shapes,
    cleaned: Shapes,
    codes: Sequence[str],
    faults: Sequence[Fault],
) -> Shapes:
    """Give cells that are at no fault their own vertices back, where the layer stays a coverage with them."""
    concerned = {code for fault in faults for code in fault.codes}
    shapes = cleaned.copy()
    for place, code in enumerate(codes):
        same = shapely.equals_exact(cleaned[place], given[place], tolerance=0, normalize=True)
        if same:
            shapes[place] = given[place]
        elif code not in concerned:
            shapes[place] = given[place]
            if not shapely.coverage_is_valid(shapes):
                shapes[place] = cleaned[place]
    return shapes


def _changes(
    codes: Sequence[str],
    given: Shapes,
    shapes: Shapes,
) -> list[Change]:
    before_m2, _ = measure(given)
    after_m2, _ = measure(shapes)
    return [
        Change(codes[place], float(before_m2[place]), float(after_m2[place]), shapely.symmetric_difference(old, new))
        for place, (old, new) in enumerate(zip(given, shapes, strict=True))
        if not shapely.equals_exact(old, new, tolerance=0, normalize=True)
    ]
