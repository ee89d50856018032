"""Polygons drawn in a piece of the map in, a vector tile of that piece out (Mapbox Vector Tile 2.1), as ST_AsMVT gives it."""

from functools import cache

import numpy as np

from gridsvc.app.tiles.pieces.drawing import FIRST, MOVE_TO, Drawn
from gridsvc.app.tiles.pieces.numbers import Flags, Ints, sizes_of, slices, varint, varints, zigzag
from gridsvc.core.mvt import EXTENT

FEATURE, TAGS, KIND, POLYGON, GEOMETRY = 0x12, 0x12, 0x18, 3, 0x22
"""What begins a feature in its layer, and its parts in it (field number and wire type)."""
LAYER, NAME, KEY, TAIL = b"\x1a", b"\x0a", b"\x1a", b"\x28" + varint(EXTENT) + b"\x78\x02"
FRAME = 8
"""Numbers of a feature that are neither tags nor geometry."""


def encode(drawn: Drawn, layer: str, properties: list[str], corner: tuple[int, int], buffer_units: int) -> bytes:
    """Write a tile with the first `properties`; `corner` is its north-west one, in units from the piece's.

    A feature is in every tile that its box reaches, or comes nearer to than `buffer_units`. No bytes where there is none.
    """
    left, top = corner
    chosen = (
        (drawn.right >= left - buffer_units)
        & (drawn.left <= left + EXTENT + buffer_units)
        & (drawn.bottom >= top - buffer_units)
        & (drawn.top <= top + EXTENT + buffer_units)
    ).nonzero()[0]
    if not len(chosen):
        return b""
    move_starts, move_ends = drawn.move_starts[chosen], drawn.move_ends[chosen]
    begun = zigzag(drawn.first[chosen] - corner)
    frames, frame_sizes = _frames(begun, move_ends - move_starts, drawn.given[chosen, : len(properties)])
    frame_ends = frame_sizes.cumsum()
    heads = slices(frames, frame_ends - frame_sizes, frame_ends)
    moves = slices(drawn.moves, move_starts, move_ends)
    features = [part for feature in zip(heads, moves, strict=True) for part in feature]
    texts = slices(drawn.texts, drawn.text_starts[chosen], drawn.text_ends[chosen, len(properties) - 1])
    name = layer.encode()
    body = b"".join([NAME, varint(len(name)), name, *features, *_keys(properties), *texts, TAIL])
    return LAYER + varint(len(body)) + body


def _frames(begun: Ints, move_bytes: Ints, given: Flags) -> tuple[bytes, Ints]:
    """Write what comes before the moves of each feature: lengths, tags, kind and first point; tell how many bytes each takes."""
    features, keys = given.shape
    tags, whole = slice(4, 4 + 2 * keys), given.all()
    numbers = np.empty((features, FRAME + 2 * keys + FIRST), dtype=np.int64)
    numbers[:] = _frame(keys)
    # Values are not shared: each feature's follow those of the one before.
    numbers[:, 5 : tags.stop : 2] = given.cumsum().reshape(given.shape) - 1
    numbers[:, -2:] = begun
    sizes = sizes_of(numbers)
    if not whole:
        sizes[:, tags] *= given.repeat(2, axis=1)
    # Lengths, from the innermost.
    numbers[:, -4] = 1 + sizes[:, -2] + sizes[:, -1] + move_bytes
    sizes[:, -4] = sizes_of(numbers[:, -4])
    # Below 128 for fewer than ten properties, so that its length is one byte.
    numbers[:, 3] = sizes[:, tags].sum(axis=1)
    numbers[:, 1] = 5 + numbers[:, 3] + sizes[:, -4] + numbers[:, -4]
    sizes[:, 1] = sizes_of(numbers[:, 1])
    each = sizes.sum(axis=1)
    if whole:
        return varints(numbers.ravel(), sizes.ravel()), each
    said = sizes > 0
    return varints(numbers[said], sizes[said]), each


@cache
def _frame(keys: int) -> Ints:
    """Give the numbers that are the same in all features, and nothing for the others."""
    tags = [number for key in range(keys) for number in (key, 0)]
    return np.array([FEATURE, 0, TAGS, 0, *tags, KIND, POLYGON, GEOMETRY, 0, MOVE_TO, 0, 0], dtype=np.int64)


def _keys(properties: list[str]) -> list[bytes]:
    return [part for key in properties for part in (KEY, varint(len(key)), key.encode())]
