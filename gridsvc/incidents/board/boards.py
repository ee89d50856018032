"""Who looks, at which part of the town and as of when in, the board and the figures of the stages out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.errors import Invalid
from gridsvc.core.settings import Settings
from gridsvc.incidents.board import statements
from gridsvc.incidents.calendar.keeping import work_calendar
from gridsvc.incidents.case import ENDED, Actor, rebuild
from gridsvc.incidents.journal import load, opened, projected

MOST_REBUILT = 200_000
BATCH = 5000
SHOWN = ("status", "assignee", "department", "queue", "due_at", "stage_due_at", "waiting", "waiting_by")

RULES = {
    "filing_rate": ("filed", ("filed", "rejected"), "立案率: filed, of those filed or rejected"),
    "in_time_rate": (
        "closed_in_time",
        ("closed_with_due",),
        "按期率: closed by the due date, of those closed with one",
    ),
    "rework_rate": ("reworked", ("closed",), "返工率: sent back at least once by a check, of those closed"),
    "return_rate": (
        "returned",
        ("dispatched",),
        "回退率: returned at least once by who should act, of those dispatched",
    ),
}
"""Each rate: what is counted, of what, and the rule in words. All of incidents reported in the period."""
PERIOD_RULE = (
    "Incidents reported in the period, by their logs up to the moment; medians are of elapsed time. Left out, and counted"
    " here: those merged into others, and those taken out by an approved appeal."
)


@dataclass(frozen=True)
class View:
    """Who looks at which part of the town, as of when (`past`: not as it is now)."""

    actor: Actor
    at: datetime
    past: bool
    grid: str | None = None
    community: str | None = None
    department: str | None = None

    def parameters(self, chosen: Settings) -> dict[str, Any]:
        """Give what the statements ask for."""
        return {
            "grid": self.grid,
            "community": self.community,
            "of": self.department,
            "at": self.at,
            "soon": self.at + timedelta(minutes=chosen.warn_minutes),
            "name": self.actor.name,
            "role": self.actor.role,
            "worker": self.actor.worker,
            "department": self.actor.department,
        }


def board(session: Session, view: View, chosen: Settings, limit: int) -> dict[str, Any]:
    """Count and list what is open, late, soon late, one's own and waiting for one's approval."""
    asked = view.parameters(chosen) | {"limit": limit}
    source = statements.OPEN_NOW
    if view.past:
        source = statements.OPEN_THEN
        asked["rows"] = orjson.dumps(_then(session, view, asked, chosen)).decode()
    row = driver_of(session).execute(statements.board(source).encode(), asked).fetchone()
    counts, by_status, lists = row or ({}, {}, {})
    return {"at": view.at, "counts": counts, "by_status": by_status, "lists": lists}


def stages(session: Session, view: View, chosen: Settings, since: datetime, until: datetime) -> dict[str, Any]:
    """Tell how well the stages go for incidents reported in a period, with the rule each figure is counted by."""
    asked = view.parameters(chosen) | {"since": since, "until": until}
    row = driver_of(session).execute(statements.STAGES.encode(), asked).fetchone()
    told: dict[str, Any] = row[0] if row else {}
    left_out = told.pop("left_out")
    medians = {name: told.pop(name) for name in list(told) if name.endswith("_s")}
    return {
        "from": since,
        "to": until,
        "rule": PERIOD_RULE,
        "counts": told,
        "left_out": left_out,
        "rates": {name: {**rate(told, name), "rule": RULES[name][2]} for name in RULES},
        "medians": medians,
    }


def rate(counts: dict[str, int], name: str) -> dict[str, Any]:
    """Work out a rate by its rule; null where there is nothing to count; pure."""
    part, whole, _ = RULES[name]
    of = sum(counts[each] for each in whole)
    return {"count": counts[part], "of": of, "value": round(counts[part] / of, 4) if of else None}


def _then(session: Session, view: View, asked: dict[str, Any], chosen: Settings) -> list[dict[str, Any]]:
    """Rebuild what was open at a moment from the logs up to it.

    Raises Invalid where that would be more than can be rebuilt in a request.
    """
    found = driver_of(session).execute(statements.LATER.encode(), asked | {"most": MOST_REBUILT + 1}).fetchall()
    if len(found) > MOST_REBUILT:
        raise Invalid(f"More than {MOST_REBUILT:,} incidents may have been open then; ask for a community or a grid.")
    calendar, rows = work_calendar(session), []
    for first in range(0, len(found), BATCH):
        for kept in load(session, [row[0] for row in found[first : first + BATCH]]).values():
            limit = kept.case.limit
            begun = opened(kept.case.reported_at, int(limit.count), limit.unit)
            case = rebuild(begun, [step for step in kept.log if step.at <= view.at])
            if case.status in ENDED or (view.department and case.department != view.department):
                continue
            said = projected(case, calendar, chosen)
            rows.append({"id": kept.id, **{name: said[name] for name in SHOWN}})
    return rows
