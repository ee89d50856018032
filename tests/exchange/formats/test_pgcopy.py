"""Binary COPY: every kind of value arrives in PostgreSQL as it was, and so does nothing."""

from datetime import UTC, datetime

import pyarrow as pa
import shapely
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.exchange.formats.pgcopy import HEAD, TAIL, encode
from gridsvc.exchange.values import TYPES

MOMENT = datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=UTC)
VALUES = {
    "text": ["", "网格 \t\n\\N", "x" * 70_000, None],
    "integer": [0, -(2**31), 2**31 - 1, None],
    "double precision": [0.0, -1.5, 1e300, None],
    "boolean": [True, False, True, None],
    "timestamptz": [MOMENT, datetime(2026, 6, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), None],
    "jsonb": ["[]", '[{"name": "一"}]', "[null]", None],
}


def test_every_kind_of_value_arrives_as_it_was(session: Session) -> None:
    connection = driver_of(session)
    kinds = {kind.split()[0]: kind for kind in VALUES}
    connection.execute(
        f"create temporary table arrived ({', '.join(f'{name} {kind}' for name, kind in kinds.items())})".encode()
    )
    table = pa.table({name: pa.array(VALUES[kind], TYPES[kind]) for name, kind in kinds.items()})
    with connection.cursor() as cursor, cursor.copy("copy arrived from stdin (format binary)") as copy:
        copy.write(HEAD)
        # In two parts, the second of which begins in the middle of every column.
        copy.write(encode(table.slice(0, 1), kinds))
        copy.write(encode(table.slice(1), kinds))
        copy.write(TAIL)
    rows = connection.execute("select text, integer, double, boolean, timestamptz, jsonb::text from arrived").fetchall()
    assert rows == list(zip(*VALUES.values(), strict=True))


def test_shapes_arrive_in_the_columns_own_reference_system(session: Session) -> None:
    connection = driver_of(session)
    shape = shapely.MultiPolygon([shapely.box(118, 32, 119, 33)])
    connection.execute("create temporary table drawn (geometry geometry(MultiPolygon, 4326))")
    with connection.cursor() as cursor, cursor.copy("copy drawn from stdin (format binary)") as copy:
        table = pa.table({"geometry": pa.array([shapely.to_wkb(shape), None], pa.binary())})
        copy.write(HEAD + bytes(encode(table, {"geometry": "geometry"})) + TAIL)
    rows = connection.execute("select st_srid(geometry), st_asbinary(geometry) from drawn").fetchall()
    assert rows[0][0] == 4326
    assert shapely.from_wkb(bytes(rows[0][1])).equals_exact(shape)
    assert rows[1] == (None, None)
