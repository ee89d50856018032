"""Webhooks tell what happened: signed, once it is committed, again after a failure, and only to hosts on the list."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.core.settings import Settings
from gridsvc.incidents.hooks.delivering import MOST_ATTEMPTS, deliver, deliver_batch, target_of
from tests.conftest import Service
from tests.flows.test_report_an_incident import report


class Receiver(HTTPServer):
    """A system of the office that listens: it answers what it is told to, and keeps what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Answering(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.answers)
        self.send_header("Location", "http://example.invalid/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Run a receiver whose host is on the list."""
    allowed = Settings(webhook_hosts="127.0.0.1, hooks.office")
    for place in ("delivering", "endpoints"):
        monkeypatch.setattr(f"gridsvc.incidents.hooks.{place}.settings", lambda: allowed)
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_what_happens_is_told_once_and_signed(service: Service, receiver: Receiver) -> None:
    admin = service.as_("admin")
    given = {"url": receiver.url, "kinds": ["incident.reported"]}
    made = service.client.post("/api/v1/webhooks", json=given, headers=admin).json()
    incident = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("intake")).json()
    acted = service.client.post(
        f"/api/v1/incidents/{incident['id']}/actions",
        json={"action": "file"},
        headers=service.as_("intake") | {"If-Match": '"1"'},
    )
    assert acted.status_code == 200
    deliver(service.engine)
    deliver(service.engine)
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["kind"], told["facts"]["number"]) == ("incident.reported", incident["number"])
    moment, _, signed = headers["X-Gridsvc-Signature"].partition(",v1=")
    right = hmac.new(made["secret"].encode(), f"{moment[2:]}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(signed, right)
    (one,) = service.client.get(f"/api/v1/webhooks/{made['id']}/deliveries", headers=admin).json()["items"]
    assert (one["attempts"], one["error"]) == (1, None)
    assert "secret" not in service.client.get("/api/v1/webhooks", headers=admin).json()["items"][0]
    assert service.client.delete(f"/api/v1/webhooks/{made['id']}", headers=admin).status_code == 204
    assert service.client.delete(f"/api/v1/webhooks/{made['id']}", headers=admin).status_code == 404


def test_what_fails_is_tried_again_later_and_given_up_at_last(service: Service, receiver: Receiver) -> None:
    service.client.post("/api/v1/webhooks", json={"url": receiver.url}, headers=service.as_("admin"))
    service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("intake"))
    receiver.answers = 302
    now = datetime.now(UTC)
    with Session(service.engine) as session:
        assert deliver_batch(session, now) == 1
        assert deliver_batch(session, now) == 0, "not at once"
        for _ in range(MOST_ATTEMPTS + 2):
            now += timedelta(days=1)
            deliver_batch(session, now)
        attempts, error, over = session.execute(
            text("select attempts, error, done_at is not null from webhook_delivery")
        ).one()
    assert (attempts, error, over) == (MOST_ATTEMPTS, "it answered 302", True)
    assert len(receiver.got) == MOST_ATTEMPTS, "and no redirect was followed"


def test_what_was_taken_back_is_not_told(service: Service, receiver: Receiver) -> None:
    service.client.post("/api/v1/webhooks", json={"url": receiver.url}, headers=service.as_("admin"))
    bad = service.client.post("/api/v1/incidents", json=report(0.5, 1.5, condition="99"), headers=service.as_("intake"))
    assert bad.status_code == 422
    deliver(service.engine)
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example/x",
        "ftp://hooks.office/",
        "http://user@hooks.office/",
        "http://hooks.office:x/",
        "hook",
    ],
)
def test_only_hosts_on_the_list_are_told(service: Service, receiver: Receiver, url: str) -> None:
    answer = service.client.post("/api/v1/webhooks", json={"url": url}, headers=service.as_("admin"))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (
        service.client.post("/api/v1/webhooks", json={"url": receiver.url}, headers=service.as_("intake")).status_code
        == 403
    )


def test_without_a_list_nothing_is_ever_sent() -> None:
    with pytest.raises(Invalid, match="GRIDSVC_WEBHOOK_HOSTS"):
        target_of("http://127.0.0.1/", Settings().webhook_hosts)
