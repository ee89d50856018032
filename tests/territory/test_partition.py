"""The promise of the ground, kept by the database itself: no direct statement can break the partition or the past."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.town import JIA, JIA_1, JIA_2, STREET, YI, YI_1, rectangle


def reopen(session: Session, grid: str, shape: str) -> None:
    """Close a grid's version and open the next with another shape, as a careless hand would."""
    session.execute(
        text("update grid_version set valid = tstzrange(lower(valid), '2026-06-01Z') where grid = :grid"),
        {"grid": grid},
    )
    session.execute(
        text(
            "insert into grid_version select grid, 2, name, kind, tstzrange('2026-06-01Z', null), area_m2,"
            " st_geomfromtext(:shape, 4326) from grid_version where grid = :grid"
        ),
        {"grid": grid, "shape": shape},
    )


@pytest.mark.parametrize(
    ("grid", "shape", "said"),
    [
        (JIA_1, rectangle(0, 1, 0.75, 1).wkt, "do not fill it exactly"),  # a gap
        (JIA_1, rectangle(0, 1, 1.25, 1).wkt, "overlap"),
        (YI_1, rectangle(2, 0.75, 1, 1.25).wkt, "do not fill it exactly"),  # sticks out
        (JIA_1, rectangle(2, 0, 1, 1).wkt, "do not fill it exactly"),  # lies elsewhere
    ],
)
def test_a_direct_statement_cannot_break_the_partition(session: Session, grid: str, shape: str, said: str) -> None:
    reopen(session, grid, shape)
    with pytest.raises(IntegrityError, match=said):
        session.execute(text("set constraints all immediate"))


def test_a_grid_cannot_simply_end(session: Session) -> None:
    session.execute(
        text("update grid_version set valid = tstzrange(lower(valid), '2026-06-01Z') where grid = :grid"),
        {"grid": JIA_2},
    )
    with pytest.raises(IntegrityError, match="do not fill it exactly"):
        session.execute(text("set constraints all immediate"))


def test_the_last_grid_of_a_community_cannot_end_while_the_community_stands(session: Session) -> None:
    session.execute(
        text("update grid_version set valid = tstzrange(lower(valid), '2026-06-01Z') where left(grid, 12) = :code"),
        {"code": JIA},
    )
    with pytest.raises(IntegrityError, match="left without a grid"), session.begin_nested():
        session.execute(text("set constraints all immediate"))
    session.execute(
        text("update community_version set valid = tstzrange(lower(valid), '2026-06-01Z') where community = :code"),
        {"code": JIA},
    )
    session.execute(text("set constraints all immediate"))


def test_a_community_cannot_change_its_outline_away_from_its_grids(session: Session) -> None:
    session.execute(
        text("update community_version set valid = tstzrange(lower(valid), '2026-06-01Z') where community = :code"),
        {"code": JIA},
    )
    with pytest.raises(IntegrityError, match="no boundary"):
        session.execute(text("set constraints all immediate"))


def test_a_community_cannot_leave_its_street_with_a_gap(session: Session) -> None:
    ground = rectangle(0, 0, 2, 2).union(rectangle(2, 1, 2, 1)).wkt
    session.execute(
        text("update division set geometry = st_multi(st_geomfromtext(:ground, 4326)) where code = :code"),
        {"ground": ground, "code": STREET},
    )
    session.execute(text("set constraints all immediate"))
    session.execute(text("insert into division (code, name, level) values ('320102004000', '他街道', 'street')"))
    with pytest.raises(IntegrityError, match="do not fill it exactly"):
        session.execute(text("update community set street = '320102004000' where code = :code"), {"code": YI})


@pytest.mark.parametrize(
    "statement",
    [
        "update grid_version set geometry = st_reverse(geometry)",
        "update grid_version set name = 'x'",
        "update grid_version set valid = tstzrange('2025-01-01Z', null)",
        "delete from grid_version",
        "delete from community_version",
        "update community_version set name = 'x'",
    ],
)
def test_what_was_published_never_changes(session: Session, statement: str) -> None:
    with pytest.raises(IntegrityError, match="published version"):
        session.execute(text(statement))


def test_a_closed_version_cannot_be_closed_again(session: Session) -> None:
    reopen(session, JIA_1, rectangle(0, 1).wkt)
    session.execute(text("set constraints all immediate"))
    with pytest.raises(IntegrityError, match="never changes"):
        session.execute(
            text("update grid_version set valid = tstzrange(lower(valid), null) where version = 1 and grid = :grid"),
            {"grid": JIA_1},
        )


def test_nothing_is_left_to_be_proved_after_the_proof(session: Session) -> None:
    reopen(session, JIA_1, rectangle(0, 1).wkt)
    session.execute(text("set constraints all immediate"))
    assert session.scalar(text("select count(*) from partition_due")) == 0
