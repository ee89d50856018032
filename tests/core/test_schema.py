"""The schema that migrations make is the one the models describe, and everything in it keeps the house's promises."""

from importlib import import_module

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gridsvc.core.db import Base
from gridsvc.core.schema import migrate, schema_step
from tests.town import JIA_1

DOMAINS = ("core.jobs", "access", "access.audit", "access.consent", "territory", "workforce", "patrol", "incidents")
NOT_OURS = {"spatial_ref_sys", "alembic_version"}


def test_the_migrated_schema_is_the_one_the_models_describe(empty_engine: Engine) -> None:
    for domain in DOMAINS:
        import_module(f"gridsvc.{domain}.tables")
    with empty_engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda _o, name, _k, _r, _c: (
                    name not in NOT_OURS and not str(name).startswith("procrastinate_")
                )
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(empty_engine: Engine) -> None:
    before = schema_step(empty_engine)
    migrate(empty_engine)
    assert schema_step(empty_engine) == before
    assert before[0] == before[1]


def test_every_geometry_is_typed_in_4326_and_indexed(empty_engine: Engine) -> None:
    with empty_engine.connect() as connection:
        columns = connection.execute(
            text(
                "select f_table_name, f_geometry_column, type, srid from geometry_columns"
                # A view has the indexes of its tables, and what tiles draw is a copy in their own projection.
                " where f_table_name in (select tablename from pg_tables) and f_table_schema = 'public'"
            )
        ).all()
        indexed = connection.execute(
            text("select tablename, indexdef from pg_indexes where indexdef like '%USING gist%'")
        ).all()
    assert len(columns) >= 10
    for table, column, kind, srid in columns:
        assert srid == 4326, (table, column)
        assert kind != "GEOMETRY", (table, column)
        assert any(name == table and f"gist ({column})" in definition for name, definition in indexed), (table, column)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            (
                "insert into post (grid, worker, role, valid)"
                f" values ('{JIA_1}', 'W2', 'responsible', tstzrange('2026-06-01Z', null))"
            ),
            "ex_post_responsible",
        ),
        (
            (
                "insert into grid_version select grid, 2, name, kind, tstzrange('2026-06-01Z', null), area_m2, geometry"
                f" from grid_version where grid = '{JIA_1}'"
            ),
            "ex_grid_version_valid",
        ),
        (
            "update building set geometry = 'SRID=4326;MULTIPOLYGON(((0 0,1 1,1 0,0 1,0 0)))' where code = 'b1'",
            "ck_building_geometry",
        ),
        ("insert into grid (code) values ('12')", "ck_grid_code"),
        ("insert into grid (code) values ('999999999999001')", "fk_grid_community"),
    ],
)
def test_the_database_itself_refuses_what_must_not_be(session: Session, statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [(116.3, 40.0, 4548), (118.78, 32.04, 4549), (75.0, 39.0, 4534), (135.0, 48.0, 4554), (7.42, 43.73, 32632)],
)
def test_a_place_is_measured_in_its_own_zone(session: Session, lon: float, lat: float, code: int) -> None:
    assert session.scalar(text("select metric_srid(:lon, :lat)"), {"lon": lon, "lat": lat}) == code
