"""The queue's schema: the one its installed version wants, however a database came to it."""

from typing import Any, cast

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from gridsvc.core.cluster import Cluster
from gridsvc.core.db import conninfo
from gridsvc.core.jobs.carry import QUEUE_STEP, carry_queue, missing_steps, shipped_steps

SCHEMA = {
    "columns": "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns"
    " where table_name like 'procrastinate%'",
    "functions": "select pg_get_functiondef(oid) from pg_proc where proname like 'procrastinate%'",
    "triggers": "select pg_get_triggerdef(oid) from pg_trigger where tgname like 'procrastinate%'",
    "indexes": "select indexdef from pg_indexes where tablename like 'procrastinate%'",
    "constraints": "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint"
    " where conrelid::regclass::text like 'procrastinate%'",
    "values": "select enumtypid::regtype::text, enumlabel from pg_enum where enumtypid::regtype::text like 'procrastinate%'",
}


def schema_of(url: str) -> dict[str, list[Any]]:
    with psycopg.connect(conninfo(url)) as connection:
        return {name: sorted(connection.execute(cast("Any", query)).fetchall()) for name, query in SCHEMA.items()}


def empty_database(cluster: Cluster, name: str) -> str:
    url = make_url(cluster.url)
    admin = url.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(conninfo(admin), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return url.set(database=name).render_as_string(hide_password=False)


def test_the_migrations_lay_the_schema_of_the_installed_version(cluster: Cluster, empty_engine: Engine) -> None:
    fresh = empty_database(cluster, "queue_fresh")
    with psycopg.connect(conninfo(fresh)) as connection:
        connection.execute(SchemaManager.get_schema())
    laid = schema_of(empty_engine.url.render_as_string(hide_password=False))
    assert laid == schema_of(fresh)
    assert len(laid["functions"]) >= 10


def test_a_new_version_of_the_queue_comes_with_a_step_of_ours(empty_engine: Engine) -> None:
    newest = max(shipped_steps())
    assert newest == QUEUE_STEP, f"write a migration that calls carry_queue, and set QUEUE_STEP to {newest}"
    with empty_engine.connect() as connection:
        assert connection.scalar(text("select obj_description('procrastinate_jobs'::regclass, 'pg_class')")) == newest


def test_a_database_with_an_older_queue_is_brought_to_the_same_schema(cluster: Cluster, empty_engine: Engine) -> None:
    old = empty_database(cluster, "queue_old")
    steps = shipped_steps()
    before = "03.00.00_50_post_cancel_notification"
    assert before in steps
    with psycopg.connect(conninfo(old), autocommit=True) as connection:
        for step in sorted(steps):
            if step <= before:
                connection.execute(steps[step].encode())
        connection.execute(sql.SQL("comment on table procrastinate_jobs is {}").format(sql.Literal(before)))
        connection.execute("insert into procrastinate_jobs (queue_name, task_name) values ('jobs', 'kept')")
    with psycopg.connect(conninfo(old)) as connection:
        carry_queue(connection.cursor())
        carry_queue(connection.cursor())
        assert connection.execute("select task_name from procrastinate_jobs").fetchall() == [("kept",)]
    new = schema_of(empty_engine.url.render_as_string(hide_password=False))
    carried = schema_of(old)
    assert {name: carried[name] for name in ("functions", "triggers", "values")} == {
        name: new[name] for name in ("functions", "triggers", "values")
    }
    assert {row[:3] for row in carried["columns"]} == {row[:3] for row in new["columns"]}


def test_only_later_steps_are_missing() -> None:
    shipped = ["03.04.00_01_b", "03.04.00_50_c", "02.00.00_01_a"]
    assert missing_steps("03.04.00_01_b", shipped) == ["03.04.00_50_c"]
    assert missing_steps("03.04.00_50_c", shipped) == []
