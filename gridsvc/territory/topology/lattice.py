"""Cells in, an index out that tells in which cell each of many points lies: a raster, and exact tests at the borders; pure.

Most pixels of the raster lie wholly inside one cell or outside all, and answer by themselves. A pixel that a border runs
through knows its few cells, and GEOS is asked about these, whose orientation test is exact; so the raster only saves
questions and never decides one that is near.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

NOBODY = -1
PIXELS_PER_CELL = 256
"""Finer, and fewer points need the exact test; coarser, and it is built sooner."""
MOST_PIXELS = 1 << 26
"""256 MiB of raster; for cells scattered over a wider country it gets coarser, and so slower, but not larger."""
PIECE = 1 << 20
"""Points worked on at a time (of edges and spans, which are longer, a quarter), so that the arrays between stay small."""
SLACK = 1e-6
"""Share of a pixel by which borders are thought wider: a million times what rounding can move them."""

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Frame:
    """Where the raster lies: its corner and the width of a pixel in degrees, and its size in pixels."""

    west: float
    south: float
    pixel: float
    across: int
    up: int

    def in_pixels(self, places: Floats) -> Floats:
        """Turn degrees (n, 2) into pixels from the corner."""
        return (places - [self.west, self.south]) / self.pixel


@dataclass(frozen=True)
class Lattice:
    """The index: for each pixel its cell, NOBODY, or -2 - n for the n-th border pixel, with its cells from `starts[n]`."""

    shapes: npt.NDArray[np.object_]
    frame: Frame
    pixels: npt.NDArray[np.int32]
    starts: Indices
    candidates: npt.NDArray[np.int32]

    @classmethod
    def of(cls, shapes: npt.NDArray[np.object_]) -> "Lattice":
        """Build it over polygons or multipolygons in the order of their rank; they may overlap."""
        frame = _frame(shapes)
        shapely.prepare(shapes)
        edges, cell = _edges(shapes, frame)
        keys = [_border_keys(some, theirs, frame, len(shapes)) for some, theirs in _pieces(edges, cell)]
        spans = _spans(edges, cell, frame)
        return cls(shapes, frame, *_painted(_sorted_once(keys), spans, frame, len(shapes)))

    def owners(self, points: Floats) -> tuple[Indices, Flags]:
        """Find for each point (n, 2) the first cell that has it, or NOBODY, and whether it lies on a border.

        On a border is what touches the border of its cell, or more than one cell. NaN is nobody's.
        """
        owner = np.full(len(points), NOBODY)
        border = np.zeros(len(points), dtype=bool)
        for begin in range(0, len(points), PIECE):
            part = slice(begin, begin + PIECE)
            owner[part], border[part] = self._owners(points[part])
        return owner, border

    def _owners(self, points: Floats) -> tuple[Indices, Flags]:
        places = self.frame.in_pixels(points)
        # Written so that NaN is outside.
        within = np.flatnonzero(((places >= 0) & (places < [self.frame.across, self.frame.up])).all(axis=1))
        column, row = places[within].astype(np.int64).T
        owner = np.full(len(points), NOBODY)
        owner[within] = self.pixels[row * self.frame.across + column]
        border = np.zeros(len(points), dtype=bool)
        near = np.flatnonzero(owner < NOBODY)
        owner[near], border[near] = self._exact(points[near], -2 - owner[near])
        return owner, border

    def _exact(self, points: Floats, pixel: Indices) -> tuple[Indices, Flags]:
        """Ask GEOS about the cells of the border pixel of each point."""
        count = self.starts[pixel + 1] - self.starts[pixel]
        asked = np.repeat(np.arange(len(points)), count)
        cell = self.candidates[_ranges(self.starts[pixel], count)].astype(np.int64)
        has = self._asked(shapely.intersects_xy, cell, points[asked])
        asked, cell = asked[has], cell[has]
        # The candidates of a pixel stand in their order, so the first hit is the first cell.
        owned, first, touching = np.unique(asked, return_index=True, return_counts=True)
        owner = np.full(len(points), NOBODY)
        owner[owned] = cell[first]
        border = np.zeros(len(points), dtype=bool)
        border[owned] = touching > 1
        single = owned[touching == 1]
        border[single] = ~self._asked(shapely.contains_xy, owner[single], points[single])
        return owner, border

    def _asked(self, predicate: Callable[..., Flags], cell: Indices, points: Floats) -> Flags:
        # One cell after the other: jumping between prepared cells costs several times as much as the test itself.
        order = np.argsort(cell, kind="stable")
        answer = np.empty(len(cell), dtype=bool)
        answer[order] = predicate(self.shapes[cell[order]], *points[order].T)
        return answer


def _frame(shapes: npt.NDArray[np.object_]) -> Frame:
    """Lay the raster over the cells, a pixel around them free, so fine that a middling cell has its pixels."""
    boxes = np.asarray(shapely.bounds(shapes) if len(shapes) else np.zeros((1, 4)))
    sizes = boxes[:, 2:] - boxes[:, :2]
    corner = boxes[:, :2].min(axis=0)
    extent = boxes[:, 2:].max(axis=0) - corner
    fine = float(np.sqrt(np.median(sizes, axis=0).prod() / PIXELS_PER_CELL))
    pixel = max(fine, float(np.sqrt(extent.prod() / MOST_PIXELS)), 1e-7)
    across, up = (int(number) for number in np.ceil(extent / pixel) + 3)
    return Frame(float(corner[0]) - pixel, float(corner[1]) - pixel, pixel, across, up)


def _edges(shapes: npt.NDArray[np.object_], frame: Frame) -> tuple[Floats, Indices]:
    """Give every edge of every ring, in pixels, as (n, 4) x, y, x, y, and its cell, cell by cell."""
    parts, cell = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    places, ring = shapely.get_coordinates(rings, return_index=True)
    places = frame.in_pixels(places)
    follows = ring[1:] == ring[:-1]
    return np.hstack([places[:-1][follows], places[1:][follows]]), cell[part][ring[1:][follows]]


def _pieces(*arrays: npt.NDArray[Any]) -> Iterator[tuple[npt.NDArray[Any], ...]]:
    """Take arrays of one length apart into pieces."""
    for begin in range(0, len(arrays[0]), PIECE // 4):
        yield tuple(array[begin : begin + PIECE // 4] for array in arrays)


def _border_keys(edges: Floats, cell: Indices, frame: Frame, cells: int) -> Indices:
    """Give each pixel that an edge may run through, with its cell, as pixel · cells + cell; each once, in order."""
    # Half a pixel at a time: such a piece is in two columns and two rows at most, the slack included.
    count = np.maximum(np.ceil(2 * np.abs(edges[:, 2:] - edges[:, :2]).max(axis=1)).astype(np.int64), 1)
    edge = np.repeat(np.arange(len(edges)), count)
    share = (_ranges(np.zeros_like(count), count) / count[edge])[:, None]
    step = ((edges[:, 2:] - edges[:, :2]) / count[:, None])[edge]
    begin = edges[edge, :2] + (edges[edge, 2:] - edges[edge, :2]) * share
    low = np.floor(np.minimum(begin, begin + step) - SLACK).astype(np.int64)
    high = np.floor(np.maximum(begin, begin + step) + SLACK).astype(np.int64)
    wide, tall = low[:, 0] != high[:, 0], low[:, 1] != high[:, 1]

    def keys(place: Indices, other: Indices, which: Flags) -> Indices:
        told: Indices = (place[which, 1] * frame.across + other[which, 0]) * cells + cell[edge[which]]
        return told

    first = keys(low, low, np.ones(len(low), dtype=bool))
    # Sorting is what costs, so what an edge says twice on its way is left out before.
    first = first[np.diff(first, prepend=-1) != 0]
    return _sorted_once([first, keys(low, high, wide), keys(high, low, tall), keys(high, high, wide & tall)])


def _sorted_once(keys: list[Indices]) -> Indices:
    """Put numbers in order, each once."""
    together: Indices = np.sort(np.concatenate([_NONE, *keys]))
    once: Indices = together[np.diff(together, prepend=-1) != 0]
    return once


def _spans(edges: Floats, cell: Indices, frame: Frame) -> tuple[Indices, Indices, Indices]:
    """Give the runs of pixels whose centres are in a cell: first pixel, how many, and the cell; by cell."""
    # An edge crosses the rows between its ends, the upper end not counted: so each ring crosses a row an even number
    # of times. Where rounding could move a crossing past a centre, the pixel is a border pixel anyway.
    low = np.ceil(np.minimum(edges[:, 1], edges[:, 3]) - 0.5).astype(np.int64)
    count = np.ceil(np.maximum(edges[:, 1], edges[:, 3]) - 0.5).astype(np.int64) - low
    edge = np.repeat(np.arange(len(edges)), count)
    row = _ranges(low, count)
    x, y, to_x, to_y = edges[edge].T
    crossing = np.ceil(x + (row + 0.5 - y) * (to_x - x) / (to_y - y) - 0.5).astype(np.int64)
    order = np.lexsort((crossing, row, cell[edge]))
    begin, end = crossing[order[0::2]], crossing[order[1::2]]
    return row[order[0::2]] * frame.across + begin, end - begin, cell[edge][order[0::2]]


def _painted(
    keys: Indices, spans: tuple[Indices, Indices, Indices], frame: Frame, cells: int
) -> tuple[npt.NDArray[np.int32], Indices, npt.NDArray[np.int32]]:
    """Paint the raster: pixels, and the cells of its border pixels."""
    border = np.zeros(frame.across * frame.up, dtype=bool)
    border[keys // cells] = True
    pixels = np.full(len(border), NOBODY, dtype=np.int32)
    twice = np.zeros(len(border), dtype=bool)
    for pixel, cell in _runs(spans):
        twice[pixel[pixels[pixel] != NOBODY]] = True
        pixels[pixel] = cell
        # Cells that overlap inside one piece.
        twice[pixel[pixels[pixel] != cell]] = True
    # What lies in several cells is asked exactly as well, because there the answer is more than one cell.
    border |= twice
    inner = [(pixel * cells + cell)[border[pixel]] for pixel, cell in _runs(spans)]
    keys = _sorted_once([keys, *inner])
    pixel = keys // cells
    starts = np.flatnonzero(np.diff(pixel, prepend=-1))
    pixel = pixel[starts]
    pixels[pixel] = -2 - np.arange(len(pixel))
    return pixels, np.append(starts, len(keys)), (keys % cells).astype(np.int32)


def _runs(spans: tuple[Indices, Indices, Indices]) -> Iterator[tuple[Indices, Indices]]:
    """Give every pixel of spans with its cell, some spans at a time."""
    for first, count, cell in _pieces(*spans):
        yield _ranges(first, count), np.repeat(cell, count)


def _ranges(first: Indices, count: Indices) -> Indices:
    """Count on from each number: 5, 9 and 2, 3 give 5, 6, 9, 10, 11."""
    ends = np.cumsum(count)
    counted: Indices = np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - count), count)
    return counted
