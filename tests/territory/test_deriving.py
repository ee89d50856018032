"""A change of many rows is derived after it, by whoever comes, to exactly what the triggers would have made of it at once."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import psycopg
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gridsvc.app.jobs import KINDS
from gridsvc.app.main import create_app
from gridsvc.core.db import Database, conninfo, open_engine, transaction
from gridsvc.core.jobs.reading import read
from gridsvc.core.jobs.run import perform
from gridsvc.core.settings import Settings
from gridsvc.territory.deriving import STEPS, catch_up, due, look_for_due
from tests.app.test_commands import run
from tests.conftest import Town, copy_database

Connection = psycopg.Connection[Any]

FEW = "select set_config('gridsvc.derive_most', '0', false)"
KEPT = {
    "drawn": "select code, name, number, st_asewkt(geometry) from drawn.building order by 1",
    "counts": "select * from drawn.building_count where buildings > 0 order by 1, 2, 3",
    "streets": "select code, name, kind, from_zoom, st_asewkt(geometry) from drawn.street order by 1",
    "written": "select code, since::text, until::text, feature, grid, households, st_astext(geometry) from building_written order by code, since",
    "tally": "select grid, at::text, buildings, households from grid_tally where (buildings, households) <> (0, 0) order by 1, 2",
    "search": "select t.text, e.tail, e.kind, e.code, e.since::text, e.until::text, st_astext(e.place) from search_entry e"
    " join search_term t on t.id = e.term order by e.kind, e.code, t.text, e.tail, e.since",
    "keys": "select t.text, k.form, k.key from search_key k join search_term t on t.id = k.term order by 1, 2, 3",
}
SHAPES = """
    select c.oid::regclass::text, array(select pg_get_indexdef(indexrelid) from pg_index where indrelid = c.oid order by 1),
        array(select conname || pg_get_constraintdef(oid) from pg_constraint where conrelid = c.oid order by 1),
        array(select pg_get_triggerdef(oid) from pg_trigger where tgrelid = c.oid order by 1),
        array(select attname || format_type(atttypid, atttypmod) || attnotnull from pg_attribute
              where attrelid = c.oid and attnum > 0 order by attnum)
    from pg_class c where c.oid in ('drawn.building'::regclass, 'drawn.building_count'::regclass, 'drawn.street'::regclass,
        'building_written'::regclass, 'grid_tally'::regclass, 'search_entry'::regclass) order by 1"""
VIEW = "select pg_get_viewdef('search_seen'), reloptions from pg_class where oid = 'search_seen'::regclass"

# Whole tables, some of a table, and what the past, a redraw and a place without a grid make of it.
CHANGES = [
    """insert into building (code, name, number, address, geometry)
        select 'n' || n, '新楼' || n, n::text, '新路' || n || '号', st_translate(geometry, n * 0.0001, 0)
        from building, generate_series(1, 40) n where code = 'b1'""",
    """insert into building (code, number, geometry)
        select 'n' || n, n::text, geometry from building, generate_series(1, 3) n where code = 'b1'""",
    "update building set name = '改名楼', geometry = st_translate(geometry, 0.0002, 0)",
    "update building set geometry = st_translate(geometry, 1, 1)",
    "delete from building",
    "delete from building where code in (select code from building order by code limit 3)",
    "truncate building",
    "update street set name = '改名路', geometry = st_translate(geometry, 0.0002, 0)",
    """insert into street (code, name, kind, length_m, geometry)
        select 'y' || n, '新街' || n, 'residential', 10, geometry
        from (select * from street limit 1) s, generate_series(1, 30) n""",
    "delete from street",
    """insert into asset (code, class, name, geometry)
        select 'x' || n, '0101', '路灯' || n, st_pointonsurface(geometry)
        from building, generate_series(1, 3) n where code = 'b1'""",
]


@pytest.fixture
def pair(town: Town) -> Iterator[tuple[Connection, Connection]]:
    """Give two equal towns."""
    with (
        psycopg.connect(conninfo(copy_database(town.url)), autocommit=True) as one,
        psycopg.connect(conninfo(copy_database(town.url)), autocommit=True) as other,
    ):
        yield one, other


@pytest.fixture
def engine(town: Town) -> Iterator[Engine]:
    """Give a town of the test's own, in which a statement of more than two rows is a large one."""
    url = copy_database(town.url)
    name = open_engine(url).url.database
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute(f"alter database {name} set gridsvc.derive_most = 2".encode())
    engine = open_engine(url)
    yield engine
    engine.dispose()


