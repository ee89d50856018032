"""Small polygons of a piece of the map in, the same as drawn at one zoom out: all but where a tile's corner is.

What a vector tile (2.1) says of a polygon begins with its first point, from the corner of the tile, and goes on with
moves from point to point, which are the same in whatever tile. So the moves are written once for a zoom. Rounding and
dropping are PostGIS's `ST_SnapToGrid(ST_TransScale(…), 1)`. Nothing is cut at the edge of a tile: what is small needs no
cutting.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridsvc.app.tiles.pieces.numbers import Flags, Ints, sizes_of, starts_of, varints, zigzag

Floats = npt.NDArray[np.float64]

MOVE_TO, LINE_TO, CLOSE = 1 << 3 | 1, 2, 1 << 3 | 7
LEAST_POINTS = 4
"""Of a closed ring; with fewer it is none."""
FIRST = 3
"""Numbers that begin a polygon: to move, and where to."""


@dataclass(frozen=True)
class Shapes:
    """Polygons (f) as they are: `points` (n, 2) are those of all closed rings, metres of EPSG:3857, ring after ring.

    `sizes` (r) says how many points a ring has, `owners` (r) whose it is, in order, and `shells` (r) whether it is an outer one.
    `texts` are their properties, written as values of a tile, one after another; `text_ends` (f, p) says where each ends:
    where the one before does, when there is none.
    """

    points: Floats
    sizes: Ints
    owners: Ints
    shells: Flags
    texts: bytes
    text_ends: Ints


@dataclass(frozen=True)
class Drawn:
    """Polygons (f) drawn at a zoom, in units from the north-west corner of their piece: rightwards and downwards.

    `first` (f, 2) is the first point, `left`, `top`, `right`, `bottom` the box; the moves after the first point are written in
    `moves` from `move_starts` to `move_ends`; texts as in `Shapes`.
    """

    first: Ints
    left: Ints
    top: Ints
    right: Ints
    bottom: Ints
    moves: bytes
    move_starts: Ints
    move_ends: Ints
    texts: bytes
    text_starts: Ints
    text_ends: Ints
    given: Flags

    def __len__(self) -> int:
        """Count the polygons."""
        return len(self.first)

    @property
    def bytes(self) -> int:
        """Tell about what it takes in memory."""
        each = 72 + 9 * int(self.given.shape[1])
        return each * len(self) + len(self.moves) + len(self.texts)


def draw(shapes: Shapes, piece: dict[str, float]) -> Drawn:
    """Draw polygons in a piece of the map (`core.mvt.tile_parameters` with the scale of the zoom they are drawn at)."""
    scale = piece["scale"]
    x = np.rint(shapes.points[:, 0] * scale - piece["west"] * scale).astype(np.int64)
    y = np.rint(shapes.points[:, 1] * -scale + piece["north"] * scale).astype(np.int64)
    ring_of = np.repeat(np.arange(len(shapes.sizes)), shapes.sizes)
    # A point that falls on the one before it goes.
    kept = np.ones(len(x), dtype=np.bool_)
    kept[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1]) | (ring_of[1:] != ring_of[:-1])
    counts = np.bincount(ring_of[kept], minlength=len(shapes.sizes))
    # A ring that has become too small goes, and with an outer one its holes.
    stays = counts >= LEAST_POINTS
    stays &= stays[np.maximum.accumulate(np.where(shapes.shells, np.arange(len(stays)), 0))]
    # The last point is the first again, and is not said.
    kept[kept.nonzero()[0][counts.cumsum() - 1]] = False
    kept &= stays[ring_of]
    return _moved(x[kept], y[kept], counts[stays] - 1, shapes.owners[stays], shapes)


def _moved(x: Ints, y: Ints, counts: Ints, owners: Ints, shapes: Shapes) -> Drawn:
    """Write rings of `counts` points as moves."""
    begins = np.diff(owners, prepend=-1).nonzero()[0]
    shown = owners[begins]
    ring_starts, sizes = starts_of(counts), 2 * counts + 3
    starts = starts_of(sizes)
    numbers = np.empty(int(sizes.sum()), dtype=np.int64)
    numbers[starts] = MOVE_TO
    numbers[starts + 3] = counts - 1 << 3 | LINE_TO
    numbers[starts + sizes - 1] = CLOSE
    inside = np.arange(len(x)) - np.repeat(ring_starts, counts)
    places = np.repeat(starts + 1, counts) + 2 * inside + (inside > 0)
    numbers[places] = zigzag(np.diff(x, prepend=0))
    numbers[places + 1] = zigzag(np.diff(y, prepend=0))
    # How a polygon begins is for the tile to say.
    polygons, firsts = starts[begins], ring_starts[begins]
    written = np.ones(len(numbers), dtype=np.bool_)
    for at in range(FIRST):
        written[polygons + at] = False
    each = sizes_of(numbers) * written
    move_sizes = np.add.reduceat(each, polygons) if len(polygons) else polygons
    move_ends = move_sizes.cumsum()
    left, top, right, bottom = (
        (least.reduceat(line, firsts) if len(firsts) else firsts)
        for least, line in ((np.minimum, x), (np.minimum, y), (np.maximum, x), (np.maximum, y))
    )
    text_starts = np.append(0, shapes.text_ends.ravel())[:-1].reshape(shapes.text_ends.shape)
    return Drawn(
        np.stack([x[firsts], y[firsts]], axis=1),
        *(left, top, right, bottom),
        moves=varints(numbers[written], each[written]),
        move_starts=move_ends - move_sizes,
        move_ends=move_ends,
        texts=shapes.texts,
        text_starts=text_starts[shown, 0],
        text_ends=shapes.text_ends[shown],
        given=(shapes.text_ends > text_starts)[shown],
    )
