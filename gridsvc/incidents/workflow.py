"""The workflow as a table: a case, who asks, and what they ask in; the step that may be written, or a refusal, out; pure.

Seven stages: 信息收集 (reported) → 案卷建立 (filed) → 任务派遣 (dispatched) → 任务处理 (handling) → 处理反馈 (feedback) →
核查结案 (checking, closed) → 综合评价 (graded). Who fixes never closes, and nothing that is sent back gains time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gridsvc.core.errors import Conflict, Forbidden, Invalid, Refusal
from gridsvc.incidents.case import Actor, Case, Status, Step
from gridsvc.incidents.reasons import RETURNS

DESK = frozenset({"intake", "dispatcher", "supervisor"})
WATCH = frozenset({"intake", "supervisor"})
HANDS = frozenset({"department", "worker"})
OPEN: frozenset[Status] = frozenset(
    {"reported", "verifying", "filed", "dispatched", "handling", "suspended", "feedback", "checking"}
)
IN_HAND: frozenset[Status] = frozenset({"filed", "dispatched", "handling"})

MOST_EXTENSIONS = 2
MOST_SUSPENSIONS = 1
GRADES = range(1, 6)

Guard = Callable[[Case, Step], Refusal | None]


@dataclass(frozen=True)
class Rules:
    """What an office may set: after how many returns a case goes to the territory's own queue (属地兜底)."""

    most_returns: int = 3
    fallback_queue: str = "fallback"


@dataclass(frozen=True)
class Move:
    """One row of the table: from which states, who may, what must be said with it, and what else must hold."""

    action: str
    of: frozenset[Status]
    who: frozenset[str]
    needs: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()


def _mine(case: Case, step: Step) -> Refusal | None:
    actor = step.actor
    mine = (actor.worker is not None and actor.worker == case.assignee) or (
        actor.department is not None and actor.department == case.department
    )
    return None if mine else Forbidden("This is somebody else's task.")


def _asked_of_me(case: Case, step: Step) -> Refusal | None:
    if step.actor.worker == case.assignee or case.assignee is None:
        return None
    return Forbidden("Another worker was asked to look.")


def _no_fixer(case: Case, step: Step) -> Refusal | None:
    return (
        Forbidden("Who had a hand in the mending does not check or close it.")
        if step.actor.name in case.fixers
        else None
    )


def _free(case: Case, _: Step) -> Refusal | None:
    return Conflict(f"A request to {case.request.kind} still waits for approval.") if case.request else None


def _waiting(case: Case, _: Step) -> Refusal | None:
    return None if case.request else Conflict("Nothing waits for approval.")


def _not_by_asker(case: Case, step: Step) -> Refusal | None:
    own = case.request is not None and case.request.by == step.actor.name
    return Forbidden("Who asked does not approve.") if own else None


def _extension_left(case: Case, step: Step) -> Refusal | None:
    if case.extensions >= MOST_EXTENSIONS:
        return Conflict(f"It was extended {MOST_EXTENSIONS} times already, which is the most.")
    if step.count is None or not 1 <= step.count <= case.limit.count:
        return Invalid(f"An extension asks for 1 to {case.limit.count} more {case.limit.unit.replace('_', ' ')}s.")
    return None


def _suspension_left(case: Case, _: Step) -> Refusal | None:
    if case.suspensions >= MOST_SUSPENSIONS:
        return Conflict("It was suspended once already, which is the most.")
    return None


def _is_graded(_: Case, step: Step) -> Refusal | None:
    return None if step.count in GRADES else Invalid(f"A grade is a whole number from 1 to {GRADES[-1]}.")


def _has_finding(_: Case, step: Step) -> Refusal | None:
    return None if step.passed is not None else Invalid("Say what was found: passed is true or false.")


def _was_not_failed(case: Case, _: Step) -> Refusal | None:
    return Conflict("The check found it not mended; send it back (rework).") if case.passed is False else None


def _before_and_after(_: Case, step: Step) -> Refusal | None:
    enough = len(set(step.evidence)) > 1
    return None if enough else Invalid("Mending on the spot needs two photos: before and after.")


def _shows_what_is_asked(case: Case, step: Step) -> Refusal | None:
    new = frozenset(step.evidence) - case.shown
    if "after" in case.asks and not new:
        return Invalid("Its condition asks for a photo from after the mending: name one that was not named before.")
    if "before" in case.asks and len(case.shown | new) < len(case.asks):
        return Invalid("Its condition asks for a photo from before the mending, too: name both.")
    return None


def _says_why(_: Case, step: Step) -> Refusal | None:
    if step.code not in RETURNS:
        return Invalid(f"There is no code {step.code!r} to send it back with; there are {', '.join(RETURNS)}.")
    if step.code == "other" and not step.reason:
        return Invalid("The code `other` says nothing by itself: say the reason.")
    return None