def kept(connection: Connection) -> dict[str, list[Any]]:
    return {name: connection.execute(query.encode()).fetchall() for name, query in KEPT.items()}


def is_due(connection: Connection) -> set[str]:
    return {row[0] for row in connection.execute("select distinct derived from derive_due")}


def derive(connection: Connection) -> None:
    for one in STEPS:
        connection.execute("select derive_due_now(%s)", [one])


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_derived_later_is_what_would_have_been_derived_at_once(
    pair: tuple[Connection, Connection], change: str
) -> None:
    once, later = pair
    # Things have a past, and changes one after the other.
    for connection in pair:
        connection.execute("select set_config('gridsvc.since', '2026-03-01Z', false)")
        connection.execute("update building set name = '旧名' where code = 'b2'")
        connection.execute("select set_config('gridsvc.since', '2026-05-01Z', false)")
    later.execute(FEW)
    before = kept(later)
    assert before == kept(once)
    shapes, view = later.execute(SHAPES).fetchall(), later.execute(VIEW).fetchall()
    for connection in pair:
        connection.execute(change.encode())
    assert is_due(later)
    derive(later)
    derive(once)
    assert is_due(later) == set()
    assert kept(later) == kept(once)
    assert kept(later) != before
    assert later.execute(SHAPES).fetchall() == shapes
    assert later.execute(VIEW).fetchall() == view


def test_a_small_change_is_derived_in_its_own_transaction(session: Session) -> None:
    session.execute(text("update building set name = '小楼' where code = 'b1'"))
    assert due(session) == []
    assert session.scalar(text("select name from drawn.building where code = 'b1'")) == "小楼"
    written = session.scalars(text("select feature from building_written where code = 'b1'")).all()
    assert any('"小楼"' in one for one in written)


def test_what_is_taken_back_leaves_nothing_due(engine: Engine) -> None:
    with psycopg.connect(conninfo(engine.url.render_as_string(hide_password=False))) as connection:
        connection.execute("update building set name = '大改'")
        assert is_due(connection) == {"drawn", "written", "search"}
        connection.rollback()
        assert is_due(connection) == set()


def test_a_change_while_it_is_derived_waits_for_nobody_and_is_not_lost(engine: Engine) -> None:
    url = conninfo(engine.url.render_as_string(hide_password=False))
    with psycopg.connect(url) as deriver, psycopg.connect(url, autocommit=True) as writer:
        writer.execute("update building set name = '大改'")
        writer.execute("set statement_timeout = '5s'")
        derive(deriver)
        # Not committed yet: what changes now is noted.
        writer.execute("update building set name = '后改' where code = 'b1'")
        deriver.commit()
        assert is_due(writer) == {"drawn", "written", "search"}
        derive(writer)
        writer.execute("select set_config('gridsvc.derive_most', '1000', false)")
        found = kept(writer)
        assert [row[1] for row in found["drawn"] if row[0] == "b1"] == ["后改"]
        assert [row for row in found["search"] if row[0] == "后改"]
        # All of it as the triggers make it.
        writer.execute("update building set name = name || '一'")
        writer.execute("update building set name = '大改' where code <> 'b1'")
        writer.execute("update building set name = '后改' where code = 'b1'")
        assert kept(writer)["drawn"] == found["drawn"]
        assert kept(writer)["counts"] == found["counts"]


