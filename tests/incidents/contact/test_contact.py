"""A contact is there to call back about one report: sealed, in no other place, revealed with a reason, gone by its date."""

import hashlib
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from gridsvc.access.permissions import ROLES
from gridsvc.core.errors import Gone, Unavailable
from gridsvc.incidents.contact.keeping import look, reveal
from gridsvc.incidents.contact.number import clean
from gridsvc.incidents.hooks.delivering import deliver
from gridsvc.incidents.schemas import Report
from tests.conftest import Service
from tests.flows.test_report_an_incident import report
from tests.incidents.hooks.test_webhooks import Receiver, receiver
from tests.town import RUBBISH

__all__ = ["receiver"]
PHONE = "13800138765"
KEY = "0192f0c1-0000-7000-8000-00000000c0de"


def left(service: Service, contact: object = PHONE, key: str | None = None) -> dict[str, Any]:
    """Report something and leave a contact."""
    headers = service.as_("intake") | ({"Idempotency-Key": key} if key else {})
    answer = service.client.post("/api/v1/incidents", json=report(0.5, 1.5, contact=contact), headers=headers)
    assert answer.status_code == 201, answer.text
    assert str(contact) not in answer.text
    made: dict[str, Any] = answer.json()
    return made


def ask(service: Service, incident: dict[str, Any], role: str = "intake", reason: object = "回访：位置不清") -> Any:
    """Ask for the contact of an incident."""
    path = f"/api/v1/incidents/{incident['id']}/contact/reveal"
    return service.client.post(path, json={"reason": reason}, headers=service.as_(role))


def close(service: Service, incident: dict[str, Any], days_ago: float) -> None:
    """Have the incident closed so many days ago."""
    with service.engine.begin() as connection:
        at = datetime.now(UTC) - timedelta(days=days_ago)
        connection.execute(
            text("update incident set closed_at = :at, status = 'closed' where id = :id"),
            {"at": at, "id": incident["id"]},
        )


def everything_kept(service: Service) -> Iterator[tuple[str, str]]:
    """Give every row of every table as text, with the table's name."""
    with service.engine.connect() as connection:
        tables = connection.execute(
            text(
                "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in"
                " ('pg_catalog', 'information_schema')"
            )
        ).scalars()
        for table in tables.all():
            for row in connection.execute(text(f"select t::text from {table} t")).scalars():
                yield table, row


def test_it_is_revealed_with_a_reason_which_is_an_event_that_does_not_hold_it(service: Service) -> None:
    incident = left(service)
    answer = ask(service, incident)
    assert (answer.status_code, answer.json()) == (200, {"contact": PHONE, "until": None})
    assert answer.headers["cache-control"] == "no-store"
    assert ask(service, incident, "supervisor", "再次回访").status_code == 200
    audit = service.client.get("/api/v1/audit?kind=contact.revealed", headers=service.as_("admin"))
    events = audit.json()["items"]
    assert [(one["actor"], one["subject"], one["facts"]) for one in events] == [
        ("supervisor", f"incident:{incident['id']}", {"reason": "再次回访"}),
        ("intake", f"incident:{incident['id']}", {"reason": "回访：位置不清"}),
    ]
    assert all(one["at"] and one["community"] == incident["community"] for one in events)
    assert PHONE not in audit.text


def test_few_roles_may_and_a_refusal_tells_and_writes_nothing(service: Service) -> None:
    incident = left(service)
    answers = {role: ask(service, incident, role).status_code for role in ROLES}
    allowed = {role for role, status in answers.items() if status == 200}
    assert allowed == {"intake", "dispatcher", "supervisor"}
    assert {answers[role] for role in set(ROLES) - allowed} == {403}
    for role in set(ROLES) - allowed:
        state = service.client.get(f"/api/v1/incidents/{incident['id']}/contact", headers=service.as_(role))
        assert state.status_code == 403
    assert service.client.post(f"/api/v1/incidents/{incident['id']}/contact/reveal").status_code == 401
    with service.engine.connect() as connection:
        told = connection.scalars(text("select actor from event where kind = 'contact.revealed'")).all()
    assert sorted(told) == sorted(allowed)


def test_without_a_fair_reason_nothing_is_revealed(service: Service) -> None:
    incident = left(service)
    for reason in ("", " ", "x", "x" * 501, None, 7, "a\0b"):
        answer = ask(service, incident, reason=reason)
        assert answer.status_code == 422, reason
        assert PHONE not in answer.text
    with service.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from event where kind = 'contact.revealed'")) == 0


