"""The buildings that are kept as GeoJSON are, after every change, what would be written from the tables themselves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from gridsvc.app.ogc.asking import Question, Span
from gridsvc.app.ogc.collections import COLLECTIONS
from gridsvc.app.ogc.statements import is_kept, page_statement
from gridsvc.core.cql2 import Condition
from gridsvc.core.db import conninfo
from tests.conftest import Town, copy_database
from tests.town import BUILDINGS

COLLECTION = COLLECTIONS["buildings"]
ALL = tuple(COLLECTION.properties)


@pytest.fixture
def town_of_its_own(town: Town) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection to a town that this test may change."""
    with psycopg.connect(conninfo(copy_database(town.url)), autocommit=True) as connection:
        yield connection


BOX = Condition(
    "st_intersects(b.geometry, %(box)s::geometry)",
    {"box": "SRID=4326;POLYGON((118.78 32.041, 118.78 32.0415, 118.7815 32.0415, 118.7815 32.041, 118.78 32.041))"},
)


def pages(connection: psycopg.Connection[Any], at: datetime, *box: Condition) -> tuple[str, str]:
    """Write the page of all buildings, or of a box, as of a moment: as it is kept, and anew."""
    kept = Question(properties=ALL, time=at, conditions=box)
    anew = Question(properties=ALL, time=at, conditions=(*box, Condition("true")))
    assert is_kept(COLLECTION, kept)
    assert not is_kept(COLLECTION, anew)
    assert not is_kept(COLLECTION, Question(properties=ALL, time=Span(at, None)))
    written = []
    for asked in (kept, anew):
        statement = page_statement(COLLECTION, asked, at)
        row = connection.execute(statement.sql, statement.parameters).fetchone()
        assert row
        written.append(bytes(row[0]).decode())
    return written[0], written[1]


CHANGES = [
    "select 1",
    "update building set name = 'a\"b\\c' || chr(10) where code = 'b1'",
    "update building set geometry = st_translate(geometry, 0.001, 0) where code = 'b1'",
    "update building set geometry = st_translate(geometry, 1, 1) where code in ('b1', 'b2')",
    "insert into building (code, levels, geometry) select 'new', 3, geometry from building where code = 'b4'",
    "insert into building (code, levels, geometry) select 'far', 3, st_translate(geometry, 1, 1) from building limit 1",
    "delete from building where code = 'b3'",
    (
        "insert into building (code, geometry) select 'b1', geometry from building where code = 'b1'"
        " on conflict (code) do update set levels = 9"
    ),
    (
        "update community_version set valid = tstzrange(lower(valid), now() + interval '1 hour');"
        " update grid_version set valid = tstzrange(lower(valid), now() + interval '1 hour')"
    ),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_kept_is_what_the_tables_say_at_every_moment(
    town_of_its_own: psycopg.Connection[Any], change: str
) -> None:
    connection = town_of_its_own
    before, anew = pages(connection, datetime.now(UTC))
    assert before == anew
    assert before.count('"Feature"') == len(BUILDINGS)
    connection.execute(change.encode())
    now = datetime.now(UTC)
    for at in (datetime(2025, 1, 1, tzinfo=UTC), now - timedelta(days=1), now, now + timedelta(days=1)):
        kept, anew = pages(connection, at)
        assert kept == anew, at
        kept, anew = pages(connection, at, BOX)
        assert kept == anew, at
    assert (pages(connection, now)[0] != before) == (change not in (CHANGES[0], CHANGES[-1]))
