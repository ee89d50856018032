"""The calendar is data: seeded with the State Council's holidays and make-up days, read, changed and asked for its ETag."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.exchange.imports import Refused
from gridsvc.exchange.standards.calendar import import_calendar
from gridsvc.incidents.calendar.keeping import read_calendar, work_calendar, write_calendar
from gridsvc.incidents.calendar.moving import changed_days
from gridsvc.incidents.calendar.schemas import CalendarGiven
from gridsvc.incidents.clocks import Limit, due
from tests.conftest import Service
from tests.flows.test_report_an_incident import report

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_national_day_2025_counts_with_its_make_up_days(session: Session) -> None:
    # 国办发明电〔2024〕12号: 1 to 8 October 2025 are free; Sunday 28 September and Saturday 11 October are worked.
    calendar = work_calendar(session)
    assert calendar.is_worked(date(2025, 9, 28))
    assert calendar.is_worked(date(2025, 10, 11))
    assert not any(calendar.is_worked(date(2025, 10, day)) for day in range(1, 9))
    ends = due(at("2025-09-30T16:00"), Limit.of(2, "working_day"), calendar)
    # The rest of Tuesday is a quarter of a day; then the 9th and three quarters of the 10th.
    assert ends.at == at("2025-10-10T16:00")
    assert not ends.uncertain
    assert due(at("2025-10-10T16:00"), Limit.of(1, "working_day"), calendar).at == at("2025-10-11T16:00")


def test_what_falls_due_beyond_the_last_known_day_is_flagged(session: Session) -> None:
    calendar = work_calendar(session)
    assert calendar.known_until == date(2026, 12, 31)
    assert due(at("2026-12-30T10:00"), Limit.of(5, "working_day"), calendar).uncertain
    assert not due(at("2026-12-28T10:00"), Limit.of(1, "working_day"), calendar).uncertain


def test_a_season_has_its_own_hours(session: Session) -> None:
    given = read_calendar(session).model_dump(exclude={"changed_at", "changed_by"})
    given["seasons"].append({"begins": "06-01", "hours": [("08:00", "11:00"), ("15:00", "18:00")]})
    given["seasons"].append({"begins": "10-01", "hours": [("08:00", "12:00"), ("14:00", "18:00")]})
    before = work_calendar(session)
    write_calendar(session, CalendarGiven.model_validate(given), actor="admin")
    after = work_calendar(session)
    limit = Limit.of(4, "working_hour")
    assert due(at("2026-07-01T08:00"), limit, before).at == at("2026-07-01T12:00")
    assert due(at("2026-07-01T08:00"), limit, after).at == at("2026-07-01T16:00")
    assert due(at("2026-11-02T08:00"), limit, after).at == at("2026-11-02T12:00")


def test_a_file_adds_days_and_makes_its_year_known(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "2027.csv"
    path.write_text("日期,安排,名称\n2027-01-01,休,元旦\n2027-01-02,班,调休\n", encoding="utf-8")
    told = import_calendar(session, path, actor="admin")
    assert (told.days, told.known_until) == (2, date(2027, 12, 31))
    calendar = work_calendar(session)
    assert calendar.is_worked(date(2027, 1, 2))
    assert not calendar.is_worked(date(2027, 1, 1))
    assert calendar.is_worked(date(2025, 9, 28)), "what was known stays"


@pytest.mark.parametrize(
    ("row", "said"),
    [("2027-13-01,休,", "YYYY-MM-DD"), ("2027-01-01,也许,", "worked"), ("2027-01-03,休,\n2027-01-03,班,", "twice")],
)
def test_every_row_of_a_calendar_is_checked(session: Session, tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"day,worked,name\n2027-02-01,休,\n{row}\n", encoding="utf-8")
    with pytest.raises(Refused) as refused:
        import_calendar(session, path, actor="admin")
    assert said in refused.value.faults[0].reason
    other = tmp_path / "bad.json"
    other.write_text('{"known_until": "2027-12-31", "days": [], "seasons": []}', encoding="utf-8")
    with pytest.raises(Invalid, match="seasons"):
        import_calendar(session, other, actor="admin")


def test_the_calendar_is_changed_over_http_by_who_has_read_it(service: Service) -> None:
    url, admin = "/api/v1/calendar", service.as_("admin")
    read = service.client.get(url, headers=service.as_("viewer"))
    given = {key: value for key, value in read.json().items() if not key.startswith("changed_")}
    given["days"].append({"day": "2026-12-24", "worked": False, "name": "本地放假"})
    assert service.client.put(url, json=given, headers=admin).status_code == 428
    assert service.client.put(url, json=given, headers=admin | {"If-Match": '"1"'}).status_code == 412
    right = {"If-Match": read.headers["etag"]}
    assert service.client.put(url, json=given, headers=service.as_("dispatcher") | right).status_code == 403
    put = service.client.put(url, json=given, headers=admin | right)
    assert put.status_code == 200, put.text
    assert put.headers["etag"] != read.headers["etag"]
    assert put.json()["days"][-1]["name"] == "本地放假"
    assert service.client.put(url, json=given, headers=admin | right).status_code == 412
    faulty: tuple[dict[str, object], ...] = (
        {"seasons": []},
        {"seasons": [{"begins": "02-30", "hours": [["08:00", "12:00"]]}]},
    )
    for wrong in faulty:
        bad = service.client.put(url, json={**given, **wrong}, headers=admin | {"If-Match": put.headers["etag"]})
        assert bad.status_code == 422
        assert bad.headers["content-type"] == "application/problem+json"


def test_a_day_off_moves_the_open_incidents_it_lies_in_and_says_by_how_much(service: Service) -> None:
    url, admin = "/api/v1/calendar", service.as_("admin")
    made = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("worker")).json()
    due_on = datetime.fromisoformat(made["due_at"]).astimezone(SHANGHAI).date()
    read = service.client.get(url, headers=admin)
    given = {key: value for key, value in read.json().items() if not key.startswith("changed_")}
    given["days"] = [one for one in given["days"] if one["day"] != str(due_on)]
    given["days"].append({"day": str(due_on), "worked": False, "name": "本地放假"})
    seen = service.client.post(f"{url}/preview", json=given, headers=admin).json()
    assert (seen["moved"], seen["items"][0]["number"]) == (1, made["number"])
    assert seen["items"][0]["by_s"] >= 86_400
    incident = f"/api/v1/incidents/{made['id']}"
    assert service.client.get(incident, headers=admin).json()["due_at"] == made["due_at"], "a preview changes nothing"
    put = service.client.put(url, json=given, headers=admin | {"If-Match": read.headers["etag"]})
    assert put.status_code == 200, put.text
    after = service.client.get(incident, headers=admin).json()["due_at"]
    assert datetime.fromisoformat(after) == datetime.fromisoformat(seen["items"][0]["after"])
    assert service.client.post(f"{url}/preview", json=given, headers=admin).json()["moved"] == 0
    with service.engine.connect() as connection:
        told = connection.scalars(text("select facts ->> 'number' from event where kind = 'incident.due_moved'")).all()
    assert told == [made["number"]]


def test_only_days_that_count_otherwise_are_changed(session: Session) -> None:
    old = work_calendar(session)
    new = replace(old, exceptions={**old.exceptions, date(2026, 12, 26): False, date(2026, 12, 28): False})
    # The 26th is a Saturday, and free anyway.
    assert changed_days(old, new) == [date(2026, 12, 28)]
    assert changed_days(old, replace(old, seasons=old.seasons[:0]))[-1].year == 9000