def test_no_row_of_any_table_holds_it_but_as_a_seal(service: Service) -> None:
    body = report(0.5, 1.5, contact=PHONE)
    incident = left(service, key=KEY)
    ask(service, incident)
    rows = list(everything_kept(service))
    assert len(rows) > 50
    bytes_of_it = PHONE.encode().hex()
    assert [table for table, row in rows if PHONE in row or bytes_of_it in row] == []
    # And what repeated writes are known by is not a hash that anybody could make of every phone number there is.
    told = Report.model_validate(body).model_dump_json().replace("**********", PHONE)
    with service.engine.connect() as connection:
        kept = connection.scalar(text("select body_hash from idempotency where key = :key"), {"key": KEY})
    assert kept != hashlib.sha256(f"POST /incidents\n{told}".encode()).digest()


def test_sent_again_it_is_one_report_and_another_contact_is_another_report(service: Service) -> None:
    first = left(service, key=KEY)
    assert left(service, key=KEY)["id"] == first["id"]
    headers = service.as_("intake") | {"Idempotency-Key": KEY}
    given = report(0.5, 1.5, contact="13900139876")
    other = service.client.post("/api/v1/incidents", json=given, headers=headers)
    assert other.status_code == 422
    assert "13900139876" not in other.text


READ = (
    "/api/v1/incidents",
    "/api/v1/incidents?q={contact}",
    "/api/v1/incidents/{id}",
    "/api/v1/incidents/{id}/log",
    "/api/v1/incidents/{id}/clocks",
    "/api/v1/incidents/{id}/why",
    "/api/v1/incidents/{id}/photos",
    "/api/v1/incidents/{id}/contact",
    "/api/v1/incidents/duplicates?lon=118.7805&lat=32.0415&class=" + RUBBISH,
    "/api/v1/board",
    "/api/v1/search?q={number}",
    "/api/v1/search?q={contact}",
    "/api/v1/audit",
    "/api/v1/exports/incidents.geojson",
    "/api/v1/exports/incidents.csv",
    "/tiles/incidents/15/{x}/{y}.mvt",
    "/ogc/collections/incidents/items",
    "/ogc/collections/incidents/items/{id}",
    "/ogc/collections/incidents/queryables",
    "/open311/v2/requests.json",
    "/open311/v2/requests.xml",
    "/open311/v2/requests/{number}.json",
)


def test_no_answer_holds_it(service: Service) -> None:
    incident = left(service)
    ask(service, incident)
    for path in READ:
        look_into(service, incident, path)


def look_into(service: Service, incident: dict[str, Any], path: str) -> None:
    """Read one address as who may see most, and find nothing of the contact there."""
    x, y = 27195, 13302
    address = path.format(contact=PHONE, id=incident["id"], number=incident["number"], x=x, y=y)
    answer = None
    for role in ("supervisor", "admin"):
        answer = service.client.get(address, headers=service.as_(role))
        if answer.status_code == 200:
            break
    assert answer is not None
    assert answer.status_code == 200, answer.text
    shown = answer.content
    # What was asked for stands in the address of the next page, and nothing else may be said.
    if "{contact}" in path:
        assert json.loads(shown)["items"] == []
        return
    assert len(shown) > 20
    assert PHONE.encode() not in shown
    if "incidents" in path and "contact" not in path and "duplicates" not in path:
        assert b'"contact"' not in shown


def test_no_webhook_is_told_of_it_nor_of_who_asked(service: Service, receiver: Receiver) -> None:
    made = service.client.post("/api/v1/webhooks", json={"url": receiver.url}, headers=service.as_("admin"))
    assert made.status_code == 201
    ask(service, left(service))
    deliver(service.engine)
    kinds = [json.loads(body)["kind"] for _, body in receiver.got]
    assert kinds == ["incident.reported"]
    assert all(PHONE.encode() not in body for _, body in receiver.got)


