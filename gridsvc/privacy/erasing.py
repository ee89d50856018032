"""Somebody who has left in; their personal part taken away, and what the record of the work keeps of them: a pseudonym.

The audit is only ever added to: its events keep the sign-in name, and it is told how many do.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.access.proof.lockout import forget_failures
from gridsvc.core.errors import Conflict
from gridsvc.core.events import record
from gridsvc.privacy.person import Person

HAS_POSTS = """
    select array_agg(distinct grid order by grid) from post
    where worker = :worker and (upper(valid) is null or upper(valid) > :now)"""
HAS_WORK = "select count(*) from incident where assignee = :worker and closed_at is null"
# Locked, so that of two administrators who are erased at once one stays.
ADMINS = """
    select id from account where role = 'admin' and disabled_at is null order by id for update"""
TAKEN_AWAY = (
    "update worker set name = code, phone = null, account = null where code = :worker or account = :account",
    "delete from credential where account = :account",
    "delete from recovery_code where account = :account",
    "delete from identity where account = :account",
    "delete from sign_in_attempt where account = :account",
    """update account set username = 'erased-' || id, department = null, territory = '{}', password_hash = null,
        totp_secret = null, totp_confirmed_at = null, totp_step = null, disabled_at = coalesce(disabled_at, now())
    where id = :account""",
    "delete from idempotency where actor = :username",
)
"""What is personal goes; the rows of the account and the worker stay, because the record of the work points at them."""
RENAMED = (
    ("incident_step", "actor"),
    ("incident", "waiting_by"),
    ("incident", "reported_by"),
    ("incident_photo", "by"),
    ("job", "actor"),
    ("webhook", "created_by"),
    ("catalogue", "imported_by"),
    ("calendar", "changed_by"),
)
"""Where a sign-in name stands in the record of the work."""


@dataclass(frozen=True)
class Erased:
    """What became of somebody: the pseudonym that stays, how many lines have it now, and the events that keep the name."""

    pseudonym: str
    renamed: int
    events: int


def erase(session: Session, person: Person, now: datetime, *, actor: str) -> Erased:
    """Take away what is personal of somebody, and record that it was done.

    Raises Conflict for the last administrator, and for a worker who has posts now or to come, or open work.
    """
    _refuse_needed(session, person, now)
    keys = {"account": person.account, "username": person.username, "worker": person.worker}
    renamed = 0
    if person.username is not None:
        forget_failures(session, person.username)
        # The log of incidents lets a name become a pseudonym while this says whose, and nothing else (log_is_kept).
        session.execute(text("select set_config('gridsvc.erasing', :username, true)"), keys)
        for table, column in RENAMED:
            change = text(f"update {table} set {column} = :pseudonym where {column} = :username")  # noqa: S608 - our own table
            renamed += session.execute(change, {**keys, "pseudonym": person.pseudonym}).rowcount  # type: ignore[attr-defined]
        session.execute(text("select set_config('gridsvc.erasing', '', true)"))
    for statement in TAKEN_AWAY:
        session.execute(text(statement), keys)
    events = session.scalar(text("select count(*) from event where actor = :username"), keys) or 0
    session.expire_all()
    record(session, "privacy.erased", person.pseudonym, actor=actor, renamed=renamed, account=person.account)
    return Erased(person.pseudonym, renamed, events)


def _refuse_needed(session: Session, person: Person, now: datetime) -> None:
    admins = session.scalars(text(ADMINS)).all()
    if person.account in admins and len(admins) == 1:
        raise Conflict(f"{person.username} is the last administrator; make another one first.")
    if person.worker is None:
        return
    keys = {"worker": person.worker, "now": now}
    if grids := session.scalar(text(HAS_POSTS), keys):
        raise Conflict(
            f"{person.worker} holds posts, now or to come, on {', '.join(grids)}; give them to others first."
        )
    if work := session.scalar(text(HAS_WORK), keys):
        raise Conflict(
            f"{person.worker} has {work} open incidents to mend; have them returned or given to others first."
        )
