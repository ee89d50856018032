"""What tiles draw follows the truth, whoever writes it and however; and nobody waits for it."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.town import JIA_1

BUILDINGS_DIFFER = """
    select count(*) from building b full join drawn.building d using (code)
    where (b.name, b.number) is distinct from (d.name, d.number)
       or not coalesce(st_equals(d.geometry, st_transform(b.geometry, 3857)), false)"""
COUNTS_DIFFER = """
    with truth as (
        select level, drawn.column_of(st_x(point), level) as x, drawn.row_of(st_y(point), level) as y, count(*) as n
        from building, generate_series(14, 18) level group by 1, 2, 3
    )
    select count(*) from truth t full join (select * from drawn.building_count where buildings > 0) c using (level, x, y)
    where t.n is distinct from c.buildings"""
STREETS_DIFFER = """
    select count(*) from street s full join drawn.street d using (code)
    where (s.name, s.kind) is distinct from (d.name, d.kind)
       or not coalesce(st_equals(d.geometry, st_transform(s.geometry, 3857)), false)"""
GRIDS_DIFFER = """
    select count(*) from grid_version v full join drawn.grid d on d.code = v.grid and d.version = v.version
    where (v.name, v.kind, v.valid) is distinct from (d.name, d.kind, d.valid)
       or not coalesce(st_equals(d.geometry, st_transform(v.geometry, 3857)), false)"""

NEW_HOUSE = (
    "insert into building (code, number, geometry) values ('n1', '9',"
    " 'SRID=4326;MULTIPOLYGON(((118.7801 32.0411,118.7803 32.0411,118.7803 32.0413,118.7801 32.0411)))')"
)


@pytest.mark.parametrize(
    "statement",
    [
        "select 1",
        NEW_HOUSE,
        f"{NEW_HOUSE} on conflict (code) do nothing",
        f"{NEW_HOUSE.replace('n1', 'b1')} on conflict (code) do update set geometry = excluded.geometry, number = '9'",
        "update building set name = 'another' where code = 'b1'",
        "update building set households = 1",
        "update building set geometry = st_translate(geometry, 0.01, 0.02)",
        "update building set code = code || 'x'",
        "delete from building where code in ('b1', 'b2')",
        "truncate building",
        "update street set kind = 'footway', geometry = st_translate(geometry, 0.01, 0)",
        "insert into street (code, kind, length_m, geometry) select 'n', kind, 1, geometry from street",
        "delete from street",
        "truncate street",
        (f"update grid_version set valid = tstzrange(lower(valid), now() + interval '1 day') where grid = '{JIA_1}'"),
        (
            "with closed as (update grid_version set valid = tstzrange(lower(valid), now() + interval '1 day')"
            f" where grid = '{JIA_1}' returning *) insert into grid_version select grid, 2, 'new', kind,"
            " tstzrange(now() + interval '1 day', null), area_m2, geometry from closed"
        ),
    ],
)
def test_what_is_drawn_follows_every_way_of_writing(session: Session, statement: str) -> None:
    # The partition is not the story here: its proof would come at the end, and there is none.
    session.execute(text("set constraints all deferred"))
    session.execute(text(statement))
    for differ in (BUILDINGS_DIFFER, COUNTS_DIFFER, STREETS_DIFFER, GRIDS_DIFFER):
        assert session.scalar(text(differ)) == 0, differ


def version(session: Session, table: str) -> int:
    return (
        session.scalar(text("select coalesce(bit_xor(mark), 0) from drawn.change where layer = :t"), {"t": table}) or 0
    )


def test_a_transaction_leaves_one_mark_and_a_savepoint_taken_back_leaves_none(session: Session) -> None:
    marks = text("select count(*) from drawn.change where layer = 'asset'")
    before = session.scalar(marks)
    assert before is not None
    with session.begin_nested() as savepoint:
        session.execute(text("update asset set state = 'broken'"))
        assert session.scalar(marks) == before + 1
        savepoint.rollback()
    assert session.scalar(marks) == before
    for state in ("broken", "missing"):
        session.execute(text("update asset set state = :s"), {"s": state})
    assert session.scalar(marks) == before + 1


def test_writers_do_not_wait_for_each_other_and_a_change_is_seen_with_its_version(empty_engine: Engine) -> None:
    asset = "insert into asset (code, class, geometry) values (:code, 'asset:1', 'SRID=4326;POINT(118 32)')"
    with Session(empty_engine) as one, Session(empty_engine) as two, Session(empty_engine) as reader:
        begun = version(reader, "asset")
        reader.commit()
        one.execute(text("set local lock_timeout = '2s'"))
        two.execute(text("set local lock_timeout = '2s'"))
        one.execute(text(asset), {"code": "a"})
        two.execute(text(asset), {"code": "b"})
        assert version(reader, "asset") == begun
        reader.commit()
        two.commit()
        after_two = version(reader, "asset")
        reader.commit()
        one.commit()
        # The one that began first ends last, and is seen all the same.
        assert len({begun, after_two, version(reader, "asset")}) == 3


def test_folding_passes_over_what_another_is_folding(empty_engine: Engine) -> None:
    with empty_engine.begin() as connection:
        connection.execute(text("insert into drawn.change select 'asset', n from generate_series(1, 5) n"))
    with Session(empty_engine) as one, Session(empty_engine) as two:
        one.execute(text("select drawn.fold_changes()"))
        two.execute(text("set local lock_timeout = '2s'"))
        two.execute(text("select drawn.fold_changes()"))
        assert version(two, "asset") == 1 ^ 2 ^ 3 ^ 4 ^ 5
        two.commit()
        one.commit()
        assert version(two, "asset") == 1 ^ 2 ^ 3 ^ 4 ^ 5
        assert two.scalar(text("select count(*) from drawn.change where layer = 'asset'")) == 1
