"""What the ground was: buildings, streets, assets and divisions as of a moment, and whose they were then."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gridsvc.core.db import transaction
from tests.conftest import Service
from tests.town import JIA_1, JIA_3, STREET

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def change(session: Session, statement: str, since: datetime | None = JUNE) -> None:
    session.execute(
        text("select set_config('gridsvc.since', :since, true)"), {"since": (since and since.isoformat()) or ""}
    )
    session.execute(text(statement))


@pytest.mark.parametrize(
    ("path", "statement", "field", "values"),
    [
        ("buildings/b1", "update building set households = 130 where code = 'b1'", "households", [120, 130]),
        ("streets/s1", "update street set name = '新路' where code = 's1'", "name", ["示例路", "新路"]),
        ("assets/a1", "update asset set state = 'broken' where code = 'a1'", "state", ["intact", "broken"]),
        (f"divisions/{STREET}", "update division set name = '新街道'", "name", ["示例街道", "新街道"]),
        (f"grids/{JIA_1}", "update building set households = 130 where code = 'b1'", "households", [200, 210]),
        (
            "buildings/b1",
            "update building set geometry = st_translate(geometry, 0.0005, -0.001) where code = 'b1'",
            "grid",
            [JIA_1, JIA_3],
        ),
    ],
)
def test_a_change_is_seen_from_its_moment_on_and_not_before(
    service: Service, path: str, statement: str, field: str, values: list[object]
) -> None:
    with transaction(service.engine) as session:
        change(session, statement)
    seen = [
        service.client.get(
            f"/api/v1/{path}",
            params={"at": (JUNE + timedelta(seconds=late)).isoformat()},
            headers=service.as_("viewer"),
        ).json()[field]
        for late in (-1, 0)
    ]
    assert seen == values
    listed = path.split("/", maxsplit=1)[0]
    past = {"at": (JUNE - timedelta(days=1)).isoformat()}
    assert len(service.client.get(f"/api/v1/{listed}", params=past, headers=service.as_("viewer")).json()["items"]) > 0


def test_a_change_without_a_moment_holds_from_now(session: Session) -> None:
    change(session, "update building set households = 130 where code = 'b1'", None)
    kept = session.execute(text("select households, upper(valid) = now() from building_past")).all()
    assert [tuple(row) for row in kept] == [(120, True)]


def test_a_change_before_the_last_one_or_ahead_is_refused(session: Session) -> None:
    change(session, "update building set households = 130 where code = 'b1'")
    with pytest.raises(IntegrityError, match="has changed since"), session.begin_nested():
        change(session, "update building set households = 140 where code = 'b1'", JUNE - timedelta(days=1))
    with pytest.raises(IntegrityError, match="in advance"), session.begin_nested():
        change(session, "update building set households = 140 where code = 'b1'", datetime(2040, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "statement",
    [
        "update belonging set grid = '320102003902002'",
        "delete from belonging",
        "insert into belonging values ('building', 'b1', '2020-01-01Z', '2021-01-01Z', '320102003902002')",
    ],
)
def test_whose_a_building_is_cannot_be_written_by_hand(session: Session, statement: str) -> None:
    with pytest.raises(IntegrityError, match="never written by hand"):
        session.execute(text(statement))


def test_a_building_that_is_moved_by_hand_changes_hands(session: Session) -> None:
    session.execute(text("update building set geometry = st_translate(geometry, 0.0005, -0.001) where code = 'b1'"))
    owned = session.scalars(text("select grid from belonging where code = 'b1' and until = 'infinity'")).all()
    assert owned == [JIA_3]
