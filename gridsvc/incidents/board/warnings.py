"""A moment in, the warnings and escalations that are due at it out, each told once; whoever looks, and however late.

It looks at what is late and not yet told, not at the clock: after a downtime the next look tells what was missed. A row
for each warning has the incident, the rule and the due date as its key, so that of many workers only one tells it, and a
due date that was moved is warned of again.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from psycopg.rows import dict_row
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gridsvc.access.permissions import ROLES
from gridsvc.core.db import driver_of, transaction
from gridsvc.core.errors import Invalid
from gridsvc.core.events import SYSTEM, record
from gridsvc.core.settings import settings

BATCH = 500
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
WRITTEN = re.compile(r"(\d{1,6}):([a-z]+(?:,[a-z]+)*)")

TAKE = """
    with late as (
        select i.id, i.number, i.community, i.grid, i.status, i.assignee, i.department, i.due_at as due_at
        from incident i
        where i.closed_at is null and i.due_order <= %(until)s and i.due_order > %(since)s and not exists (
            select from incident_warning w where w.incident = i.id and w.kind = %(kind)s and w.due_at = i.due_at)
        order by i.due_order, i.id limit %(most)s
    ), told as (
        insert into incident_warning (incident, kind, due_at, at, roles)
        select id, %(kind)s, due_at, %(now)s, %(roles)s from late on conflict do nothing
        returning incident
    ) select late.* from late join told on told.incident = late.id order by due_at, id"""
TAKE_STAGE = """
    with late as (
        select i.id, i.number, i.community, i.grid, i.status, i.assignee, i.department, i.stage_due_at as due_at
        from incident i
        where i.closed_at is null and i.stage_due_at <= %(until)s and i.stage_due_at > %(since)s and not exists (
            select from incident_warning w where w.incident = i.id and w.kind = %(kind)s and w.due_at = i.stage_due_at)
        order by i.stage_due_at, i.id limit %(most)s
    ), told as (
        insert into incident_warning (incident, kind, due_at, at, roles)
        select id, %(kind)s, due_at, %(now)s, %(roles)s from late on conflict do nothing
        returning incident
    ) select late.* from late join told on told.incident = late.id order by due_at, id"""


@dataclass(frozen=True)
class Rule:
    """When somebody is told: so long after the due date (before it when negative), and which roles."""

    kind: str
    after: timedelta
    roles: tuple[str, ...]


def rules_of(warn_minutes: int, escalation: str) -> list[Rule]:
    """Read the settings: a warning to who has it, and escalations as `MINUTES:role,role;…` after the due date; pure.

    Raises Invalid for what is none, and for roles there are not.
    """
    rules = [Rule("due_soon", -timedelta(minutes=warn_minutes), ("worker", "department"))]
    for one in filter(None, (part.strip() for part in escalation.split(";"))):
        found = WRITTEN.fullmatch(one)
        roles = tuple(found[2].split(",")) if found else ()
        if found is None or set(roles) - set(ROLES):
            raise Invalid(
                f"GRIDSVC_ESCALATION needs MINUTES:role,role;… with roles of {', '.join(ROLES)}, not {one!r}."
            )
        rules.append(Rule(f"overdue+{int(found[1])}", timedelta(minutes=int(found[1])), roles))
    return rules


def warn(engine: Engine) -> None:
    """Tell all that is due to be told now; this is what workers do every minute."""
    chosen = settings()
    for rule in rules_of(chosen.warn_minutes, chosen.escalation):
        _all(engine, partial(tell, rule=rule))
    _all(engine, tell_stages)


def _all(engine: Engine, batch: Callable[..., list[dict[str, Any]]]) -> None:
    """Tell batch by batch, each committed by itself, until nothing is left to tell."""
    full = True
    while full:
        with transaction(engine) as session:
            full = len(batch(session, now=datetime.now(UTC))) == BATCH


def tell(session: Session, rule: Rule, now: datetime) -> list[dict[str, Any]]:
    """Tell what a rule says of the total clocks, at most a batch of it; answers what was told."""
    # What has fallen due already is not warned of any more: it is overdue, which has a rule of its own.
    since = now if rule.after < timedelta(0) else LONG_AGO
    asked = {"kind": rule.kind, "roles": list(rule.roles), "now": now, "until": now - rule.after, "since": since}
    told = _take(session, TAKE, asked)
    _record(session, told, rule)
    return told


def tell_stages(
    session: Session, now: datetime, roles: Iterable[str] = ("dispatcher", "supervisor")
) -> list[dict[str, Any]]:
    """Tell whose stage has run out of time, at most a batch of it."""
    since = LONG_AGO
    asked = {"kind": "stage", "roles": list(roles), "now": now, "until": now, "since": since}
    told = _take(session, TAKE_STAGE, asked)
    _record(session, told, Rule("stage", timedelta(0), tuple(roles)))
    return told


def _take(session: Session, sql: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    with driver_of(session).cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql.encode(), asked | {"most": BATCH}).fetchall()


def _record(session: Session, told: list[dict[str, Any]], rule: Rule) -> None:
    for one in told:
        facts: dict[str, Any] = {
            "community": one["community"],
            "grid": one["grid"],
            "number": one["number"],
            "status": one["status"],
            "due_at": one["due_at"].isoformat(),
            "roles": list(rule.roles),
            "assignee": one["assignee"],
            "department": one["department"],
            "rule": rule.kind,
        }
        if rule.kind == "due_soon":
            record(session, "incident.warned", f"incident:{one['id']}", actor=SYSTEM, **facts)
        elif rule.kind == "stage":
            record(session, "incident.stage_late", f"incident:{one['id']}", actor=SYSTEM, **facts)
        else:
            record(session, "incident.escalated", f"incident:{one['id']}", actor=SYSTEM, **facts)
