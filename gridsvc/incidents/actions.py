"""What somebody asks to be done with an incident in, the lines of its log, its new state and an event out, or a refusal."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import dict_row
from sqlalchemy.orm import Session

from gridsvc.access.guard import Caller
from gridsvc.core.db import driver_of, seeing_everything
from gridsvc.core.errors import Conflict, Invalid, NotFound
from gridsvc.core.events import record
from gridsvc.core.http import require_match
from gridsvc.core.settings import Settings
from gridsvc.incidents.case import Actor, Step
from gridsvc.incidents.journal import Kept, add, load
from gridsvc.incidents.reasons import code_of
from gridsvc.incidents.schemas import Action
from gridsvc.incidents.workflow import OPEN, Rules, decide

EVENTS = {
    "verify": "incident.verification_asked",
    "verified": "incident.verified",
    "file": "incident.filed",
    "reject": "incident.rejected",
    "dispatch": "incident.dispatched",
    "accept": "incident.accepted",
    "return": "incident.returned",
    "fall_back": "incident.fell_back",
    "feedback": "incident.mended",
    "self_handle": "incident.self_handled",
    "check": "incident.check_asked",
    "checked": "incident.checked",
    "close": "incident.closed",
    "rework": "incident.sent_back",
    "ask_extension": "incident.extension_asked",
    "ask_suspension": "incident.suspension_asked",
    "appeal": "incident.appealed",
    "approve": "incident.approved",
    "refuse": "incident.refused",
    "resume": "incident.resumed",
    "evaluate": "incident.evaluated",
    "reopen": "incident.reopened",
    "merge": "incident.merged",
    "unmerge": "incident.unmerged",
    "adopt": "incident.adopted",
}
"""What each line of the log is called where everybody is told of it."""

OF_ANOTHER = frozenset({"merge", "adopt"})
OF_A_WORKER = frozenset({"verify", "check"})
WORKER = "worker:"

WHO = "select w.code, a.department from account a left join worker w on w.account = a.id where a.id = %(account)s"
COME = "select sha256 from incident_photo where incident = %(incident)s"
NUMBERED = "select id from incident where number = %(number)s"
# The merged ones are part of the one they were merged into, so a circle may run through them too.
ABOVE = """
    with recursive up (number) as (
        select parent from incident where number = %(number)s and parent is not null
        union select i.parent from incident i join up on i.number = up.number where i.parent is not null
    ) select 1 from up where number = %(own)s"""


@dataclass(frozen=True)
class Moment:
    """When something is done, and by which settings of the office."""

    now: datetime
    settings: Settings

    @property
    def rules(self) -> Rules:
        """Give the rules of the workflow that an office sets."""
        return Rules(self.settings.most_returns, self.settings.territory_queue)


def actor_of(session: Session, caller: Caller) -> Actor:
    """Find who a caller is in the workflow: the worker or the department of the account."""
    row = driver_of(session).execute(WHO, {"account": caller.account}).fetchone()
    worker, department = row or (None, None)
    return Actor(caller.username, caller.role, worker, department)


def read(session: Session, incident: int, *, lock: bool = False) -> Kept:
    """Read an incident by its log; raises NotFound."""
    found = load(session, [incident], lock=lock).get(incident)
    if found is None:
        raise NotFound(f"There is no incident {incident}.")
    return found


def act(session: Session, incident: int, given: Action, caller: Caller, moment: Moment, if_match: str | None) -> Kept:
    """Do what is asked; answers the incident as it is then.

    Raises NotFound, Unconditional or Stale for another version than the present one, and what `workflow.decide` raises.
    """
    other = _other(session, given)
    both = load(session, sorted({incident, *([other] if other else [])}), lock=True)
    if incident not in both:
        raise NotFound(f"There is no incident {incident}.")
    kept = both[incident]
    require_match(if_match, kept.version, f"the incident {kept.number}")
    step = Step(
        given.action,
        actor_of(session, caller),
        # A clock that was set back must not put a line before the one it follows.
        max([moment.now, *(line.at for line in kept.log[-1:])]),
        reason=given.reason,
        note=given.note,
        to=given.to,
        evidence=tuple(dict.fromkeys(given.evidence)),
        count=given.count,
        passed=given.passed,
        code=code_of(given.code, given.reason) if given.action == "return" else None,
    )
    steps = decide(kept.case, step, moment.rules)
    if other is not None:
        _refuse_circle(session, kept, both[other], given.action)
    _refuse_nobody(session, given)
    if given.action == "close":
        _refuse_unproved(session, kept)
    return _write(session, kept, steps, moment.settings)


def _write(session: Session, kept: Kept, steps: list[Step], settings: Settings) -> Kept:
    # It was read as what the caller may see; a step may hand it to somebody else, out of sight.
    with seeing_everything(session):
        changed = add(session, kept, steps, settings)
    for step in steps:
        told = {
            name: getattr(step, name) for name in ("code", "reason", "to", "count", "passed") if getattr(step, name)
        }
        record(
            session,
            EVENTS[step.action],
            f"incident:{kept.id}",
            actor=step.actor.name,
            community=kept.community,
            grid=kept.grid,
            number=kept.number,
            before=kept.case.status,
            after=changed.case.status,
            **told,
        )
    return changed


def _other(session: Session, given: Action) -> int | None:
    """Find the other incident that an action names by its number; raises Invalid when there is none."""
    if given.action not in OF_ANOTHER or not given.to:
        return None
    row = driver_of(session).execute(NUMBERED, {"number": given.to}).fetchone()
    if row is None:
        raise Invalid(f"There is no incident with the number {given.to!r}.")
    return int(row[0])


def _refuse_circle(session: Session, kept: Kept, other: Kept, action: str) -> None:
    if other.id == kept.id:
        raise Invalid("An incident is not merged into itself, nor its own parent.")
    if other.case.status not in OPEN:
        raise Conflict(f"{other.number} is {other.case.status}; name an open incident.")
    if action == "adopt" and driver_of(session).execute(ABOVE, {"number": other.number, "own": kept.number}).fetchone():
        raise Conflict(f"{kept.number} is already above {other.number}.")


def _refuse_unproved(session: Session, kept: Kept) -> None:
    """Refuse to close what its condition asks photos for, until they have come: a name alone shows nothing."""
    asks, proof = kept.case.asks, kept.case.proof
    if not asks or not kept.case.fixers:  # nothing is asked for, or it was mended before it came here
        return
    come = {one for (one,) in driver_of(session).execute(COME, {"incident": kept.id})}
    if "after" in asks and not come & proof:
        raise Conflict("The photo from after the mending, which its condition asks for, has not come yet.")
    if len(come) < len(asks):
        raise Conflict(f"Its condition asks for photos ({', '.join(sorted(asks))}); {len(come)} of them have come.")


def _refuse_nobody(session: Session, given: Action) -> None:
    """Refuse to send an incident to a worker who is not there."""
    if not given.to or given.action in OF_ANOTHER:
        return
    if not given.to.startswith(WORKER):
        if given.action in OF_A_WORKER:
            raise Invalid(f"To {given.action}, name a worker: to is {WORKER} and the staff number.")
        return
    code = given.to.removeprefix(WORKER)
    with driver_of(session).cursor(row_factory=dict_row) as cursor:
        if cursor.execute("select 1 from worker where code = %(code)s", {"code": code}).fetchone() is None:
            raise Invalid(f"There is no worker {code!r}.")
