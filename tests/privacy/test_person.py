"""Who works here can be told all that is held on them, and be taken away, but for a pseudonym in the record of the work."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gridsvc.core.db import transaction
from gridsvc.core.errors import Conflict, NotFound
from gridsvc.incidents.journal import load
from gridsvc.privacy.erasing import Erased, erase
from gridsvc.privacy.inventory import HELD
from gridsvc.privacy.person import Person, access, find_person
from tests.conftest import Service
from tests.flows.test_report_an_incident import report
from tests.incidents.contact.test_contact import PHONE, everything_kept

NOW = datetime.now(UTC)
KEY = "0192f0c1-0000-7000-8000-00000000e7a5"


def worked(service: Service) -> dict[str, Any]:
    """Have the worker leave a trace wherever one can: a report with a key, a name and a phone, a sign-in that failed."""
    with service.engine.begin() as connection:
        connection.execute(text("update worker set name = '示例某', phone = '10000000077' where code = 'W1'"))
        connection.execute(text("update account set username = 'shili.mou' where username = 'worker'"))
    headers = service.as_("worker") | {"Idempotency-Key": KEY}
    answer = service.client.post("/api/v1/incidents", json=report(0.5, 1.5, contact=PHONE), headers=headers)
    assert answer.status_code == 201
    service.client.post("/api/v1/session", json={"username": "shili.mou", "password": "not the one, no"})
    made: dict[str, Any] = answer.json()
    return made


def free(service: Service) -> None:
    """End the worker's posts."""
    with service.engine.begin() as connection:
        connection.execute(text("update post set valid = tstzrange(lower(valid), now()) where worker = 'W1'"))


def taken_away(service: Service, who: str = "W1") -> Erased:
    """Erase somebody."""
    with transaction(service.engine) as session:
        return erase(session, find_person(session, who), datetime.now(UTC), actor="system")


def test_somebody_is_found_by_staff_number_and_sign_in_name_as_one_person(service: Service) -> None:
    worked(service)
    with transaction(service.engine) as session:
        whole = find_person(session, "W1")
        assert whole.username == "shili.mou"
        for name in ("worker:W1", "shili.mou", "account:shili.mou"):
            assert find_person(session, name) == whole
        assert find_person(session, "W2") == Person(None, None, "W2")
        assert find_person(session, "admin").worker is None
        for nobody in ("W99", "account:W1", "worker:admin", "", "x:y"):
            with pytest.raises(NotFound):
                find_person(session, nobody)
        session.execute(text("update account set username = 'W2' where username = 'viewer'"))
        with pytest.raises(Conflict, match="account:W2 or worker:W2"):
            find_person(session, "W2")
        assert find_person(session, "worker:W2").username is None


def test_all_that_is_held_is_told_and_no_secret(service: Service) -> None:
    incident = worked(service)
    with transaction(service.engine) as session:
        told = access(session, find_person(session, "W1"), NOW, actor="system")
        kept = session.execute(text("select password_hash, encode(hash, 'hex') from account a join credential c"
                                    " on c.account = a.id where a.username = 'shili.mou'")).all()  # fmt: skip
    tables = {one["table"]: one for one in told["held"]}
    assert set(tables) >= {
        "account",
        "credential",
        "worker",
        "post",
        "incident",
        "incident_step",
        "event",
        "idempotency",
    }
    assert tables["worker"]["rows"][0]["phone"] == "10000000077"
    assert [row["incident"] for row in tables["incident_step"]["rows"]] == [int(incident["id"])]
    assert tables["credential"]["not_shown"] == ["hash"]
    assert "password_hash" in tables["account"]["not_shown"]
    written = json.dumps(told, ensure_ascii=False, default=str)
    assert len(kept) >= 1
    for secret in (*(one for row in kept for one in row), PHONE):
        assert secret not in written
    with service.engine.connect() as connection:
        event = connection.execute(text("select subject, actor from event where kind = 'privacy.accessed'")).one()
    assert event == ("worker:W1", "system")


def test_of_somebody_else_nothing_is_told(service: Service) -> None:
    worked(service)
    with transaction(service.engine) as session:
        told = access(session, find_person(session, "W2"), NOW, actor="system")
    assert {one["table"] for one in told["held"]} <= {"worker", "post", "route"}
    assert "示例某" not in json.dumps(told, ensure_ascii=False, default=str)


