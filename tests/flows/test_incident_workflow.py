"""From a report to an honest close, told through HTTP: who may, what is written, and that nothing is lost on the way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gridsvc.access.guard import Caller
from gridsvc.core.settings import settings
from gridsvc.incidents.calendar.keeping import work_calendar
from gridsvc.incidents.intake.report import Reporter
from gridsvc.incidents.intake.report import report as take_in
from gridsvc.incidents.journal import load, projected
from gridsvc.incidents.schemas import Report
from tests.conftest import Service
from tests.flows.conftest import Act
from tests.flows.test_report_an_incident import report
from tests.town import JIA_1, JIA_2, JIA_3, LAMP, RUBBISH, YI_1, YI_2, spot

BEFORE, AFTER = "a" * 64, "b" * 64


def log_of(service: Service, incident: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = service.client.get(
        f"/api/v1/incidents/{incident}/log", headers=service.as_("viewer")
    ).json()["items"]
    return items


def test_an_incident_is_verified_filed_dispatched_mended_checked_closed_and_graded(
    service: Service, made: dict[str, Any], act: Act
) -> None:
    key = made["id"]
    assert made["due_at"]
    assert set(made["actions"]) == {"verify", "file", "reject", "merge", "adopt"}
    act(key, "intake", "verify", to="worker:W1")
    act(key, "worker", "verified", passed=True)
    assert act(key, "intake", "file")["status"] == "filed"
    sent = act(key, "dispatcher", "dispatch", to="示例部门")
    assert (sent["status"], sent["department"]) == ("dispatched", "示例部门")
    act(key, "department", "accept")
    act(key, "department", "close", 403)
    assert act(key, "department", "feedback", evidence=[BEFORE, AFTER])["status"] == "feedback"
    act(key, "supervisor", "check", to="worker:W1")
    act(key, "worker", "checked", passed=True)
    closed = act(key, "supervisor", "close")
    assert (closed["status"], closed["due_at"]) == ("closed", made["due_at"])
    assert act(key, "supervisor", "evaluate", count=5)["closed_at"] == closed["closed_at"]
    lines = log_of(service, key)
    assert [line["action"] for line in lines] == [
        *("report", "verify", "verified", "file", "dispatch", "accept", "feedback", "check", "checked", "close"),
        "evaluate",
    ]
    assert [line["number"] for line in lines] == list(range(1, 12))
    assert lines[6]["evidence"] == [BEFORE, AFTER]
    with service.engine.connect() as connection:
        events = connection.scalars(
            text("select kind from event where subject = :subject order by id"), {"subject": f"incident:{key}"}
        ).all()
    assert events[0] == "incident.reported"
    assert events[-2:] == ["incident.closed", "incident.evaluated"]
    assert len(events) == len(lines)


def test_a_change_needs_the_version_it_is_made_to(service: Service, made: dict[str, Any]) -> None:
    url, headers = f"/api/v1/incidents/{made['id']}/actions", service.as_("intake")
    without = service.client.post(url, json={"action": "file"}, headers=headers)
    assert without.status_code == 428
    assert "If-Match" in without.json()["detail"]
    first = service.client.post(url, json={"action": "file"}, headers=headers | {"If-Match": '"1"'})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    second = service.client.post(
        url, json={"action": "reject", "reason": "重复"}, headers=headers | {"If-Match": '"1"'}
    )
    assert (second.status_code, second.json()["version"]) == (412, 2)


def test_an_action_sent_again_with_its_key_is_done_once(service: Service, made: dict[str, Any]) -> None:
    url = f"/api/v1/incidents/{made['id']}/actions"
    headers = service.as_("intake") | {"If-Match": '"1"', "Idempotency-Key": "k1"}
    first, again = (service.client.post(url, json={"action": "file"}, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert len(log_of(service, made["id"])) == 2


@pytest.mark.parametrize(
    ("role", "said", "status", "named"),
    [
        ("intake", {"action": "fly"}, 422, "no action"),
        ("intake", {"action": "reject"}, 422, "reason"),
        ("dispatcher", {"action": "close"}, 403, "close"),
        ("viewer", {"action": "file"}, 403, "incident.act"),
        ("intake", {"action": "close"}, 409, "reported"),
        ("intake", {"action": "verify", "to": "worker:W9"}, 422, "W9"),
        ("intake", {"action": "verify", "to": "示例部门"}, 422, "worker"),
        ("intake", {"action": "merge", "to": "20260101-999999"}, 422, "number"),
        ("intake", {"action": "file", "evidence": ["x"]}, 422, "evidence"),
        ("supervisor", {"action": "close"}, 409, "reported"),
    ],
)
def test_what_may_not_be_is_a_sentence_and_leaves_no_line(
    service: Service, made: dict[str, Any], role: str, said: dict[str, Any], status: int, named: str
) -> None:
    headers = service.as_(role) | {"If-Match": '"1"'}
    answer = service.client.post(f"/api/v1/incidents/{made['id']}/actions", json=said, headers=headers)
    assert (answer.status_code, named in answer.json()["detail"]) == (status, True), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(log_of(service, made["id"])) == 1


def test_too_many_returns_end_in_the_territory_s_own_queue_and_gain_no_time(made: dict[str, Any], act: Act) -> None:
    key = made["id"]
    act(key, "intake", "file")
    for number in range(1, settings().most_returns + 1):
        act(key, "dispatcher", "dispatch", to="示例部门")
        back = act(key, "department", "return", code="not_duty", to="别的部门")
        assert back["returns"] == number
        assert back["due_at"] == made["due_at"]
    assert (back["status"], back["queue"]) == ("filed", settings().territory_queue)


def test_who_mends_on_the_spot_shows_before_and_after_and_does_not_close(made: dict[str, Any], act: Act) -> None:
    key = made["id"]
    act(key, "worker", "self_handle", 422, evidence=[AFTER])
    assert act(key, "worker", "self_handle", evidence=[BEFORE, AFTER])["self_handled"]
    assert act(key, "supervisor", "close")["status"] == "closed"


def test_why_it_is_sent_back_is_a_code_of_the_list_and_stands_in_the_log(
    service: Service, made: dict[str, Any], act: Act
) -> None:
    key = made["id"]
    act(key, "intake", "file")
    act(key, "dispatcher", "dispatch", to="示例部门")
    assert "code" in act(key, "department", "return", 422)["detail"]
    refused = act(key, "department", "return", 422, code="tired")
    assert "not_duty" in str(refused)
    assert "say the reason" in act(key, "department", "return", 422, code="other")["detail"]
    act(key, "department", "return", code="wrong_class", to="别的部门")
    line = log_of(service, key)[-1]
    assert (line["code"], line["to"]) == ("wrong_class", "别的部门")
    # A reason may be the code itself, and words alone are another one.
    for reason, code in (("not_duty", "not_duty"), ("不是我们的", "other")):
        act(key, "dispatcher", "dispatch", to="示例部门")
        act(key, "department", "return", reason=reason)
        lines = [one for one in log_of(service, key) if one["action"] == "return"]
        assert (lines[-1]["code"], lines[-1]["reason"]) == (code, reason)
    listed = service.client.get("/api/v1/incidents/reasons", headers=service.as_("worker")).json()["returns"]
    assert {"code": "wrong_class", "name": "案卷分类有误", "name_en": "Filed under the wrong class"} in listed


def test_an_asset_that_tells_of_itself_needs_no_place(service: Service) -> None:
    told = {"class": LAMP, "condition": "01", "asset": "a1", "source": "asset", "text": "电流异常"}
    answer = service.client.post("/api/v1/incidents", json=told, headers=service.as_("intake"))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["source"], made["asset"], made["grid"]) == ("asset", "a1", JIA_1)
    assert (made["place"]["lon"], made["place"]["lat"]) == spot(0.5, 1.5)
    again = service.client.post("/api/v1/incidents", json=told, headers=service.as_("intake")).json()
    assert [(one["number"], one["same_asset"]) for one in again["duplicates"]] == [(made["number"], True)]
    unknown = service.client.post("/api/v1/incidents", json=told | {"asset": "a9"}, headers=service.as_("intake"))
    assert unknown.status_code == 422
    assert "a9" in unknown.json()["detail"]


# Whole and half cells too: borders, and corners where four grids meet.
ACROSS = st.one_of(st.floats(0, 3.999), st.integers(0, 7).map(lambda half: half / 2))
UP = st.one_of(st.floats(0, 1.999), st.integers(0, 3).map(lambda half: half / 2))


@given(column=ACROSS, row=UP)
@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_place_of_a_community_has_one_first_owner(session: Session, column: float, row: float) -> None:
    lon, lat = spot(column, row)
    given_ = Report.model_validate(report(column, row))
    desk = Caller(1, "intake", "intake", territory=("",))
    made = take_in(session, given_, Reporter(desk, datetime.now(UTC), settings()))
    covering = session.scalars(
        text("select grid from grid_version where st_covers(geometry, st_setsrid(st_makepoint(:lon, :lat), 4326))"),
        {"lon": lon, "lat": lat},
    ).all()
    if covering:
        assert made["grid"] in covering
        assert (made["responsible"], made["queue"]) == (HELD_BY[made["grid"]], None)
    else:  # the corner in the south-east belongs to no community
        assert (made["grid"], made["responsible"], made["queue"]) == (None, None, settings().fallback_queue)


HELD_BY = {JIA_1: "W1", JIA_2: "W1", JIA_3: "W2", YI_1: "W3", YI_2: "W3"}


def test_a_merge_is_taken_back_with_its_clocks(service: Service, made: dict[str, Any], act: Act) -> None:
    other = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("intake")).json()
    assert [one["number"] for one in other["duplicates"]] == [made["number"]]
    assert other["why"]["duplicates"] == [made["number"]]
    act(other["id"], "intake", "file")
    before = service.client.get(f"/api/v1/incidents/{other['id']}", headers=service.as_("intake")).json()
    act(other["id"], "intake", "merge", 422, to=other["number"])
    merged = act(other["id"], "intake", "merge", to=made["number"])
    assert (merged["status"], merged["merged_into"]) == ("merged", made["number"])
    back = act(other["id"], "dispatcher", "unmerge", reason="误并")
    assert {name: value for name, value in back.items() if name not in ("version", "actions")} == {
        name: value for name, value in before.items() if name not in ("version", "actions")
    }
    assert [line["action"] for line in log_of(service, other["id"])] == ["report", "file", "merge", "unmerge"]


def test_an_incident_has_a_parent_and_never_itself_above_it(service: Service, made: dict[str, Any], act: Act) -> None:
    child = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("intake")).json()
    assert act(child["id"], "dispatcher", "adopt", to=made["number"])["parent"] == made["number"]
    refused = act(made["id"], "dispatcher", "adopt", 409, to=child["number"])
    assert "above" in refused["detail"]


def test_a_suspension_and_two_extensions_are_approved_by_somebody_else(
    service: Service, made: dict[str, Any], act: Act
) -> None:
    key = made["id"]
    act(key, "intake", "file")
    act(key, "dispatcher", "dispatch", to="示例部门")
    act(key, "department", "accept")
    for _ in range(2):
        assert act(key, "department", "ask_extension", reason="缺件", count=1)["waiting"] == "extend"
        longer = act(key, "supervisor", "approve")
    assert longer["due_at"] > made["due_at"]
    act(key, "department", "ask_extension", 409, reason="缺件", count=1)
    act(key, "department", "ask_suspension", reason="停工")
    paused = act(key, "supervisor", "approve")
    assert (paused["status"], paused["due_at"], paused["overdue"]) == ("suspended", None, False)
    clocks = service.client.get(f"/api/v1/incidents/{key}/clocks", headers=service.as_("viewer")).json()
    assert clocks["total"]["paused_since"]
    assert (clocks["total"]["limit"], clocks["total"]["extended_by"]) == (2, 2)
    assert act(key, "department", "resume")["status"] == "handling"
    why = service.client.get(f"/api/v1/incidents/{key}/why", headers=service.as_("viewer")).json()
    assert why["report"]["because"] == "in the grid: its responsible worker"
    assert [step["action"] for step in why["steps"]] == ["report", "dispatch"]


def test_the_row_of_an_incident_is_what_its_log_says(service: Service, made: dict[str, Any], act: Act) -> None:
    key = made["id"]
    act(key, "intake", "file")
    act(key, "dispatcher", "dispatch", to="worker:W1")
    act(key, "worker", "return", code="other", reason="off shift")
    with Session(service.engine) as session:
        kept = load(session, [int(key)])[int(key)]
        said = projected(kept.case, work_calendar(session), settings())
        row = session.execute(text("select * from incident where id = :key"), {"key": int(key)}).mappings().one()
        assert {name: row[name] for name in said} == said
        assert row["version"] == 4
        with pytest.raises(IntegrityError, match="only ever added to"):
            session.execute(text("update incident_step set reason = 'x' where incident = :key"), {"key": int(key)})


def test_the_open_ones_nearby_are_found_before_reporting_another(service: Service, made: dict[str, Any]) -> None:
    lon, lat = spot(0.5, 1.5)
    ask = "/api/v1/incidents/duplicates"
    viewer = service.as_("viewer")
    here = service.client.get(f"{ask}?lon={lon}&lat={lat}&class={RUBBISH}", headers=viewer).json()["items"]
    assert [(one["number"], one["distance_m"]) for one in here] == [(made["number"], 0)]
    # 20 m to the east lies within the 30 m of the class, 60 m does not.
    for metres, found in ((20, 1), (60, 0)):
        east = lon + metres / 94_400
        answer = service.client.get(f"{ask}?lon={east}&lat={lat}&class={RUBBISH}", headers=viewer)
        assert len(answer.json()["items"]) == found
    assert not service.client.get(f"{ask}?lon={lon}&lat={lat}&class={LAMP}", headers=viewer).json()["items"]
    assert service.client.get(f"{ask}?lon={lon}&lat={lat}&class=x", headers=viewer).status_code == 422
    assert service.client.get(f"{ask}?lon=200&lat={lat}&class={LAMP}", headers=viewer).status_code == 422


def test_the_same_asset_is_the_same_thing_however_far_it_is_reported(service: Service) -> None:
    first = {"class": LAMP, "condition": "01", "asset": "a1", "source": "worker"}
    lon, lat = spot(1.8, 0.2)
    one = service.client.post("/api/v1/incidents", json=first, headers=service.as_("worker")).json()
    far = {**first, "place": {"lon": lon, "lat": lat}}
    two = service.client.post("/api/v1/incidents", json=far, headers=service.as_("worker")).json()
    assert [(near["number"], near["same_asset"]) for near in two["duplicates"]] == [(one["number"], True)]
    assert two["asset"] == "a1"


def test_outside_the_reporter_s_own_grid_it_goes_to_who_has_it(service: Service) -> None:
    away = service.client.post("/api/v1/incidents", json=report(2.5, 1.5), headers=service.as_("worker")).json()
    assert away["responsible"] == "W3"
    assert "routed" in away["why"]
    own = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("worker")).json()
    assert "routed" not in own["why"]
    outside = service.client.post("/api/v1/incidents", json=report(3.5, 0.5), headers=service.as_("worker")).json()
    assert outside["why"]["because"].startswith("outside every community")


def test_reports_at_once_get_each_a_number_of_their_own(service: Service) -> None:
    def one(_: int) -> str:
        answer = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("worker"))
        assert answer.status_code == 201, answer.text
        number: str = answer.json()["number"]
        return number

    with ThreadPoolExecutor(8) as at_once:
        numbers = list(at_once.map(one, range(40)))
    assert len(set(numbers)) == 40
    with service.engine.begin() as connection:
        day = connection.scalar(text("select min(day) from incident_day"))
        # A file comes with higher numbers of the same day; the next report goes on after them.
        connection.execute(text("select keep_incident_numbers(:day, 500)"), {"day": day})
    assert int(one(0)[-6:]) > 500
