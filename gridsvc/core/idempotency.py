"""Writes that may be sent again: a key made on the device and a body in, the first answer out, every time."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import BaseModel, SecretStr
from sqlalchemy import DateTime, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from gridsvc.core.db import Base, driver_of
from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.sealing import office_key

LOCK = "select pg_try_advisory_xact_lock(%(lock)s)"
KEPT = "select body_hash, status, answer from idempotency where actor = %(actor)s and key = %(key)s"
KEEP = """
    insert into idempotency (actor, key, body_hash, status, answer)
    values (%(actor)s, %(key)s, %(body_hash)s, %(status)s, %(answer)s)"""


class Idempotency(Base):
    """What a repeated write is answered with."""

    __tablename__ = "idempotency"

    actor: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    answer: Mapped[Any] = mapped_column(JSONB)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"), index=True)


@dataclass(frozen=True)
class Sent:
    """A write as it came in: who, with which key (None: not repeatable), to which operation, with what."""

    actor: str
    key: str | None
    operation: str
    body: BaseModel
    secret: SecretStr | None = None
    """What of the body is written as stars; it counts for what is the same, and cannot be guessed from what is kept."""

    @property
    def body_hash(self) -> bytes:
        """Hash what was sent, with the office's key where something secret is in it: a phone number is soon guessed."""
        told = f"{self.operation}\n{self.body.model_dump_json()}"
        if self.secret is None:
            return hashlib.sha256(told.encode()).digest()
        return hmac.digest(office_key(), f"sent\n{told}\n{self.secret.get_secret_value()}".encode(), "sha256")


def once(session: Session, sent: Sent, act: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
    """Do a write once: run `act` (it answers status and JSON-able body) and keep its answer in the same transaction.

    The same key and body get the kept answer. Raises Invalid when the key comes with another body, Conflict while
    the first one is still being worked on.
    """
    if sent.key is None:
        return act()
    if not 1 <= len(sent.key) <= 200:
        raise Invalid("An Idempotency-Key needs 1 to 200 characters.")
    # By the driver, because this is on the way of every write: the mapper costs more than the statements.
    connection = driver_of(session)
    asked = {"lock": _lock_number(sent.actor, sent.key), "actor": sent.actor, "key": sent.key}
    if not connection.execute(LOCK, asked).fetchone()[0]:  # type: ignore[index]
        raise Conflict("The same request is being worked on right now; ask again in a moment.")
    body_hash = sent.body_hash
    kept = connection.execute(KEPT, asked).fetchone()
    if kept is not None:
        if kept[0] != body_hash:
            raise Invalid("This Idempotency-Key was already used for another request.")
        return kept[1], kept[2]
    status, answer = act()
    connection.execute(KEEP, asked | {"body_hash": body_hash, "status": status, "answer": Jsonb(answer)})
    return status, answer


def _lock_number(actor: str, key: str) -> int:
    digest = hashlib.sha256(f"{actor}\n{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
