"""The sheet tells what is really held: no column with room for a person is missing from it, and it follows the settings."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from gridsvc.access.permissions import PERMISSIONS
from gridsvc.core.settings import Settings
from gridsvc.privacy.inventory import HELD, ON_THINGS
from gridsvc.privacy.living import read_live
from gridsvc.privacy.retention import KINDS, retain
from gridsvc.privacy.sheet import KEPT, Language, sheet
from tests.conftest import Service
from tests.incidents.contact.test_contact import PHONE, ask, left

# Numbers, moments and yes or no tell nothing of a person by themselves; what they belong to is listed.
ROOMY = """
    select case t.table_schema when 'public' then '' else t.table_schema || '.' end || t.table_name, c.column_name
    from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
    where t.table_type = 'BASE TABLE' and t.table_schema not in ('pg_catalog', 'information_schema')
        and t.table_name not like 'procrastinate%' and t.table_name not in ('alembic_version', 'spatial_ref_sys')
        and (c.data_type not in ('bigint', 'integer', 'smallint', 'double precision', 'boolean', 'date', 'interval',
                'timestamp with time zone') and c.udt_name <> 'tstzrange'
            or c.column_name in ('account', 'worker'))"""
"""Every column with room for words, bytes or a place, and every one that leads to a person."""


def roomy(engine: Engine) -> set[tuple[str, str]]:
    """List the columns of the real schema that have room for something about a person."""
    with engine.connect() as connection:
        return {(row[0], row[1]) for row in connection.execute(text(ROOMY))}


def classed() -> set[tuple[str, str]]:
    """List the columns that are said to hold something about a person, or about things."""
    held = {(one.table, name) for one in HELD for name in one.names}
    return held | {(table, name) for table, names in ON_THINGS.items() for name in names.split()}


def test_every_column_with_room_for_a_person_is_listed_and_none_that_is_not_there(empty_engine: Engine) -> None:
    real = roomy(empty_engine)
    assert len(real) > 200
    assert real - classed() == set(), "say in privacy/inventory.py what these hold"
    assert classed() - real == set(), "these are gone"


def test_no_column_is_both_on_a_person_and_on_things() -> None:
    held = [(one.table, name) for one in HELD for name in one.names]
    assert len(held) == len(set(held))
    things = {(table, name) for table, names in ON_THINGS.items() for name in names.split()}
    assert things & set(held) == set()


@pytest.mark.parametrize(
    "statement",
    [
        "alter table building add column remark text",
        "alter table worker add column second_phone text",
        "alter table incident add column reporter jsonb",
        "create table track (worker text, place geometry(Point, 4326))",
        "alter table route add column account bigint",
    ],
)
def test_a_column_that_is_planted_is_found(empty_engine: Engine, statement: str) -> None:
    with empty_engine.begin() as connection:
        connection.execute(text(statement))
    assert roomy(empty_engine) - classed() != set()


def test_what_the_table_names_is_there() -> None:
    kinds = {kind.name for kind in KINDS}
    for one in HELD:
        assert one.keep in kinds | set(KEPT), one
        assert set(one.readers) <= set(PERMISSIONS), one
    # What goes by age is on the sheet, and a kind of retention nobody is told of is none.
    assert {one.keep for one in HELD} >= kinds


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("# Privacy impact sheet", "to call back about this report", "180 days (at most 365)", "never run")),
        ("zh", ("# 个人信息保护影响评估表", "仅用于就本次上报回访", "180 天（上限 365 天）", "尚未执行")),
    ],
)
def test_the_sheet_is_written_in_both_languages(service: Service, language: Language, words: tuple[str, ...]) -> None:
    left(service)
    written = sheet(read_live(service.engine, Settings(), datetime.now(UTC)), language)
    for word in words:
        assert word in written
    rows = [line for line in written.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {9}
    assert PHONE not in written
    (contact,) = [line for line in rows if "`incident_contact`" in line]
    assert "dispatcher, intake, supervisor" in contact
    assert "| 1 |" in contact
    assert "AES-256-GCM" in contact


def test_the_sheet_follows_the_settings_and_the_last_run(service: Service) -> None:
    ask(service, left(service))
    chosen = Settings(contact_days=30, second_factor="required", webhook_hosts="hooks.office")
    retain(service.engine, datetime.now(UTC), chosen, actor="x")
    written = sheet(read_live(service.engine, chosen, datetime.now(UTC)), "en")
    for word in ("30 days (at most 365)", "`required`", "hooks.office", "(1 times so far)", "| contact | 30 | 0 | 0 |"):
        assert word in written
    assert "never run" not in written


def test_who_may_read_is_read_from_the_permission_table(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PERMISSIONS, "contact.reveal", frozenset({"viewer"}))
    written = sheet(read_live(service.engine, Settings(), datetime.now(UTC)), "en")
    (contact,) = [line for line in written.splitlines() if "`incident_contact`" in line]
    assert "| viewer |" in contact
    assert "intake" not in contact
