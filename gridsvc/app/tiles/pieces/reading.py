"""What the database tells of a piece of the map in, its polygons and their texts out."""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from gridsvc.app.tiles.pieces.drawing import Shapes
from gridsvc.app.tiles.pieces.numbers import Flags, Ints, sizes_of, starts_of, varints
from gridsvc.core.mvt import AREA, Band

SIMPLE_HEAD = 26
"""Bytes before the points of a collection of one polygon of one ring, as nearly every house is (EWKB)."""
COLLECTION, POLYGON, COUNT = struct.Struct("<BIII"), struct.Struct("<BII"), struct.Struct("<I")
POINT_BYTES = 16
VALUE, TEXT = 0x22, 0x0A


def question(band: Band) -> bytes:
    """Write the statement: all polygons of a piece in one row; their shapes and texts one after another, and the sizes.

    Of a simple shape only the points are sent; the size of any other is below nothing, as is that of no text.
    """
    sent = [f"convert_to(string_agg({name}, ''), 'UTF8')" for name in band.properties]
    sizes = [f"string_agg(int4send(coalesce(octet_length({name}), -1)), '')" for name in band.properties]
    shown = ", ".join(f"{sql} as {name}" for name, sql in band.properties.items())
    points = f"substr(shape, {SIMPLE_HEAD + 1})"
    size = f"case when simple then length(shape) - {SIMPLE_HEAD} else -length(shape) end"
    return (
        f"select string_agg(case when simple then {points} else shape end, ''), string_agg(int4send({size}), ''),"
        f" {', '.join(sent + sizes)} from ("
        f"select {shown}, {band.geometry}::bytea as shape, st_nrings({band.geometry}) = 1 as simple from {band.source}"
        f" where {band.geometry} && (select {AREA}) offset 0) found"
    ).encode()


def read_shapes(row: tuple[Any, ...]) -> Shapes | None:
    """Read the answer; None where nothing is."""
    shapes, sizes, *sent = row
    if shapes is None:
        return None
    half = len(sent) // 2
    texts, text_ends = _values(sent[:half], np.stack([_integers(one) for one in sent[half:]], axis=1))
    sizes = _integers(sizes)
    odd = (sizes < 0).nonzero()[0]
    if len(odd):
        points, sizes, owners, shells = _taken_apart(shapes, sizes, odd)
    else:
        points, owners, shells = shapes, np.arange(len(sizes)), np.ones(len(sizes), dtype=np.bool_)
    return Shapes(
        np.frombuffer(points, dtype="<f8").reshape(-1, 2), sizes // POINT_BYTES, owners, shells, texts, text_ends
    )


def _taken_apart(shapes: bytes, sizes: Ints, odd: Ints) -> tuple[bytes, Ints, Ints, Flags]:
    """Take the shapes that are not simple apart into rings, among those that are."""
    ends = np.abs(sizes).cumsum()
    parts: list[bytes] = []
    ring_sizes: list[int] = []
    owners: list[int] = []
    outer: list[bool] = []
    after = 0

    def take(ring: bytes, owner: int, *, shell: bool) -> None:
        parts.append(ring)
        ring_sizes.append(len(ring))
        owners.append(owner)
        outer.append(shell)

    for owner in (*odd.tolist(), len(sizes)):
        # What is simple until then, in one go.
        before = int(ends[owner - 1]) if owner else 0
        parts.append(shapes[int(ends[after - 1]) if after else 0 : before])
        ring_sizes += sizes[after:owner].tolist()
        owners += range(after, owner)
        outer += [True] * (owner - after)
        if owner < len(sizes):
            for shell, ring in _rings(shapes[before : int(ends[owner])]):
                take(ring, owner, shell=shell)
        after = owner + 1
    return b"".join(parts), np.array(ring_sizes), np.array(owners), np.array(outer)


def _integers(sent: bytes) -> Ints:
    return np.frombuffer(sent, dtype=">i4").astype(np.int64)


def _rings(shape: bytes) -> Iterator[tuple[bool, bytes]]:
    """Take a multipolygon apart into its rings: whether it is an outer one, and its points."""
    *_, polygons = COLLECTION.unpack_from(shape)
    at = COLLECTION.size
    for _ in range(polygons):
        *_, rings = POLYGON.unpack_from(shape, at)
        at += POLYGON.size
        for number in range(rings):
            end = at + COUNT.size + COUNT.unpack_from(shape, at)[0] * POINT_BYTES
            yield number == 0, shape[at + COUNT.size : end]
            at = end


def _values(columns: list[bytes | None], lengths: Ints) -> tuple[bytes, Ints]:
    """Write texts (f, p; a length below nothing is no text) as values of a tile, feature after feature; tell where each ends."""
    given = lengths >= 0
    sizes = lengths * given
    heads = np.stack(
        [np.full(sizes.shape, VALUE), 1 + sizes_of(sizes) + sizes, np.full(sizes.shape, TEXT), sizes], axis=2
    )
    head_sizes = sizes_of(heads) * given[:, :, None]
    head_bytes = head_sizes.sum(axis=2)
    ends = (sizes + head_bytes).cumsum().reshape(sizes.shape)
    out = np.empty(int(ends[-1, -1]), dtype=np.uint8)
    said = given.repeat(4).reshape(heads.shape)
    _lay(out, varints(heads[said], head_sizes[said]), (ends - sizes - head_bytes).ravel(), head_bytes.ravel())
    for column, sent in enumerate(columns):
        _lay(out, sent or b"", ends[:, column] - sizes[:, column], sizes[:, column])
    return out.tobytes(), ends


def _lay(out: "np.ndarray[Any, np.dtype[np.uint8]]", parts: bytes, places: Ints, sizes: Ints) -> None:
    """Lay parts of bytes, one after another as they are, where they belong."""
    where = np.arange(len(parts)) + np.repeat(places - starts_of(sizes), sizes)
    out[where] = np.frombuffer(parts, dtype=np.uint8)
