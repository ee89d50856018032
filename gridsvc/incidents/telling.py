"""An incident as its log tells it in; its clocks, its log and the reasons it went to whom out, as others read them; pure."""

from datetime import datetime
from typing import Any

from gridsvc.core.settings import Settings
from gridsvc.incidents.case import Step
from gridsvc.incidents.clocks import WorkCalendar, counted, due, used
from gridsvc.incidents.journal import STAGES, Kept, stage_due

DISPATCHING = frozenset(
    {"report", "verify", "dispatch", "return", "fall_back", "check", "self_handle", "adopt", "merge"}
)


def clocks(kept: Kept, calendar: WorkCalendar, chosen: Settings, now: datetime) -> dict[str, Any]:
    """Tell what the total clock and that of the stage say: counts in the limit's own unit, exact to a millionth."""
    case = kept.case
    unit = case.limit.unit
    until = case.closed_at or case.paused_since or now
    counts = used(case.reported_at, until, unit, calendar, case.pauses)
    ends = case.due(calendar)
    raw = due(case.reported_at, case.total, calendar, case.pauses)
    return {
        "total": {
            "unit": unit,
            "limit": float(case.limit.count),
            "extended_by": float(case.extra),
            "extensions": case.extensions,
            "started_at": case.reported_at,
            "used": round(float(counts), 6),
            "left": round(float(case.total.count - counts), 6),
            "due_at": ends.at if ends else None,
            "uncertain": raw.uncertain,
            "overdue": case.overdue(now, calendar),
            "excluded": case.excluded,
            "ended_at": case.closed_at,
            "paused_since": case.paused_since,
            "pauses": [
                {"from": begin, "to": end, "counted": round(float(counted(begin, end, unit, calendar)), 6)}
                for begin, end in case.pauses
            ],
        },
        "stage": {
            "status": case.status,
            "since": case.stage_since,
            "limit_minutes": getattr(chosen, STAGES[case.status]) if case.status in STAGES else None,
            "due_at": stage_due(case, calendar, chosen),
        },
        "calendar_known_until": calendar.known_until,
    }


def line(number: int, step: Step) -> dict[str, Any]:
    """Tell one line of the log; what was not said is left out."""
    said = {
        "code": step.code,
        "reason": step.reason,
        "note": step.note,
        "to": step.to,
        "queue": step.queue,
        "evidence": list(step.evidence) or None,
        "count": step.count,
        "passed": step.passed,
        "worker": step.actor.worker,
        "department": step.actor.department,
    }
    head = {"number": number, "action": step.action, "actor": step.actor.name, "role": step.actor.role, "at": step.at}
    return head | {name: value for name, value in said.items() if value is not None}


def why(stored: dict[str, Any], kept: Kept) -> dict[str, Any]:
    """Tell why it went to whom: what was decided at the report, and each later step that sent it on."""
    later = [line(number, step) for number, step in enumerate(kept.log, 1) if step.action in DISPATCHING]
    return {"report": stored, "steps": later}
