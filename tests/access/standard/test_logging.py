"""What the log holds, as the standard wants it: who got in, who was refused and what failed, a line each that no request breaks."""

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from structlog.testing import capture_logs

from gridsvc.app.console import log_plainly
from gridsvc.core.db import Database
from tests.access.test_sign_in import enter
from tests.conftest import Service
from tests.town import PASSWORD


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Write the log as the service does where no terminal is."""
    written = io.StringIO()
    before = structlog.get_config()
    monkeypatch.setattr(sys, "stderr", written)
    log_plainly()
    yield written
    structlog.configure(**before)


def test_a_line_of_the_log_is_one_line_of_json_whatever_was_sent(log: io.StringIO) -> None:
    hostile = 'x\n{"event": "account.signed_in"}\r\x1b[31m\u2028 " \\'
    structlog.get_logger().warning("request.refused", path=hostile)
    structlog.get_logger().error("request.failed", exc_info=ValueError(hostile))
    lines = log.getvalue().removesuffix("\n").split("\n")
    assert len(lines) == 2
    refused, failed = (json.loads(line) for line in lines)
    assert (refused["event"], refused["path"], refused["level"]) == ("request.refused", hostile, "warning")
    assert refused["timestamp"].endswith("Z")
    assert hostile in failed["exception"]
    assert "\x1b" not in log.getvalue()


def test_who_is_refused_is_in_the_log_and_no_secret_is(service: Service) -> None:
    with capture_logs() as lines:
        enter(service, password="not the password")
        service.client.cookies.clear()
        service.client.get("/api/v1/grids", headers={"Authorization": "Bearer not-a-token"})
        service.client.get("/api/v1/accounts", headers=service.as_("viewer"))
    told = [(one["event"], one.get("kind"), one.get("path")) for one in lines]
    assert ("request.refused", "unauthenticated", "/api/v1/session") in told
    assert ("request.refused", "unauthenticated", "/api/v1/grids") in told
    assert ("request.refused", "forbidden", "/api/v1/accounts") in told
    assert all(one["address"] for one in lines if one["event"] == "request.refused")
    everything = json.dumps(lines)
    for secret in ("not the password", "not-a-token", PASSWORD, service.tokens["viewer"]):
        assert secret not in everything


def test_who_gets_in_and_who_does_not_is_kept(service: Service) -> None:
    def kept(query: str) -> int:
        with service.engine.connect() as connection:
            return int(connection.scalar(text(query)) or 0)

    entered, failed = (
        "select count(*) from event where kind = 'account.signed_in'",
        "select count(*) from sign_in_failure",
    )
    before = kept(entered), kept(failed)
    assert enter(service).status_code == 204
    assert enter(service, password="not the password").status_code == 401
    # A failure is kept for the name and for the address.
    assert (kept(entered), kept(failed)) == (before[0] + 1, before[1] + 2)


def test_a_fault_is_in_the_log_and_not_in_the_answer(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.client.get("/api/v1/grids", headers=service.as_("viewer"))  # who asks is remembered

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the inside of the service")

    monkeypatch.setattr(Database, "rows", broken)
    with capture_logs() as lines:
        answer = service.client.get("/api/v1/grids", headers=service.as_("viewer"))
    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert "RuntimeError" not in answer.text
    (line,) = [one for one in lines if one["event"] == "request.failed"]
    assert line["path"] == "/api/v1/grids"
    assert str(line["exc_info"]) == "the inside of the service"


def test_who_tries_to_get_round_the_checks_is_in_the_log_and_what_they_sent_is_not(service: Service) -> None:
    header = service.as_("viewer")
    with capture_logs() as lines:
        service.client.get("/api/v1/grids?limit=secret-of-mine", headers=header)
        service.client.get("/ogc/collections/grids/items?filter=secret-of-mine", headers=header)
        service.client.post(
            "/api/v1/locate", content=b"{secret-of-mine", headers={**header, "Content-Type": "application/json"}
        )
    told = [(one["kind"], one["path"]) for one in lines if one["event"] == "request.refused"]
    assert ("not_understood", "/api/v1/grids") in told
    assert ("refused", "/ogc/collections/grids/items") in told or ("invalid", "/ogc/collections/grids/items") in told
    assert "/api/v1/locate" in [path for _, path in told]
    assert "secret-of-mine" not in json.dumps(lines)