def test_no_log_holds_it_also_where_the_report_is_refused(
    service: Service, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with capture_logs() as told, caplog.at_level(logging.DEBUG):
        structlog.get_logger().warning("a line that is told")
        ask(service, left(service))
        refused = report(0.5, 1.5, contact=PHONE, text="a\0b")
        answer = service.client.post("/api/v1/incidents", json=refused, headers=service.as_("intake"))
        assert answer.status_code == 422
        fault = report(0.5, 1.5, contact=PHONE + "12345678")
        assert service.client.post("/api/v1/incidents", json=fault, headers=service.as_("intake")).status_code == 422
    assert len(told) >= 2
    out, err = capfd.readouterr()
    assert PHONE not in f"{told}{caplog.text}{out}{err}{answer.text}"


def test_open311_keeps_no_contact(service: Service) -> None:
    form = {"service_code": RUBBISH, "attribute[condition]": "01", "lat": "32.0415", "long": "118.7805"}
    more = {"phone": PHONE, "email": "one@example.cn", "first_name": "某", "description": "垃圾"}
    made = service.client.post("/open311/v2/requests.json", data=form | more, headers=service.as_("intake"))
    assert made.status_code == 201, made.text
    with service.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from incident")) == 1
        assert connection.scalar(text("select count(*) from incident_contact")) == 0
    assert [table for table, row in everything_kept(service) if PHONE in row or "one@example.cn" in row] == []


def test_when_its_date_has_come_it_is_gone_also_before_it_is_swept_out(service: Service) -> None:
    incident = left(service)
    state = f"/api/v1/incidents/{incident['id']}/contact"
    assert service.client.get(state, headers=service.as_("intake")).json() == {"state": "kept", "until": None}
    close(service, incident, days_ago=179.9)
    shown = ask(service, incident)
    assert shown.json()["contact"] == PHONE
    left_for = datetime.fromisoformat(shown.json()["until"]) - datetime.now(UTC)
    assert timedelta(0) < left_for < timedelta(days=1)
    close(service, incident, days_ago=180.1)
    gone = ask(service, incident)
    assert gone.status_code == 410
    assert gone.headers["content-type"] == "application/problem+json"
    assert "deleted" in gone.json()["detail"]
    assert service.client.get(state, headers=service.as_("intake")).json() == {"state": "gone", "until": None}


def test_where_none_was_left_and_where_there_is_no_incident_is_404(service: Service) -> None:
    answer = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("worker"))
    assert ask(service, answer.json()).status_code == 404
    assert ask(service, {"id": "999999"}).status_code == 404
    assert ask(service, {"id": "x"}).status_code == 404
    state = f"/api/v1/incidents/{answer.json()['id']}/contact"
    assert service.client.get(state, headers=service.as_("intake")).json() == {"state": "none", "until": None}


def test_a_seal_that_is_moved_to_another_incident_does_not_open(service: Service) -> None:
    first, second = left(service), left(service, "13900139876")
    with Session(service.engine) as session:
        session.execute(
            text(
                "update incident_contact set sealed = (select sealed from incident_contact where incident = :from)"
                " where incident = :to"
            ),
            {"from": int(first["id"]), "to": int(second["id"])},
        )
        found = look(session, int(second["id"]), datetime.now(UTC), 180)
        with pytest.raises(Unavailable, match="key"):
            reveal(session, int(second["id"]), "reason", actor="x", found=found)
        session.rollback()


def test_one_that_was_deleted_cannot_be_revealed(session: Session) -> None:
    number = session.scalar(
        text(
            "insert into incident (number, catalogue, class, condition, status, source, rule, reported_at, geometry)"
            " values ('20260101-000001', (select version from catalogue where current), :class, '01', 'reported', 'worker',"
            " 'fallback', now(), 'SRID=4326;POINT(118.7805 32.0415)') returning id"
        ),
        {"class": RUBBISH},
    )
    assert number is not None
    session.execute(text("insert into incident_contact (incident, deleted_at) values (:id, now())"), {"id": number})
    with pytest.raises(Gone):
        reveal(session, number, "reason", actor="x", found=look(session, number, datetime.now(UTC), 180))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("138 0013 8000", "13800138000"),
        ("+86-138-0013-8000", "+8613800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("(025) 8654-3210", "02586543210"),
        ("025-86543210转801", "02586543210转801"),
        ("12345", "12345"),
        (" someone@example.cn ", "someone@example.cn"),
    ],
)
def test_phones_and_mails_are_contacts(given: str, kept: str) -> None:
    assert clean(SecretStr(given)).get_secret_value() == kept


@pytest.mark.parametrize(
    "given",
    [
        "320102199001011234",
        "32010219900101123X",
        "张三",
        "张三 13800138000",
        "1234",
        "13800138000, 回族",
        "a@b",
        "@x.cn",
        "a b@x.cn",
        "x" * 80 + "@example.cn",
        "13800138000\n13800138001",
        "١٣٨٠٠١٣٨٠٠٠a",
    ],
)
def test_names_identity_numbers_and_free_texts_are_none(given: str) -> None:
    with pytest.raises(ValueError, match="phone number") as refused:
        clean(SecretStr(given))
    assert given not in str(refused.value)


def test_what_is_no_contact_is_refused_with_a_sentence(service: Service) -> None:
    for contact in (7, "", "abc", "张三的电话", ["13800138000"], {"phone": "13800138000"}, "x" * 300):
        given = report(0.5, 1.5, contact=contact)
        answer = service.client.post("/api/v1/incidents", json=given, headers=service.as_("worker"))
        assert answer.status_code == 422, contact
        assert "contact" in answer.json()["detail"]
