"""Polygons of one ring as WKB in, the same on the coordinate grid and canonical out, without a geometry made of any.

Nearly all buildings are such polygons. What is done here to whole columns of bytes is `canonical(snap(shape))` of
`core.geo`; whatever is not plainly of this kind is told, and goes that way.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gridsvc.core.geo import DECIMALS, Floats

Flags = npt.NDArray[np.bool_]

WKB = pd.ArrowDtype(pa.binary())
"""The type of a column `geometry` whose shapes nobody has needed yet."""

# Little-endian, polygon, one ring; then the number of its vertices, and these.
PLAIN = b"\x01\x03\x00\x00\x00\x01\x00\x00\x00"
MULTI = b"\x01\x06\x00\x00\x00\x01\x00\x00\x00"
HEAD_BYTES = len(PLAIN) + 4
VERTEX_BYTES = 16
FEWEST_VERTICES = 4
EXACT = 2.0**26

NEAR_ROWS = 2_000
"""So many are worked on at a time: their vertices stay in the memory of a processor's core."""


def shapes_of(column: "pd.Series[Any]") -> npt.NDArray[np.object_]:
    """Give the shapes of a column `geometry`; one that is broken as bytes becomes None."""
    if column.dtype != WKB:
        return np.asarray(column, dtype=object)
    shapes = shapely.from_wkb(arrow(column).to_numpy(zero_copy_only=False), on_invalid="ignore")
    return np.asarray(shapes, dtype=object)


def arrow(column: "pd.Series[Any]") -> pa.Array:
    """Give a column in one piece as Arrow has it."""
    values = pa.array(column, from_pandas=True)
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def plain_polygons(column: pa.Array) -> Flags:
    """Tell which values are flat polygons of one ring, all of whose bytes are there."""
    length = pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
    plain: Flags = length >= HEAD_BYTES + FEWEST_VERTICES * VERTEX_BYTES
    heads = _bytes(pc.binary_slice(column.filter(pa.array(plain)), 0, HEAD_BYTES)).reshape(-1, HEAD_BYTES)
    vertices = heads[:, len(PLAIN) :].copy().view("<u4").ravel()
    own = (heads[:, : len(PLAIN)] == np.frombuffer(PLAIN, np.uint8)).all(axis=1)
    plain[plain] = own & (length[plain] == HEAD_BYTES + VERTEX_BYTES * vertices.astype(np.int64))
    return plain


def on_grid(column: pa.Array) -> tuple[pa.Array, Flags, Flags]:
    """Snap plain polygons (EPSG:4326, degrees) and write them canonically, as multipolygons of one part.

    Also tells which of them are surely right so far: every vertex is a place, and the order of vertices is clear; and
    which are surely simple, so that nobody need ask whether they are valid.
    """
    parts = [_few_on_grid(column.slice(begin, NEAR_ROWS)) for begin in range(0, len(column), NEAR_ROWS)]
    written, right, simple = zip(*parts, strict=True)
    return pa.concat_arrays(written), np.concatenate(right), np.concatenate(simple)


def _few_on_grid(column: pa.Array) -> tuple[pa.Array, Flags, Flags]:
    length = pc.binary_length(column).to_numpy()
    body = pc.binary_slice(column, HEAD_BYTES, int(length.max()))
    count = (length.astype(np.int64) - HEAD_BYTES) // VERTEX_BYTES
    vertices = _bytes(body).view("<f8").reshape(-1, 2)
    owner = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    places = (np.abs(vertices[:, 0]) <= 180) & (np.abs(vertices[:, 1]) <= 90)  # a NaN is not within anything
    right = np.logical_and.reduceat(places, first)
    steps = np.rint(np.where(places[:, None], vertices, 0.0) * 10.0**DECIMALS)
    turned, clear = _canonical_rings(steps, owner, first, count)
    heads = pa.FixedSizeBinaryArray.from_buffers(pa.binary(4), len(count), [None, pa.py_buffer(count.astype("<u4"))])
    ends = pa.py_buffer((np.append(first, len(owner)) * VERTEX_BYTES).astype(np.int32))
    bodies = pa.BinaryArray.from_buffers(
        pa.binary(), len(count), [None, ends, pa.py_buffer(np.ascontiguousarray(turned / 10.0**DECIMALS))]
    )
    written = pc.binary_join_element_wise(MULTI + PLAIN, heads.cast(pa.binary()), bodies, b"")
    right &= clear
    return written, right, right & _surely_simple(turned, owner, first, count)