def test_who_derives_waits_for_changes_that_are_derived_at_once(engine: Engine) -> None:
    url = conninfo(engine.url.render_as_string(hide_password=False))
    with psycopg.connect(url) as writer, psycopg.connect(url, autocommit=True) as other:
        other.execute("update building set name = '大改'")
        writer.execute("update street set name = '小改' where code = (select min(code) from street)")
        waiting = threading.Thread(target=derive, args=(other,))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        writer.commit()
        waiting.join(30)
        assert not waiting.is_alive()
        assert [row for row in kept(other)["search"] if row[0] == "小改"]
        assert is_due(other) == set()


def test_a_transaction_that_does_not_see_what_others_commit_is_refused(engine: Engine) -> None:
    url = conninfo(engine.url.render_as_string(hide_password=False))
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.RaiseException, match="read committed"):
            connection.execute("select derive_due_now('drawn')")


def test_features_are_right_while_they_are_due_and_readiness_tells(town: Town) -> None:
    database = Database.at(copy_database(town.url), Settings(pool_size=2))
    header = {"Authorization": f"Bearer {town.tokens['viewer']}"}
    with TestClient(create_app(database, Settings())) as client:
        asked = "/ogc/collections/buildings/items?limit=1000"
        with psycopg.connect(conninfo(database.engine.url.render_as_string(hide_password=False))) as connection:
            connection.execute(FEW)
            connection.execute("update building set name = '大改'")
            connection.execute("delete from building_written where code = 'b2'")
        tile = client.get("/tiles/buildings.json", headers=header)
        assert tile.status_code == 200
        assert client.get("/readyz").json()["catching_up"] == ["drawn", "search", "written"]
        during = client.get(asked, headers=header).json()["features"]
        assert {one["properties"]["name"] for one in during} == {"大改"}
        catch_up(database.engine, lambda *_: None)
        assert client.get("/readyz").json()["catching_up"] == []
        assert client.get(asked, headers=header).json()["features"] == during


def test_tiles_have_a_new_version_when_they_are_drawn(engine: Engine) -> None:
    version = "select bit_xor(mark) from drawn.change where layer = 'building'"
    with psycopg.connect(conninfo(engine.url.render_as_string(hide_password=False)), autocommit=True) as connection:
        connection.execute("update building set name = '大改'")
        changed = connection.execute(version.encode()).fetchone()
        catch_up(engine, lambda *_: None)
        assert connection.execute(version.encode()).fetchone() != changed


def write_houses(path: Path, count: int) -> Path:
    shapes = [shapely.box(118.9 + n * 0.0002, 32.2, 118.9001 + n * 0.0002, 32.2001) for n in range(count)]
    codes = [f"h{n}" for n in range(count)]
    gpd.GeoDataFrame({"code": codes, "name": [f"新楼{n}" for n in range(count)]}, geometry=shapes, crs=4326).to_file(
        path
    )
    return path


def test_the_command_catches_up_by_itself_or_leaves_it_to_a_worker(engine: Engine, tmp_path: Path) -> None:
    url = engine.url.render_as_string(hide_password=False)
    for arguments, left in (([], []), (["--later"], list(STEPS))):
        file = write_houses(tmp_path / f"houses{len(left)}.geojson", 4 + len(left))
        done = run("import", "buildings", str(file), *arguments, GRIDSVC_DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        assert ("the map and search catch up" in done.stderr) == (not left)
        with transaction(engine) as session:
            assert due(session) == left


def test_a_worker_is_asked_by_the_import_or_by_the_clock_and_does_it(engine: Engine) -> None:
    with psycopg.connect(conninfo(engine.url.render_as_string(hide_password=False)), autocommit=True) as connection:
        connection.execute("update building set name = '大改'")
        look_for_due(engine)
        look_for_due(engine)
        jobs = [row[0] for row in connection.execute("select id from job where kind = 'derive' order by id")]
        assert len(jobs) == len(STEPS)
        for job in jobs:
            perform(engine, KINDS, job, lambda: False)
        with transaction(engine) as session:
            assert [read(session, job)["state"] for job in jobs] == ["done"] * len(STEPS)
            assert due(session) == []
        names = {row[1] for row in kept(connection)["drawn"]}
    assert names == {"大改"}
