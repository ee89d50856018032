"""The matrix itself can fail: with any one permission check gone, and with any one table no longer kept apart, it does."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from gridsvc.access import guard
from gridsvc.access.guard import Caller
from gridsvc.access.permissions import ROLES
from gridsvc.core.db import conninfo
from tests.access.matrix.cells import WHO_MAY, Cell, cells_of, fault
from tests.access.matrix.ground import Ground
from tests.access.matrix.operations import OPERATIONS

CHECKED = sorted(label for label, one in OPERATIONS.items() if one.verb)
OFFICE = sorted(label for label, one in OPERATIONS.items() if one.kind == "office")

ELSEWHERE = {
    # No address tells their rows: of accounts, of those who sign in, of what is sent twice.
    *("account", "credential", "recovery_code", "sign_in_failure", "consent", "idempotency", "job_file"),
    *("identity", "sign_in_attempt"),
    # Whatever tells their rows has found the thing they belong to first, in a table that is kept apart itself.
    *("checkpoint", "lineage", "incident_contact", "incident_warning", "webhook_delivery", "community", "grid_tally"),
    *("search_entry", "asset_past", "building_past"),
    # The endpoint's own condition holds before: one's own jobs, and what concerns the whole office.
    *("job", "webhook", "drawn.building_count"),
}
"""Tables whose opening no answer tells, because another wall stands before them; tests/access/rows opens each by itself."""


@pytest.mark.parametrize("label", CHECKED)
def test_it_is_noticed_when_an_operation_no_longer_asks_who_may(
    label: str, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Caller, "may", lambda *_: True)
    denied = [
        one for one in cells_of(label) if one.asker in ("scoped", "onlooker") or one.asker not in WHO_MAY[_verb(label)]
    ]
    assert any(fault(ground, cell) for cell in denied)


@pytest.mark.parametrize("label", OFFICE)
def test_it_is_noticed_when_what_concerns_the_office_is_for_anybody(
    label: str, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "refuse_unless_everywhere", lambda *_: None)
    assert any(fault(ground, cell) for cell in cells_of(label))


def test_it_is_noticed_when_any_one_table_is_no_longer_kept_apart(ground: Ground) -> None:
    asked = [Cell(label, _reader(label), "sibling") for label in READS]
    assert [wrong for cell in asked if (wrong := fault(ground, cell))] == []
    unnoticed = set()
    for table in _kept_apart(ground):
        with _opened(ground, table):
            if not any(fault(ground, cell) for cell in asked):
                unnoticed.add(table)
    assert unnoticed == ELSEWHERE


READS = sorted(label for label, one in OPERATIONS.items() if label.startswith("GET ") and one.is_aimed and one.verb)


def _verb(label: str) -> str:
    return str(OPERATIONS[label].verb)


def _reader(label: str) -> str:
    """Name the first role that may ask."""
    return next(role for role in ROLES if role in WHO_MAY[_verb(label)])


def _kept_apart(ground: Ground) -> list[str]:
    with psycopg.connect(_address(ground)) as connection:
        rows = connection.execute("select distinct schemaname || '.' || tablename from pg_policies order by 1")
        return [str(table).removeprefix("public.") for (table,) in rows]


@contextmanager
def _opened(ground: Ground, table: str) -> Iterator[None]:
    """Let everybody see every row of a table meanwhile."""
    named = sql.SQL(".").join(map(sql.Identifier, table.split(".")))
    with psycopg.connect(_address(ground), autocommit=True) as connection:
        connection.execute(sql.SQL("alter table {} disable row level security").format(named))
        try:
            yield
        finally:
            connection.execute(sql.SQL("alter table {} enable row level security").format(named))


def _address(ground: Ground) -> str:
    return conninfo(ground.engine.url.render_as_string(hide_password=False))
