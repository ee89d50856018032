"""Warnings are told once: by one worker of many, after a downtime, and again when the due date has moved."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.incidents.board.warnings import Rule, rules_of, tell, tell_stages, warn
from tests.conftest import Service
from tests.flows.test_report_an_incident import report

NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)
SOON, LATE = rules_of(60, "0:dispatcher,supervisor")


def put(session: Session, minutes: float, number: int = 1) -> None:
    """Write an open incident of the town that falls due so many minutes from now."""
    session.execute(
        text(
            "insert into incident (number, catalogue, class, condition, status, source, rule, reported_at, due_at,"
            " stage_due_at, geometry) values (:number, 'town', 'matter:06010', '01', 'filed', 'hotline', 'fallback',"
            " '2026-05-29Z', :due, :due, 'SRID=4326;POINT(118.78 32.04)')"
        ),
        {"number": f"20260529-{number:06d}", "due": NOW + timedelta(minutes=minutes)},
    )


def test_what_falls_due_soon_is_warned_of_once_and_what_is_late_goes_to_named_roles(session: Session) -> None:
    put(session, 30)
    put(session, 90, 2)
    assert [one["number"] for one in tell(session, SOON, NOW)] == ["20260529-000001"]
    assert tell(session, SOON, NOW) == []
    assert tell(session, LATE, NOW) == []
    later = NOW + timedelta(minutes=31)
    assert [one["number"] for one in tell(session, LATE, later)] == ["20260529-000001"]
    assert tell(session, LATE, later + timedelta(days=1))[0]["number"] == "20260529-000002"
    told = session.execute(
        text("select kind, facts -> 'roles' from event where kind like 'incident.%' order by id")
    ).all()
    assert [kind for kind, _ in told] == ["incident.warned", "incident.escalated", "incident.escalated"]
    assert told[1][1] == ["dispatcher", "supervisor"]


def test_after_a_downtime_what_is_late_is_told_and_not_warned_of(session: Session) -> None:
    put(session, 30)
    back = NOW + timedelta(hours=5)
    assert tell(session, SOON, back) == []
    assert len(tell(session, LATE, back)) == 1


def test_a_due_date_that_has_moved_is_warned_of_again(session: Session) -> None:
    put(session, 30)
    assert len(tell(session, SOON, NOW)) == 1
    session.execute(text("update incident set due_at = due_at + interval '1 day'"))
    assert tell(session, SOON, NOW) == []
    assert len(tell(session, SOON, NOW + timedelta(days=1))) == 1


def test_a_stage_that_takes_too_long_is_told_once(session: Session) -> None:
    put(session, -1)
    assert len(tell_stages(session, NOW)) == 1
    assert tell_stages(session, NOW) == []


def test_many_workers_tell_it_once(service: Service) -> None:
    service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("intake"))
    with service.engine.begin() as connection:
        connection.execute(text("update incident set due_at = now() - interval '1 hour', stage_due_at = now()"))
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: warn(service.engine), range(8)))
    with service.engine.connect() as connection:
        kinds = connection.scalars(
            text("select kind from event where actor = 'system' and kind like 'incident.%' order by 1")
        ).all()
    assert kinds == ["incident.escalated", "incident.stage_late"]


def test_the_rules_are_read_from_the_settings() -> None:
    assert rules_of(30, "0:supervisor; 1440:admin,planner")[1:] == [
        Rule("overdue+0", timedelta(0), ("supervisor",)),
        Rule("overdue+1440", timedelta(days=1), ("admin", "planner")),
    ]
    for wrong in ("soon:admin", "0:mayor", "0:", "-5:admin"):
        with pytest.raises(Invalid, match="GRIDSVC_ESCALATION"):
            rules_of(30, wrong)
