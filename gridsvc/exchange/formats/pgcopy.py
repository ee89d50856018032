"""Arrow columns in, the same rows in PostgreSQL's binary COPY format out: no Python object is made of a value.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format". Every row is the number of its fields
(int16), then for each its length in bytes (int32, -1 for null) and its bytes, all big-endian.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL = b"\xff\xff"
NULL = pa.scalar(b"\xff\xff\xff\xff", pa.binary())
WIDTHS = {"integer": 4, "double precision": 8, "boolean": 1, "timestamptz": 8}
"""The length of a value of these types, in bytes."""

# Moments are microseconds since this one.
EPOCH_US = 946_684_800_000_000


def encode(table: pa.Table, kinds: dict[str, str]) -> memoryview:
    """Write rows, without `HEAD` and `TAIL`; `kinds` says the SQL type of every column, in the order of the COPY."""
    count = pa.scalar(len(kinds).to_bytes(2, "big"), pa.binary())
    fields: list[pa.Array | pa.Scalar] = []
    for name, kind in kinds.items():
        fields += _written(table[name].combine_chunks(), kind)
    rows = pc.binary_join_element_wise(count, *fields, b"")
    return _joined(rows)


def _written(column: pa.Array, kind: str) -> list[pa.Array | pa.Scalar]:
    """Write the lengths and the bytes of a column; what is the same in every row is written once."""
    if len(column) and column.null_count == len(column):
        return [NULL]
    value = ENCODERS.get(kind, _text)(column)
    width = WIDTHS.get(kind)
    if width and not column.null_count:
        return [pa.scalar(width.to_bytes(4, "big"), pa.binary()), value]
    return [_lengths(value), pc.fill_null(value, b"")]


def _joined(rows: pa.Array) -> memoryview:
    """Give the bytes of all values, which lie one after another already."""
    if not len(rows):
        return memoryview(b"")
    data: pa.Buffer = rows.buffers()[2]
    begin, end = np.frombuffer(rows.buffers()[1], dtype=np.int32)[[rows.offset, rows.offset + len(rows)]]
    return memoryview(data)[int(begin) : int(end)]


def _lengths(value: pa.Array) -> pa.Array:
    return _fixed(pc.fill_null(pc.binary_length(value), -1).to_numpy(zero_copy_only=False).astype(">i4"))


def _fixed(numbers: np.ndarray, nulls: pa.Array | None = None) -> pa.Array:
    """Take big-endian numbers as so many bytes each; those where `nulls` is true are null."""
    raw = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(numbers.itemsize), len(numbers), [None, pa.py_buffer(np.ascontiguousarray(numbers))]
    ).cast(pa.binary())
    return raw if nulls is None else pc.if_else(nulls, pa.scalar(None, pa.binary()), raw)


def _numbers(dtype: str) -> Callable[[pa.Array], pa.Array]:
    def encoded(column: pa.Array) -> pa.Array:
        numbers = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
        return _fixed(numbers.astype(dtype), column.is_null() if column.null_count else None)

    return encoded


def _booleans(column: pa.Array) -> pa.Array:
    return _numbers(">i1")(column.cast(pa.int8()))


def _moments(column: pa.Array) -> pa.Array:
    return _numbers(">i8")(pc.subtract(column.cast(pa.int64()), EPOCH_US))


def _json(column: pa.Array) -> pa.Array:
    # The one version there is of the format.
    return pc.binary_join_element_wise(b"\x01", column.cast(pa.binary()), b"")


def _text(column: pa.Array) -> pa.Array:
    return column.cast(pa.binary())


ENCODERS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "integer": _numbers(">i4"),
    "double precision": _numbers(">f8"),
    "boolean": _booleans,
    "timestamptz": _moments,
    "jsonb": _json,
}
"""How values of an SQL type are written; every other type is taken as its bytes (text, and geometry as WKB)."""
