"""The town with something of everything on both sides, and the ways in which the role that serves looks at it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.core.db import SEE, conninfo, open_engine, transaction
from tests.conftest import Town, copy_database, served
from tests.town import JIA, JIA_1, PASSWORD, RUBBISH, YI, YI_1

SIDES = {"jia": (JIA, JIA_1, "b1"), "yi": (YI, YI_1, "b4")}
"""Who looks, and the community, grid and building that are theirs."""


@dataclass(frozen=True)
class Wall:
    """A database with both sides in it, as its owner and as the role that serves come to it."""

    url: str

    @contextmanager
    def owner(self) -> Iterator["psycopg.Connection[Any]"]:
        """Look as the owner, in one transaction that is taken back."""
        with psycopg.connect(conninfo(self.url)) as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def as_(self, who: str) -> Iterator["psycopg.Connection[Any]"]:
        """Look as the role that serves, for one side, for `all`, or for `nobody`, in a transaction that is taken back."""
        with psycopg.connect(conninfo(served(self.url))) as connection:
            see(connection, who)
            yield connection
            connection.rollback()


def see(connection: "psycopg.Connection[Any]", who: str) -> None:
    """Say for whom a transaction is."""
    if who != "nobody":
        connection.execute(SEE, (SIDES[who][0] if who in SIDES else "all", who))


def rows_of(connection: "psycopg.Connection[Any]", table: str) -> set[str]:
    """Give every row of a table that is seen, without any condition."""
    named = sql.SQL(".").join(map(sql.Identifier, table.split(".")))
    return {
        json.dumps(row[0], sort_keys=True)
        for row in connection.execute(sql.SQL("select to_jsonb(t) from {} t").format(named))
    }


@pytest.fixture(scope="module")
def wall(town: Town) -> Wall:
    """Give the town with something of everything on both sides."""
    url = copy_database(town.url)
    engine = open_engine(url)
    with transaction(engine) as session:
        for who, (community, grid, building) in SIDES.items():
            _furnish(session, who, community, grid, building)
        session.execute(text("insert into webhook (url, secret, created_by) values ('http://h/', 'x', 'admin')"))
        session.execute(
            text("insert into event (actor, kind, subject) values ('admin', 'incident.filed', 'incident:0')")
        )
        begun = "insert into sign_in_attempt (state, browser, sealed, expires_at) values ('x', 'x', 'x', now())"
        session.execute(text(begun))
        session.execute(text("insert into sign_in_failure (subject, at) values ('x', now())"))
    engine.dispose()
    return Wall(url)


def _furnish(session: Session, who: str, community: str, grid: str, building: str) -> None:
    account = add_account(session, who, "dispatcher", PASSWORD, actor="test", codes=[community])
    issue_token(session, account, "test", actor="test")
    given = {
        "who": who,
        "community": community,
        "grid": grid,
        "building": building,
        "account": account.id,
        "class": RUBBISH,
    }
    for statement in FURNITURE.split(";"):
        session.execute(text(statement), given)


FURNITURE = """
    insert into recovery_code (account, hash) values (:account, 'x');
    insert into identity (account, issuer, subject) values (:account, 'https://id.example', :who);
    update building set levels = 7 where code = :building;
    insert into asset (code, class, geometry)
        select 'lamp-' || :who, 'asset:01037', st_pointonsurface(geometry) from grid_version where grid = :grid;
    update asset set state = 'broken' where code = 'lamp-' || :who;
    insert into route (id, name, grid, length_m, geometry)
        select 'route-' || :who, :who, :grid, 1,
            st_multi(st_makeline(st_pointonsurface(geometry), st_startpoint(st_exteriorring(geometry))))
        from grid_version where grid = :grid;
    insert into checkpoint (route, position, name, geometry)
        select 'route-' || :who, 1, :who, st_pointonsurface(geometry) from grid_version where grid = :grid;
    insert into lineage (at, kind, to_grid, to_version, area_share, building_share, household_share)
        values (now(), 'create', :grid, 1, 1, 1, 1);
    insert into incident (number, catalogue, class, condition, status, source, rule, community, grid, grid_version,
            reported_at, geometry)
        select '20260601-' || :who, 'town', :class, '01', 'reported', 'public', 'inside', :community, :grid, 1, now(),
            st_pointonsurface(geometry) from grid_version where grid = :grid;
    insert into incident_step (incident, number, action, actor, role, at, after)
        select id, 1, 'report', 'admin', 'admin', now(), 'reported' from incident where number = '20260601-' || :who;
    insert into incident_warning (incident, kind, due_at, at, roles)
        select id, 'warning', now(), now(), '{}' from incident where number = '20260601-' || :who;
    insert into incident_photo (incident, sha256, stored, thumbnail, width, height, by)
        select id, repeat('a', 64), 'x', 'x', 1, 1, 'admin' from incident where number = '20260601-' || :who;
    insert into incident_contact (incident, sealed) select id, 'x' from incident where number = '20260601-' || :who;
    insert into consent (account, version, agreed) values (:account, '1', true);
    insert into event (actor, kind, subject, community, grid)
        values ('admin', 'incident.filed', 'incident:1', :community, :grid);
    insert into job (kind, actor, arguments) values ('import', :who, '{}');
    insert into job_file (job, number, bytes) select id, 1, 'x' from job where actor = :who;
    insert into idempotency (actor, key, body_hash, status, answer) values (:who, 'k', 'x', 200, '{}')"""
