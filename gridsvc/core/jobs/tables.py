"""Jobs and the files they were given, as tables; the queue beside them is procrastinate's own (`carry.py`)."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gridsvc.core.db import Base


class Job(Base):
    """What was asked of the workers, by whom, how far it is, and how it ended.

    This row is the truth about a job. The queue only brings it to a worker, at least once.
    """

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint("state in ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
        CheckConstraint("(finished_at is null) = (state in ('queued', 'running'))", name="finished_at"),
        Index("ix_job_actor", "actor", "id"),
        Index("ix_job_finished_at", "finished_at"),
    )

    # An integer, because an advisory lock has room for 32 bits beside its kind.
    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB)
    # Whose rows it sees: those that who asked for it saw.
    scope: Mapped[str] = mapped_column(
        Text, server_default=text("coalesce(current_setting('gridsvc.scope', true), '')")
    )
    queue_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    cancel_asked: Mapped[bool] = mapped_column(server_default=text("false"))
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    total: Mapped[int] = mapped_column(BigInteger, server_default="0")
    message: Mapped[str] = mapped_column(Text, server_default="")
    result: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    step_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class JobFile(Base):
    """A piece of the file a job was given; it is in the database, so that a worker on any machine has it."""

    __tablename__ = "job_file"

    job: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    bytes: Mapped[bytes] = mapped_column(LargeBinary)