def test_every_table_that_tells_whose_it_is_can_be_asked(session: Session) -> None:
    assert access(session, Person(0, "nobody at all", "no worker"), NOW, actor="x")["held"] == []
    assert {one.whose for one in HELD} > {None}


def test_erased_nothing_personal_is_left_but_the_events_and_the_work_has_a_pseudonym(service: Service) -> None:
    incident = worked(service)
    free(service)
    with transaction(service.engine) as session:
        before = load(session, [int(incident["id"])])[int(incident["id"])]
    erased = taken_away(service)
    assert erased.pseudonym == "worker:W1"
    assert erased.renamed >= 1
    assert erased.events >= 1
    found = {table for table, row in everything_kept(service) if "示例某" in row or "10000000077" in row}
    assert found == set()
    named = {table for table, row in everything_kept(service) if "shili.mou" in row}
    assert named == {"public.event"}
    with transaction(service.engine) as session:
        after = load(session, [int(incident["id"])])[int(incident["id"])]
        row = session.execute(text("select name, phone, account from worker where code = 'W1'")).one()
        account = session.execute(text("select * from account where username like 'erased-%'")).one()
        kinds = session.scalars(text("select facts::text from event where kind = 'privacy.erased'")).all()
    assert [step.actor.name for step in after.log] == ["worker:W1"]
    assert after.case.status == before.case.status
    assert row == ("W1", None, None)
    assert (account.password_hash, account.totp_secret, account.territory) == (None, None, [])
    assert account.disabled_at is not None
    assert len(kinds) == 1
    assert "shili" not in kinds[0]
    shown = service.client.get(f"/api/v1/incidents/{incident['id']}/log", headers=service.as_("viewer"))
    assert shown.json()["items"][0]["actor"] == "worker:W1"


def test_erased_nobody_comes_in_any_more(service: Service) -> None:
    worked(service)
    free(service)
    taken_away(service, "shili.mou")
    with service.engine.connect() as connection:
        held = connection.scalar(text("select count(*) from credential c join account a on a.id = c.account"
                                      " where a.username like 'erased-%'"))  # fmt: skip
    assert held == 0
    for name in ("shili.mou", "worker"):
        answer = service.client.post("/api/v1/session", json={"username": name, "password": "a long enough sentence"})
        assert answer.status_code == 401


def test_the_last_administrator_is_not_erased(service: Service) -> None:
    with pytest.raises(Conflict, match="last administrator"):
        taken_away(service, "admin")
    with service.engine.begin() as connection:
        connection.execute(text("insert into account (username, role, territory) values ('second', 'admin', '{\"\"}')"))
    assert taken_away(service, "admin").pseudonym.startswith("account:")
    with pytest.raises(Conflict, match="second is the last administrator"):
        taken_away(service, "second")


def test_who_holds_posts_or_has_open_work_is_not_erased(service: Service) -> None:
    incident = worked(service)
    with pytest.raises(Conflict, match="holds posts"):
        taken_away(service)
    free(service)
    with service.engine.begin() as connection:
        connection.execute(text("update incident set assignee = 'W1' where id = :id"), {"id": incident["id"]})
    with pytest.raises(Conflict, match="1 open incidents"):
        taken_away(service)
    with service.engine.connect() as connection:
        assert connection.scalar(text("select name from worker where code = 'W1'")) == "示例某"
        assert connection.scalar(text("select count(*) from event where kind = 'privacy.erased'")) == 0


@pytest.mark.parametrize(
    ("erasing", "change"),
    [
        ("", "actor = 'worker:W1'"),
        ("somebody", "actor = 'worker:W1'"),
        ("worker", "actor = 'another'"),
        ("worker", "actor = 'worker:W1', note = 'x'"),
        ("worker", "note = 'x'"),
    ],
)
def test_else_the_log_of_incidents_is_as_it_was(service: Service, erasing: str, change: str) -> None:
    answer = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("worker"))
    assert answer.status_code == 201
    with service.engine.connect() as connection:
        connection.execute(text("select set_config('gridsvc.erasing', :who, true)"), {"who": erasing})
        with pytest.raises(DBAPIError, match="only ever added to"):
            connection.execute(text(f"update incident_step set {change}"))
        connection.rollback()
        connection.execute(text("select set_config('gridsvc.erasing', 'worker', true)"))
        with pytest.raises(DBAPIError, match="only ever added to"):
            connection.execute(text("delete from incident_step"))