def _another_one(_: Case, step: Step) -> Refusal | None:
    return None if step.to else Invalid("Say which incident (to).")


MOVES: dict[str, Move] = {
    move.action: move
    for move in (
        Move("verify", frozenset({"reported"}), DESK, ("to",)),
        Move("verified", frozenset({"verifying"}), frozenset({"worker"}), (), (_asked_of_me, _has_finding)),
        Move("file", frozenset({"reported", "verifying"}), DESK),
        Move("reject", frozenset({"reported", "verifying", "filed"}), DESK, ("reason",)),
        Move("dispatch", frozenset({"filed"}), frozenset({"dispatcher"}), ("to",)),
        Move("accept", frozenset({"dispatched"}), HANDS, (), (_mine,)),
        Move("return", frozenset({"dispatched", "handling"}), HANDS, ("code",), (_mine, _free, _says_why)),
        Move("feedback", frozenset({"handling"}), HANDS, ("evidence",), (_mine, _free, _shows_what_is_asked)),
        Move(
            "self_handle",
            frozenset({"reported"}),
            frozenset({"worker"}),
            ("evidence",),
            (_before_and_after, _shows_what_is_asked),
        ),
        Move("check", frozenset({"feedback"}), WATCH, ("to",)),
        Move("checked", frozenset({"checking"}), frozenset({"worker"}), (), (_asked_of_me, _no_fixer, _has_finding)),
        Move("close", frozenset({"feedback", "checking"}), WATCH, (), (_no_fixer, _was_not_failed)),
        Move("rework", frozenset({"feedback", "checking"}), WATCH, ("reason",), (_no_fixer,)),
        Move(
            "ask_extension", frozenset({"dispatched", "handling"}), HANDS, ("reason",), (_mine, _free, _extension_left)
        ),
        Move("ask_suspension", frozenset({"handling"}), HANDS, ("reason",), (_mine, _free, _suspension_left)),
        Move("resume", frozenset({"suspended"}), HANDS | DESK, ()),
        Move("appeal", frozenset({"closed"}), HANDS, ("reason",), (_mine, _free)),
        Move("approve", OPEN | {"closed"}, frozenset({"supervisor"}), (), (_waiting, _not_by_asker)),
        Move("refuse", OPEN | {"closed"}, frozenset({"supervisor"}), ("reason",), (_waiting, _not_by_asker)),
        Move("evaluate", frozenset({"closed"}), frozenset({"supervisor"}), (), (_is_graded,)),
        Move("reopen", frozenset({"closed", "rejected"}), WATCH, ("reason",)),
        Move("merge", OPEN - {"suspended"}, DESK, ("to",), (_free, _another_one)),
        Move("unmerge", frozenset({"merged"}), DESK, ("reason",)),
        Move("adopt", OPEN, DESK, ("to",)),
    )
}
"""Every action; `fall_back` is no action of a person's but follows from too many returns."""


def decide(case: Case, asked: Step, rules: Rules) -> list[Step]:
    """Decide what may be written to the log: the step that is asked for, and what follows from it by the rules.

    Raises Invalid for an unknown action or one that lacks what must be said with it, Conflict when it does not fit the
    state, and Forbidden when it is not for this actor.
    """
    move = MOVES.get(asked.action)
    if move is None:
        raise Invalid(f"There is no action {asked.action!r}; there are {', '.join(MOVES)}.")
    if asked.actor.role not in move.who:
        raise Forbidden(f"To {_words(move)} is for {', '.join(sorted(move.who))}, not for {asked.actor.role}.")
    if case.status not in move.of:
        raise Conflict(f"It is {case.status}, and cannot be asked to {_words(move)}.", state=case.status)
    if missing := [name for name in move.needs if not getattr(asked, name)]:
        raise Invalid(f"To {_words(move)}, say {' and '.join(missing)}.")
    for guard in move.guards:
        if refusal := guard(case, asked):
            raise refusal
    if asked.action == "return" and case.returns + 1 >= rules.most_returns:
        # Sent back too often: the territory's own queue takes it, so that it does not wander on.
        queue = rules.fallback_queue
        return [asked, Step("fall_back", asked.actor, asked.at, reason=asked.reason, code=asked.code, to=queue)]
    return [asked]


def allowed_next(case: Case, actor: Actor, at: datetime) -> list[str]:
    """List what an actor may do next, as far as that hangs on the case and not on what is said with it."""
    words = replace(Step("", actor, at), reason="-", note="-", to="-", code="other")
    blank = replace(words, evidence=("a", "b"), count=1, passed=True)
    return [
        action
        for action, move in MOVES.items()
        if actor.role in move.who
        and case.status in move.of
        and not any(isinstance(guard(case, blank), Conflict | Forbidden) for guard in move.guards)
    ]


def _words(move: Move) -> str:
    return move.action.replace("_", " ")