def _canonical_rings(
    vertices: Floats, owner: npt.NDArray[np.int64], first: npt.NDArray[np.int64], count: npt.NDArray[np.int64]
) -> tuple[Floats, Flags]:
    """Let closed rings begin at their lowest vertex (west first, then south) and run counter-clockwise.

    `vertices` (n, 2) are whole numbers of grid steps, so that areas are exact, `owner` (n,) numbers their rings, which
    begin at `first` and have `count` vertices. Also tells of which rings that order is clear: they are closed, and the
    lowest vertex is there once.
    """
    x, y = vertices[:, 0], vertices[:, 1]
    last = first + count - 1
    # The vertex that closes a ring is one that was there already.
    inner = np.ones(len(owner), dtype=np.bool_)
    inner[last] = False
    west = inner & (x == np.minimum.reduceat(x, first)[owner])
    lowest = west & (y == np.minimum.reduceat(np.where(west, y, np.inf), first)[owner])
    where = np.arange(len(owner))
    start = np.maximum.reduceat(np.where(lowest, where, first[owner]), first) - first
    east, north = x - x[first][owner], y - y[first][owner]
    doubled = np.zeros(len(owner))
    doubled[:-1] = east[:-1] * north[1:] - east[1:] * north[:-1]
    doubled[last] = 0.0
    turn = np.add.reduceat(doubled, first)
    step = np.where(turn > 0, 1, -1)
    place = (start[owner] + step[owner] * (where - first[owner])) % (count - 1)[owner]
    closed = (vertices[first] == vertices[last]).all(axis=1)
    once = np.add.reduceat(lowest.astype(np.int64), first) == 1
    return vertices[first[owner] + place], closed & once & (turn != 0)


def _surely_simple(
    vertices: Floats, owner: npt.NDArray[np.int64], first: npt.NDArray[np.int64], count: npt.NDArray[np.int64]
) -> Flags:
    """Tell which rings are surely simple, without looking at their edges two by two; arguments as of `_canonical_rings`.

    A ring whose every edge goes counter-clockwise as seen from one point, once round it, can be seen whole from there
    (it is star-shaped), and no two of its edges meet. The point is the mean of the vertices. Most houses are so.
    """
    x, y = vertices[:, 0], vertices[:, 1]
    east = x - np.rint(np.add.reduceat(x, first) / count)[owner]
    north = y - np.rint(np.add.reduceat(y, first) / count)[owner]
    turns = np.empty(len(owner), dtype=np.bool_)
    turns[:-1] = east[:-1] * north[1:] > east[1:] * north[:-1]
    # The last vertex of a ring is its first again: from there no edge goes on.
    turns[first + count - 1] = True
    rises = np.zeros(len(owner), dtype=np.int64)
    rises[:-1] = (north[:-1] < 0) & (north[1:] >= 0)
    rises[first + count - 1] = 0
    # Whole numbers below this have an exact product.
    near = np.maximum(np.abs(east), np.abs(north)) < EXACT
    simple: Flags = np.logical_and.reduceat(turns & near, first) & (np.add.reduceat(rises, first) == 1)
    return simple


def _bytes(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Give the bytes of all values, which lie one after another."""
    if not len(column):
        return np.zeros(0, np.uint8)
    offsets = np.frombuffer(column.buffers()[1], np.int32)[[column.offset, column.offset + len(column)]]
    return np.frombuffer(column.buffers()[2], np.uint8)[offsets[0] : offsets[1]]
