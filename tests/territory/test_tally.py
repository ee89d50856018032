"""How many households and buildings communities and grids have: added up from a tally, and right for every moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from gridsvc.core.browse import item_sql
from gridsvc.core.db import conninfo, transaction
from gridsvc.territory.layers import COMMUNITIES, DUE, GRIDS
from tests.conftest import Service
from tests.town import JIA, JIA_1, JIA_3

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
MOMENTS = [JUNE + timedelta(days=days) for days in (-400, -1, 0, 29, 31, 60)]
ONE_BY_ONE = """
    select count(*), coalesce(sum(b.households), 0) from building_ever b
    join belonging p on p.kind = 'building' and p.code = b.code and p.since <= %(at)s and p.until > %(at)s
    where b.valid @> %(at)s and p.grid like %(of)s"""

# One after the other: a count, a move to another grid, a new house, one that goes, a grid that ends, a whole table.
CHANGES = [
    ("2026-06-01Z", "update building set households = 130 where code = 'b1'"),
    (
        "2026-07-01Z",
        "update building set geometry = st_translate(geometry, 0.0005, -0.001), households = 7 where code = 'b1'",
    ),
    ("2026-07-02Z", "insert into building (code, geometry, households) select 'b9', geometry, 11 from building where code = 'b2'"),
    ("2026-07-03Z", "delete from building where code = 'b3'"),
    ("2026-07-04Z", "update grid_version set valid = tstzrange(lower(valid), '2026-07-20Z') where grid like '320102003902%'"),
    ("2026-07-05Z", "update building set households = null where code = 'b2'"),
]  # fmt: skip


def change(service: Service, since: str, statement: str) -> None:
    with transaction(service.engine) as session:
        session.execute(text("select set_config('gridsvc.since', :since, true)"), {"since": since})
        session.execute(text(statement))
        if "grid_version" in statement:
            session.execute(
                text(statement.replace("grid_version", "community_version").replace("grid like", "community like"))
            )


def told(service: Service, path: str, at: datetime) -> dict[str, Any]:
    answer = service.client.get(
        f"/api/v1/{path}", params={"at": at.isoformat(), "limit": "1000"}, headers=service.as_("viewer")
    )
    assert answer.status_code == 200, answer.text
    return {one["code"]: (one.get("buildings"), one["households"]) for one in answer.json()["items"]}


@pytest.mark.parametrize("due", [False, True])
def test_counts_are_those_of_the_buildings_one_by_one_at_every_moment(service: Service, *, due: bool) -> None:
    for since, statement in CHANGES:
        change(service, since, statement)
    if due:
        with transaction(service.engine) as session:
            # What is due may be wrong in any way.
            session.execute(text("select derive_later('written', 'building', null)"))
            session.execute(text("update grid_tally set households = 1000000, buildings = 1000000"))
    seen = set()
    with psycopg.connect(conninfo(service.engine.url.render_as_string(hide_password=False))) as connection:
        for at in MOMENTS:
            for path in ("grids", "communities"):
                for code, (buildings, households) in told(service, path, at).items():
                    (count, expected) = connection.execute(ONE_BY_ONE, {"at": at, "of": f"{code}%"}).fetchone() or ()
                    assert (households, buildings or count) == (expected, count), (at, code)
                    seen.add((code, households))
    assert len({households for code, households in seen if code == JIA_1}) > 2
    assert len({households for code, households in seen if code == JIA_3}) > 1


@pytest.mark.parametrize("layer", [GRIDS, COMMUNITIES])
def test_no_building_is_looked_at(service: Service, layer: Any) -> None:
    with psycopg.connect(conninfo(service.engine.url.render_as_string(hide_password=False))) as connection:
        plan = connection.execute(
            f"explain (analyze, costs off, timing off, summary off) {item_sql(layer)}".encode(),
            {"key": JIA if layer is COMMUNITIES else JIA_1, "at": JUNE},
        ).fetchall()
        assert connection.execute(f"select {DUE}".encode()).fetchone() == (False,)
    lines = [row[0] for row in plan]
    asked = [line for line in lines if "grid_tally" in line]
    assert asked
    assert all("never executed" not in line for line in asked)
    assert all("never executed" in line for line in lines if "on building" in line or "on belonging" in line)
