"""What waits to be told in, signed requests to the hosts an office allows out, and when to try again after a failure.

The database puts a row for each event and webhook in the event's own transaction (a trigger), so nothing is missed
and nothing is told that did not happen. A receiver may get an event twice, when it answered and we could not note it: the
header X-Gridsvc-Delivery is the same then.
"""

import hashlib
import hmac
import http.client
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog
from psycopg.rows import dict_row
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of, transaction
from gridsvc.core.errors import Invalid, Refusal
from gridsvc.core.sealing import unseal
from gridsvc.core.settings import settings

BATCH = 50
PATIENCE_S = 10
MOST_ATTEMPTS = 10

# A row is held while it is told, so that two workers never tell it at once.
WAITING = """
    select d.id, d.attempts, h.url, h.secret, e.id as event, e.at, e.kind, e.subject, e.community, e.grid, e.facts
    from webhook_delivery d join webhook h on h.id = d.webhook join event e on e.id = d.event
    where d.done_at is null and d.next_at <= %(now)s
    order by d.next_at, d.id limit %(most)s for no key update of d skip locked"""
DONE = "update webhook_delivery set done_at = %(now)s, attempts = attempts + 1, error = null where id = %(id)s"
AGAIN = """
    update webhook_delivery set attempts = attempts + 1, error = %(error)s, next_at = %(next)s, done_at = %(over)s
    where id = %(id)s"""


@dataclass(frozen=True)
class Target:
    """Where a webhook goes, as its address says it."""

    scheme: str
    host: str
    port: int | None
    path: str


def target_of(url: str, allowed: str) -> Target:
    """Read the address of a webhook; raises Invalid for one that is none, or a host that is not on the list.

    `allowed` are hosts with commas; where there are none, nothing is ever sent.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise Invalid(f"{url[:80]!r} is no address of a webhook.") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.fragment:
        raise Invalid("The address of a webhook is http:// or https:// with a host, and no user name in it.")
    hosts = {one.strip().lower() for one in allowed.split(",") if one.strip()}
    if host not in hosts:
        raise Invalid(f"{host} is not among the hosts that may be told (GRIDSVC_WEBHOOK_HOSTS).")
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, port, f"{parts.path or '/'}{query}")


def signature(secret: bytes, moment: int, body: bytes) -> str:
    """Sign what is sent and when: `t=…,v1=…`, HMAC-SHA256 over the seconds, a point and the body."""
    digest = hmac.new(secret, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def deliver(engine: Engine) -> None:
    """Tell what waits; this is what workers do every minute."""
    full = True
    while full:
        with transaction(engine) as session:
            full = deliver_batch(session, datetime.now(UTC)) == BATCH


def deliver_batch(session: Session, now: datetime) -> int:
    """Tell at most a batch of what waits; answers how many were tried."""
    connection = driver_of(session)
    with connection.cursor(row_factory=dict_row) as cursor:
        waiting = cursor.execute(WAITING, {"now": now, "most": BATCH}).fetchall()
    for one in waiting:
        error = send(one, now)
        if error is None:
            connection.execute(DONE, {"id": one["id"], "now": now})
            continue
        attempts = one["attempts"] + 1
        structlog.get_logger().warning("webhook.failed", delivery=one["id"], attempts=attempts, error=error)
        over = now if attempts >= MOST_ATTEMPTS else None
        waits = timedelta(minutes=min(2 ** (attempts - 1), 24 * 60))
        connection.execute(AGAIN, {"id": one["id"], "error": error, "next": now + waits, "over": over})
    return len(waiting)


def send(one: dict[str, Any], now: datetime) -> str | None:
    """Send one event; answers why it did not arrive. A redirect is not followed: it would leave the list of hosts."""
    body = orjson.dumps({name: one[name] for name in ("event", "at", "kind", "subject", "community", "grid", "facts")})
    try:
        target = target_of(one["url"], settings().webhook_hosts)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "gridsvc",
            "X-Gridsvc-Event": one["kind"],
            "X-Gridsvc-Delivery": str(one["id"]),
            "X-Gridsvc-Signature": signature(
                unseal(one["secret"], f"webhook {one['url']}"), int(now.timestamp()), body
            ),
        }
        connection = _connect(target)
        try:
            connection.request("POST", target.path, body, headers)
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, Refusal) as error:
        return " ".join(str(error).split())[:300] or type(error).__name__
    return None if 200 <= status < 300 else f"it answered {status}"


def _connect(target: Target) -> http.client.HTTPConnection:
    if target.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(target.host, target.port, timeout=PATIENCE_S, context=context)
    return http.client.HTTPConnection(target.host, target.port, timeout=PATIENCE_S)
