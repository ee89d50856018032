"""What became of what: the cells before and after a redraw in, one row for each pair that shares ground out; pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

Kind = Literal["split", "merge", "reshape", "rename", "retire", "create"]

SAME_GROUND = 1e-9
"""Shares of area below this are rounding at shared borders, not ground that changed hands."""


@dataclass(frozen=True)
class Plot:
    """A cell of one version: its code, what it is called, and where it lies (EPSG:4326)."""

    code: str
    name: str
    kind: str
    geometry: BaseGeometry

    def same_as(self, other: "Plot") -> bool:
        """Tell whether nothing differs, to the last bit of the last vertex."""
        named = (self.code, self.name, self.kind) == (other.code, other.name, other.kind)
        return named and bool(shapely.equals_exact(self.geometry, other.geometry, tolerance=0, normalize=True))


@dataclass(frozen=True)
class Stock:
    """The buildings on the ground: inner points (n, 2) in degrees, and households (n,), 0 where unknown."""

    points: npt.NDArray[np.float64]
    households: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Descent:
    """One row of lineage; the shares are of the old cell's area, buildings and households (of the new one's: create).

    `origin` is None for ground that was in no cell before, `heir` for ground that is in none any more.
    """

    kind: Kind
    origin: str | None
    heir: str | None
    area_share: float
    building_share: float
    household_share: float


def trace(before: Sequence[Plot], after: Sequence[Plot], stock: Stock) -> list[Descent]:
    """Compare two sets of cells; cells that are equal in every respect have no row.

    Same code: `rename` when only name or kind differ, else `reshape`. Another code: `split` when the heir is new and
    has one origin, else `merge`, and `reshape` when both cells were there before and after and ground moved between
    them. An old cell whose ground is in no cell is `retire`d, a new cell on free ground is `create`d.
    """
    old, new = {plot.code: plot for plot in before}, {plot.code: plot for plot in after}
    pairs = _pairs(before, after)
    origins = Counter(heir for _, heir in pairs)
    was, becomes = _owners(before, stock), _owners(after, stock)
    rows = []
    for origin, heir in sorted(pairs):
        if old[origin].same_as(new[heir]):
            continue
        shared = shapely.intersection(old[origin].geometry, new[heir].geometry)
        area_share = min(shapely.area(shared) / shapely.area(old[origin].geometry), 1.0)
        of_whole = was == origin
        shares = _shares(of_whole, of_whole & (becomes == heir), stock)
        rows.append(Descent(_kind(origin, heir, old, new, origins), origin, heir, area_share, *shares))
    left = set(old) - {origin for origin, _ in pairs}
    found = set(new) - {heir for _, heir in pairs}
    rows += [Descent("retire", code, None, 1.0, 1.0, 1.0) for code in sorted(left)]
    rows += [Descent("create", None, code, 1.0, 1.0, 1.0) for code in sorted(found)]
    return rows


def _pairs(before: Sequence[Plot], after: Sequence[Plot]) -> list[tuple[str, str]]:
    """Find the pairs whose shared ground is more than rounding."""
    if not before or not after:
        return []
    heirs = np.array([plot.geometry for plot in after], dtype=object)
    origins = np.array([plot.geometry for plot in before], dtype=object)
    left, right = shapely.STRtree(heirs).query(origins, predicate="intersects")
    shares = shapely.area(shapely.intersection(origins[left], heirs[right])) / shapely.area(origins[left])
    return [
        (before[i].code, after[j].code) for i, j, share in zip(left, right, shares, strict=True) if share > SAME_GROUND
    ]


def _kind(origin: str, heir: str, old: dict[str, Plot], new: dict[str, Plot], origins: Counter[str]) -> Kind:
    if origin == heir:
        moved = not shapely.equals(old[origin].geometry, new[heir].geometry)
        return "reshape" if moved else "rename"
    if heir not in old:
        return "split" if origins[heir] == 1 else "merge"
    return "reshape" if origin in new else "merge"


def _owners(plots: Sequence[Plot], stock: Stock) -> npt.NDArray[np.object_]:
    """Find the cell of each building, "" for none; on a border the lowest code owns, so that no building counts twice."""
    ordered = sorted(plots, key=lambda plot: plot.code, reverse=True)
    owners = np.full(len(stock.points), "", dtype=object)
    if ordered and len(owners):
        tree = shapely.STRtree(np.asarray(shapely.points(stock.points), dtype=object))
        cells, places = tree.query(np.array([plot.geometry for plot in ordered], dtype=object), predicate="intersects")
        # From the highest code to the lowest, which is written last and stays.
        order = np.argsort(cells, kind="stable")
        owners[places[order]] = np.array([plot.code for plot in ordered], dtype=object)[cells[order]]
    return owners


def _shares(of_whole: npt.NDArray[np.bool_], of_part: npt.NDArray[np.bool_], stock: Stock) -> tuple[float, float]:
    return (
        _share(float(of_part.sum()), float(of_whole.sum())),
        _share(float(stock.households[of_part].sum()), float(stock.households[of_whole].sum())),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
