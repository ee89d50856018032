"""Street blocks in, compact grids out, and of grids communities: by growing and joining, without chance."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from maker.ground import in_metres
from maker.places import COMMUNITIES, DEDICATED, district_of

HOUSEHOLDS = (200, 500)
"""Grids below the first number join a neighbour, unless that would lift them above the second."""
LARGEST_GRID_M2 = 250_000
DIVIDING_RANK = 5.5
"""No grid reaches across a street of this rank: a primary road."""
DEDICATED_HOUSEHOLDS = 160
"""Where more households live, a landmark gives its name to a residential grid."""
SERVED_BY_LANDMARK = 40
"""A block with no more households may join a dedicated grid."""
ON_STREET_UNITS = 200
"""A border within about 2 m of a street is taken to run along it."""


@dataclass
class Cell:
    """A region on its way to become a grid: blocks (numbers), shape in units, households, district, landmark."""

    blocks: list[int]
    shape: BaseGeometry
    households: int
    district: str
    landmark: str | None = None


class Borders:
    """How long each pair of blocks touches, by the rank of the street between them (metres, and metres × rank)."""

    def __init__(self, shapes: list[BaseGeometry], lines: np.ndarray, ranks: np.ndarray) -> None:
        self.length_m: dict[tuple[int, int], float] = {}
        self.weight: dict[tuple[int, int], float] = {}
        tree = STRtree(lines)
        for one, other in STRtree(shapes).query(shapes, predicate="touches").T:
            border = shapely.intersection(shapes[one], shapes[other])
            if one < other and border.length > 0:
                self._add((int(one), int(other)), border, tree, ranks)

    def _add(self, pair: tuple[int, int], border: BaseGeometry, tree: STRtree, ranks: np.ndarray) -> None:
        segments = [
            shapely.LineString(ends)
            for part in shapely.get_parts(border)
            if part.geom_type == "LineString"
            for ends in pairwise(part.coords)
        ]
        length_m = shapely.length(in_metres(np.array(segments)))
        middles = shapely.line_interpolate_point(segments, 0.5, normalized=True)
        rank = np.zeros(len(segments))
        segment, line = tree.query(middles, predicate="dwithin", distance=ON_STREET_UNITS)
        np.maximum.at(rank, segment, ranks[line])
        self.length_m[pair] = float(length_m.sum())
        self.weight[pair] = float((length_m * rank).sum())

    def between(self, one: list[int], other: list[int]) -> tuple[float, float]:
        """Return the length in metres and the mean rank of the border between two groups of blocks."""
        pairs = [(min(a, b), max(a, b)) for a in one for b in other]
        length_m = sum(self.length_m.get(pair, 0.0) for pair in pairs)
        weight = sum(self.weight.get(pair, 0.0) for pair in pairs)
        return length_m, weight / length_m if length_m else 0.0


def group_blocks(shapes: list[BaseGeometry], households: np.ndarray, borders: Borders) -> list[Cell]:
    """Join blocks to grids of a few hundred households within one district; landmarks become dedicated grids."""
    cells = _with_landmarks(shapes, households)
    while True:
        needy = sorted((c for c in cells if _too_small(c)), key=lambda c: (c.households, -c.shape.area))
        for cell in needy:
            partners = [other for other in cells if other is not cell and _may_join(cell, other)]
            costs = [_cost(cell, other, borders) for other in partners]
            if costs and np.isfinite(min(costs)):
                other = partners[int(np.argmin(costs))]
                cells = [c for c in cells if c is not cell and c is not other]
                cells.append(_joined(cell, other))
                break
        else:
            return cells


def _with_landmarks(shapes: list[BaseGeometry], households: np.ndarray) -> list[Cell]:
    """Make a cell of every block, and one of all blocks of a landmark."""
    tree = STRtree(shapes)
    landmark: dict[int, str] = {}
    for name, places in DEDICATED.items():
        for lon, lat in places:
            landmark[int(tree.query_nearest(shapely.Point(lon * 1e7, lat * 1e7), all_matches=False)[0])] = name
    cells: dict[str, Cell] = {}
    for number, shape in enumerate(shapes):
        middle = shape.centroid
        district = district_of(middle.x / 1e7, middle.y / 1e7)
        cell = Cell([number], shape, int(households[number]), district, landmark.get(number))
        key = cell.landmark or str(number)
        cells[key] = _joined(cells[key], cell) if key in cells else cell
    return list(cells.values())


def _joined(one: Cell, other: Cell) -> Cell:
    """Make one cell of two."""
    return Cell(
        [*one.blocks, *other.blocks],
        shapely.union_all([one.shape, other.shape]),
        one.households + other.households,
        one.district,
        one.landmark or other.landmark,
    )


def dedicated(cell: Cell) -> bool:
    """Tell whether a cell is a landmark where few people live."""
    return cell.landmark is not None and cell.households <= DEDICATED_HOUSEHOLDS


def _too_small(cell: Cell) -> bool:
    """Tell whether a cell is too small to be a grid of its own."""
    return not dedicated(cell) and cell.households < HOUSEHOLDS[0]


def _may_join(cell: Cell, other: Cell) -> bool:
    """Allow joining within a district; to a landmark only what nearly nobody lives in."""
    if dedicated(other) and cell.households > SERVED_BY_LANDMARK:
        return False
    return cell.district == other.district and cell.shape.touches(other.shape)


def _cost(cell: Cell, other: Cell, borders: Borders) -> float:
    """Rate joining two cells: lower for a small street between them, a compact result, and fitting households."""
    length_m, rank = borders.between(cell.blocks, other.blocks)
    if not length_m or rank >= DIVIDING_RANK:
        return float("inf")
    union = in_metres(shapely.union_all([cell.shape, other.shape]))
    if union.geom_type != "Polygon" or union.interiors:
        return float("inf")
    roundness = union.length / np.sqrt(4 * np.pi * union.area)
    households = cell.households + other.households
    excess = max(0.0, households / HOUSEHOLDS[1] - 1) * 8 + max(0.0, union.area / LARGEST_GRID_M2 - 1) * 2
    return float(rank * 0.3 + (roundness - 1) * 2 + excess + households / HOUSEHOLDS[1] * 0.6)


def group_grids(cells: list[Cell], borders: Borders) -> list[int]:
    """Return for each grid the number of its community.

    Communities grow from the grid nearest to each seed; the one with the fewest households takes the next grid, the
    one closest to its seed with the smallest street between, until all are taken. Districts are never mixed.
    """
    middles = np.array([cell.shape.centroid.coords[0] for cell in cells]) / 1e7
    metres = np.array([111_195 * np.cos(np.radians(32.04)), 111_195])
    owner: dict[int, int] = {}
    distance_m = np.zeros((len(COMMUNITIES), len(cells)))
    for number, seed in enumerate(COMMUNITIES):
        distance_m[number] = np.linalg.norm((middles - [seed.lon, seed.lat]) * metres, axis=1)
        near = [c for c in range(len(cells)) if cells[c].district == seed.street[:6] and c not in owner]
        owner[min(near, key=lambda c: float(distance_m[number, c]))] = number
    while len(owner) < len(cells):
        number, cell = _next_claim(cells, owner, distance_m, borders)
        owner[cell] = number
    return [owner[cell] for cell in range(len(cells))]


def _next_claim(cells: list[Cell], owner: dict[int, int], distance_m: np.ndarray, borders: Borders) -> tuple[int, int]:
    """Choose which community takes which grid next."""
    claims = []
    for number in range(len(COMMUNITIES)):
        mine = [cell for cell, owned in owner.items() if owned == number]
        blocks = [block for cell in mine for block in cells[cell].blocks]
        households = sum(cells[cell].households for cell in mine)
        for cell in range(len(cells)):
            if cell in owner or cells[cell].district != COMMUNITIES[number].street[:6]:
                continue
            length_m, rank = borders.between(blocks, cells[cell].blocks)
            if length_m:
                claims.append((households / 25 + float(distance_m[number, cell]) + rank * 40, number, cell))
    _, number, cell = min(claims)
    return number, cell
