"""The event table, which is audit, live feed and history in one: a past-tense fact in, one row out."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import BigInteger, DateTime, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from gridsvc.core.db import Base, driver_of

SYSTEM = "system"
"""The actor of what nobody asked for: imports on the command line, jobs."""


WRITE = "insert into event (actor, kind, subject, community, grid, facts) values (%s, %s, %s, %s, %s, %s)"


class Event(Base):
    """One fact: who did what to which thing, when, with the details."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_subject", "subject", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("clock_timestamp()"))
    actor: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    community: Mapped[str | None] = mapped_column(Text)
    grid: Mapped[str | None] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))


def record(session: Session, kind: str, subject: str, *, actor: str, **place_and_facts: Any) -> None:
    """Write one event in the running transaction.

    `kind` is past tense and dotted (`incident.reported`), `subject` is the thing as `type:key` (`incident:17`).
    `community` and `grid` may be among the keywords and become columns; everything else becomes the facts (JSON).
    """
    community = place_and_facts.pop("community", None)
    grid = place_and_facts.pop("grid", None)
    # By the driver: it is on the way of every write, and the mapper costs more than the row.
    driver_of(session).execute(WRITE, (actor, kind, subject, community, grid, Jsonb(place_and_facts)))
