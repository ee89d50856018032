"""A moment in; what is over its age deleted, and what is left of it counted: the proof that nothing is.

Each kind is a row of a table. What is deleted is chosen by the same words as what is counted afterwards, in a
transaction of its own, so that a deletion that did not happen is found and not believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from annotated_types import Le
from sqlalchemy import Engine, text

from gridsvc.core.db import transaction
from gridsvc.core.events import SYSTEM, record
from gridsvc.core.settings import Settings, settings

BATCH = 5000
SUBJECT = "privacy:retention"
LOCK = text("select pg_advisory_xact_lock(hashtext('gridsvc.retain'))")


@dataclass(frozen=True)
class Kind:
    """Something that goes by age: `setting` has the days, `old` chooses rows of `table` that are over the age `:before`.

    `delete` is what is done with each, when it is not simply deleted.
    """

    name: str
    setting: str
    table: str
    old: str
    delete: str | None = None

    @property
    def most_days(self) -> int:
        """Give the cap an office cannot go beyond."""
        return next(one.le for one in Settings.model_fields[self.setting].metadata if isinstance(one, Le))  # type: ignore[return-value]


KINDS = (
    Kind(
        "contact",
        "contact_days",
        "incident_contact",
        "deleted_at is null and exists (select from incident i where i.id = incident and i.closed_at < :before)",
        "update incident_contact set sealed = null, deleted_at = now()",
    ),
    # Signed out is deleted at once; these are sign-ins and tokens whose time has run out.
    Kind("sign_in", "sign_in_days", "credential", "least(expires_at, last_used_at + idle) < :before"),
    Kind("sign_in_failure", "sign_in_days", "sign_in_failure", "at < :before"),
    Kind("sign_in_attempt", "sign_in_days", "sign_in_attempt", "expires_at < :before"),
    Kind("repeated_write", "idempotency_days", "idempotency", "made_at < :before"),
    Kind("webhook_delivery", "delivery_days", "webhook_delivery", "done_at < :before"),
    Kind("job", "job_days", "job", "finished_at < :before"),
)
"""Photos are not here: they are evidence of the work, of things and places, and stay with their incident."""


@dataclass(frozen=True)
class Retained:
    """What became of a kind: how many were deleted, and how many over the age are `left` (none, or something is wrong)."""

    kind: str
    days: int
    deleted: int
    left: int


def retain_daily(engine: Engine) -> None:
    """Do what a worker does once a day; what is left over its age is told in the log."""
    for one in retain(engine, datetime.now(UTC), settings(), actor=SYSTEM):
        if one.left:
            structlog.get_logger().error("retention.left", kind=one.kind, days=one.days, left=one.left)


def retain(
    engine: Engine, now: datetime, chosen: Settings, *, actor: str, kinds: Sequence[Kind] = KINDS
) -> list[Retained]:
    """Delete what is over its age at `now`, count what is left of it, and record both as one event."""
    days = {kind.name: int(getattr(chosen, kind.setting)) for kind in kinds}
    deleted = {kind.name: _delete(engine, kind, now - timedelta(days=days[kind.name])) for kind in kinds}
    with transaction(engine) as session:
        found = []
        for kind in kinds:
            count = text(f"select count(*) from {kind.table} where {kind.old}")  # noqa: S608 - our own table of kinds
            left = session.scalar(count, {"before": now - timedelta(days=days[kind.name])}) or 0
            found.append(Retained(kind.name, days[kind.name], deleted[kind.name], left))
        told = {one.kind: {"days": one.days, "deleted": one.deleted, "left": one.left} for one in found}
        record(session, "privacy.retained", SUBJECT, actor=actor, as_of=now.isoformat(), kinds=told)
    return found


def last_run(engine: Engine) -> dict[str, Any] | None:
    """Read when it was last done and what came of it; None when it never was."""
    with transaction(engine) as session:
        row = session.execute(
            text("select at, facts from event where subject = :subject order by id desc limit 1"), {"subject": SUBJECT}
        ).one_or_none()
    return {"at": row.at, **row.facts} if row else None


def _delete(engine: Engine, kind: Kind, before: datetime) -> int:
    """Delete what is older, in transactions that nobody waits long for."""
    done, last = 0, BATCH
    act = kind.delete or f"delete from {kind.table}"  # noqa: S608 - our own table of kinds
    some = text(f"{act} where ctid = any (array(select ctid from {kind.table} where {kind.old} limit :most))")  # noqa: S608
    while last == BATCH:
        with transaction(engine) as session:
            session.execute(LOCK)
            last = session.execute(some, {"before": before, "most": BATCH}).rowcount  # type: ignore[attr-defined]
        done += last
    return done
