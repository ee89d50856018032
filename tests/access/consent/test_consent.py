"""Nobody's position is taken before they agreed to the notice in force, and anybody can withdraw."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gridsvc.access.consent import agreeing
from gridsvc.access.consent.agreeing import Notice, Wording, agree, has_consent, in_force, notices, withdraw
from gridsvc.access.tables import Account
from gridsvc.core.errors import Conflict
from tests.conftest import Service


def worker_of(session: Session) -> int:
    """Give the worker's account."""
    return session.scalars(select(Account.id).where(Account.username == "worker")).one()


def test_the_notice_is_read_in_both_languages_and_says_what_matters(service: Service) -> None:
    assert service.client.get("/api/v1/consent").status_code == 401
    notice = service.client.get("/api/v1/consent", headers=service.as_("worker")).json()
    assert notice["version"] == in_force().version
    for word in ("30 天", "撤回", "当班"):
        assert word in notice["zh"]["text"]
    for word in ("30 days", "withdraw", "on shift"):
        assert word in notice["en"]["text"]


def test_every_version_is_another_one() -> None:
    versions = [notice.version for notice in notices()]
    assert versions == sorted(set(versions))


def test_who_agreed_to_what_and_when_is_kept_and_may_be_withdrawn(service: Service) -> None:
    worker = service.as_("worker")
    before = service.client.get("/api/v1/me/consent", headers=worker).json()
    assert before == {"holds": False, "agreed": False, "version": None, "at": None}
    version = service.client.get("/api/v1/consent", headers=worker).json()["version"]
    for _ in range(2):
        said = service.client.post("/api/v1/me/consent", json={"version": version}, headers=worker)
        assert said.status_code == 200
        assert (said.json()["holds"], said.json()["version"]) == (True, version)
        assert said.json()["at"]
    # Of nobody else.
    assert service.client.get("/api/v1/me/consent", headers=service.as_("viewer")).json()["agreed"] is False
    assert service.client.delete("/api/v1/me/consent", headers=worker).status_code == 204
    after = service.client.get("/api/v1/me/consent", headers=worker).json()
    assert (after["holds"], after["agreed"], after["version"]) == (False, False, version)
    assert service.client.delete("/api/v1/me/consent", headers=worker).status_code == 404
    with service.engine.connect() as connection:
        kept = connection.execute(text("select version, agreed from consent order by id")).all()
        told = connection.execute(
            text("select kind, actor, facts from event where kind like 'consent.%' order by id")
        ).all()
    assert kept == [(version, True), (version, False)]
    assert told == [
        ("consent.given", "worker", {"version": version}),
        ("consent.withdrawn", "worker", {"version": version}),
    ]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"version": "1999"}, 409),
        ({}, 422),
        ({"version": ""}, 422),
        ({"version": 7}, 422),
        ({"version": "1", "x": 1}, 422),
    ],
)
def test_a_yes_to_another_text_is_none(service: Service, given: dict[str, object], status: int) -> None:
    answer = service.client.post("/api/v1/me/consent", json=given, headers=service.as_("worker"))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    with service.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from consent")) == 0


def test_tracking_may_ask_and_a_new_notice_asks_anew(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    account = worker_of(session)
    assert not has_consent(session, account)
    agree(session, account, in_force().version, actor="worker")
    assert has_consent(session, account)
    newer = Notice(version="2999-01-01", zh=Wording(title="t", text="t"), en=Wording(title="t", text="t"))
    older = in_force()
    monkeypatch.setattr(agreeing, "notices", lambda: (older, newer))
    assert not has_consent(session, account)
    with pytest.raises(Conflict, match="2999-01-01"):
        agree(session, account, older.version, actor="worker")
    agree(session, account, newer.version, actor="worker")
    assert has_consent(session, account)
    withdraw(session, account, actor="worker")
    assert not has_consent(session, account)


def test_what_was_said_cannot_be_changed_afterwards(session: Session) -> None:
    agree(session, worker_of(session), in_force().version, actor="worker")
    with pytest.raises(DBAPIError, match="only ever added to"):
        session.execute(text("update consent set agreed = false"))
