"""The board: what is late, soon late, whose and waiting; its figures with their rule; and the same as of any moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.access.guard import Caller
from gridsvc.core.settings import settings
from gridsvc.incidents.actions import Moment, act, read
from gridsvc.incidents.board.boards import View, board, rate, stages
from gridsvc.incidents.case import Actor
from gridsvc.incidents.intake.report import Reporter, report
from gridsvc.incidents.schemas import Action, Report
from tests.conftest import Service
from tests.town import JIA_1, RUBBISH, spot

MONDAY = datetime(2026, 6, 1, 1, tzinfo=UTC)  # nine o'clock in Shanghai
ROLES = ("intake", "dispatcher", "supervisor", "department", "worker")


class Office:
    """The people of the town, who act at moments of their own."""

    def __init__(self, session: Session) -> None:
        self.session = session
        session.execute(text("update account set department = '示例部门' where role = 'department'"))
        rows = session.execute(text("select role, id from account")).all()
        self.callers = {role: Caller(account, role, role) for role, account in rows}

    def report(self, hours: float, column: float = 0.5) -> int:
        lon, lat = spot(column, 1.5)
        given = Report.model_validate(
            {"class": RUBBISH, "condition": "01", "place": {"lon": lon, "lat": lat}, "source": "hotline"}
        )
        by = Reporter(self.callers["intake"], MONDAY + timedelta(hours=hours), settings())
        return int(report(self.session, given, by)["id"])

    def do(self, incident: int, hours: float, role: str, action: str, **said: Any) -> None:
        version = read(self.session, incident).version
        moment = Moment(MONDAY + timedelta(hours=hours), settings())
        act(self.session, incident, Action(action=action, **said), self.callers[role], moment, f'"{version}"')

    def board(self, hours: float, role: str = "supervisor", *, past: bool = True, **of: Any) -> dict[str, Any]:
        actor = Actor(role, role, "W1" if role == "worker" else None, "示例部门" if role == "department" else None)
        return board(self.session, View(actor, MONDAY + timedelta(hours=hours), past, **of), settings(), 20)


@pytest.fixture
def office(session: Session) -> Office:
    """Let two incidents come in on Monday: one goes its way to Wednesday, one is left lying."""
    office = Office(session)
    one, two = office.report(0), office.report(1, 2.5)
    assert two > one
    office.do(one, 0.2, "intake", "file")
    office.do(one, 0.5, "dispatcher", "dispatch", to="示例部门")
    office.do(one, 1, "department", "accept")
    office.do(one, 5, "department", "ask_extension", reason="缺件", count=1)
    office.do(one, 6, "supervisor", "approve")
    office.do(one, 30, "department", "feedback", evidence=["a" * 64])
    office.do(one, 31, "supervisor", "close")
    return office


def test_the_board_of_any_moment_is_what_it_was_then(office: Office) -> None:
    counts = [office.board(hours)["counts"]["open"] for hours in (-1, 0, 0.9, 1, 30.5, 31, 200)]
    assert counts == [0, 1, 1, 2, 2, 1, 1]
    # Two working days from Monday 10 o'clock: Wednesday, 10 o'clock.
    assert [office.board(hours)["counts"]["overdue"] for hours in (48, 49, 49.1)] == [0, 0, 1]
    assert office.board(48.5)["counts"]["due_soon"] == 1
    assert office.board(5.5)["counts"]["waiting"] == 1
    assert office.board(5.5, "dispatcher")["counts"]["waiting"] == 0
    assert office.board(6.5)["counts"]["waiting"] == 0
    assert office.board(0.3)["by_status"] == {"filed": 1}


def test_everybody_sees_what_waits_for_them(office: Office) -> None:
    def mine(hours: float, role: str) -> int:
        return len(office.board(hours, role)["lists"]["mine"])

    assert [mine(0.1, role) for role in ROLES] == [1, 0, 0, 0, 1]
    assert [mine(0.3, role) for role in ROLES] == [0, 1, 0, 0, 0]
    assert [mine(0.6, role) for role in ROLES] == [0, 0, 0, 1, 0]
    assert [mine(30.5, role) for role in ROLES] == [1, 0, 1, 0, 0]
    assert office.board(0.3, grid=JIA_1)["counts"]["open"] == 1
    assert office.board(2, grid=JIA_1)["counts"]["open"] == 1
    assert office.board(2, community="320102003902")["counts"]["open"] == 1


def test_the_board_of_now_and_the_one_rebuilt_from_the_logs_agree(office: Office) -> None:
    for hours in (31, 48.5, 60):
        assert office.board(hours, past=False) == office.board(hours, past=True)


def test_the_figures_say_what_they_count_and_what_is_left_out(office: Office) -> None:
    def figures(hours: float) -> dict[str, Any]:
        at = MONDAY + timedelta(hours=hours)
        view = View(Actor("supervisor", "supervisor"), at, past=True)
        return stages(office.session, view, settings(), MONDAY - timedelta(days=1), MONDAY + timedelta(days=10))

    told = figures(32)
    assert (told["counts"]["reported"], told["counts"]["filed"], told["counts"]["closed"]) == (2, 1, 1)
    assert told["rates"]["in_time_rate"]["value"] == 1
    assert (told["medians"]["intake_s"], told["medians"]["total_s"]) == (720, 31 * 3600)
    assert all("率" in rule["rule"] for rule in told["rates"].values())
    assert figures(10)["counts"]["closed"] == 0
    first = office.session.scalar(text("select min(id) from incident"))
    assert first
    office.do(first, 40, "department", "appeal", reason="台风")
    office.do(first, 41, "supervisor", "approve")
    told = figures(42)
    assert told["left_out"] == {"appealed": 1, "merged": 0}
    assert (told["counts"]["reported"], told["counts"]["closed"]) == (1, 0)


def test_a_rate_of_nothing_is_no_number() -> None:
    nothing = dict.fromkeys(("filed", "rejected", "closed"), 0)
    assert rate(nothing, "filing_rate") == {"count": 0, "of": 0, "value": None}
    assert rate({"filed": 2, "rejected": 1}, "filing_rate")["value"] == 0.6667


def test_over_http_the_board_and_the_lists_agree(service: Service) -> None:
    for column in (0.5, 1.5, 2.5):
        lon, lat = spot(column, 1.5)
        given = {"class": RUBBISH, "condition": "01", "place": {"lon": lon, "lat": lat}, "source": "hotline"}
        assert service.client.post("/api/v1/incidents", json=given, headers=service.as_("intake")).status_code == 201
    with service.engine.begin() as connection:
        connection.execute(text("update incident set due_at = '2026-01-05Z' where id = 2"))
        connection.execute(text("update incident set due_at = null where id = 1"))
    intake = service.as_("intake")
    shown = service.client.get("/api/v1/board?limit=1", headers=intake).json()
    assert (shown["counts"]["open"], shown["counts"]["overdue"], shown["counts"]["mine"]) == (3, 1, 3)
    assert [one["id"] for one in shown["lists"]["overdue"]] == ["2"]
    assert len(shown["lists"]["mine"]) == 1
    late = service.client.get("/api/v1/incidents?overdue=true&count=true", headers=intake).json()
    assert ([one["id"] for one in late["items"]], late["count"]) == (["2"], 1)
    seen, following = [], "/api/v1/incidents?sort=due&open=true&limit=1"
    while following:
        page = service.client.get(following, headers=intake).json()
        seen += [one["id"] for one in page["items"]]
        following = page["next"]
    assert seen == ["2", "3", "1"]
    for wrong in (
        "incidents?sort=due&cursor=x",
        "incidents?sort=due&cursor=999999999999999999~1",
        "incidents?sort=odd",
    ):
        assert service.client.get(f"/api/v1/{wrong}", headers=intake).status_code == 422
    for wrong in (
        "board?at=2999-01-01T00:00:00Z",
        "board?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "board?x=1",
    ):
        assert service.client.get(f"/api/v1/{wrong}", headers=intake).status_code == 422
    assert service.client.get("/api/v1/board?at=2026-01-01T00:00:00Z", headers=intake).json()["counts"]["open"] == 0
