"""From a report to an honest close: what may follow what, who may, and the laws no sequence of steps can break."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridsvc.core.errors import Conflict, Forbidden, Invalid, Refusal
from gridsvc.incidents.case import CHANGES, Actor, Case, Step, apply, rebuild
from gridsvc.incidents.clocks import Limit, WorkCalendar, counted
from gridsvc.incidents.workflow import MOST_EXTENSIONS, MOVES, Rules, allowed_next, decide

START = datetime(2025, 9, 1, 1, tzinfo=UTC)
CALENDAR = WorkCalendar(ZoneInfo("Asia/Shanghai"), date(2025, 12, 31))
LIMIT = Limit.of(5, "working_day")
CASE = Case("reported", START, START, LIMIT, department="路灯所")
RULES = Rules()

INTAKE, DISPATCHER = Actor("受理", "intake"), Actor("派遣", "dispatcher")
SUPERVISOR, OTHER = Actor("值班长", "supervisor"), Actor("值班长二", "supervisor")
LAMPS, WATER = Actor("路灯所", "department", department="路灯所"), Actor("水务", "department", department="水务")
WORKER, SECOND = Actor("网格员一", "worker", worker="W1"), Actor("网格员二", "worker", worker="W2")
VIEWER = Actor("看", "viewer")
ACTORS = [INTAKE, DISPATCHER, SUPERVISOR, OTHER, LAMPS, WATER, WORKER, SECOND, VIEWER]
PHOTOS = ("a" * 64, "b" * 64)
Asking = tuple[str, Actor, dict[str, object]]
"""An action, who asks for it, and what is said with it."""


def walked(*steps: Asking, case: Case = CASE) -> Case:
    """Take steps an hour apart, each as it is decided."""
    at = max(case.stage_since, START)
    for action, actor, said in steps:
        at += timedelta(hours=1)
        for step in decide(case, Step(action, actor, at, **said), RULES):  # type: ignore[arg-type]
            case = apply(case, step)
    return case


TO_HAND: list[Asking] = [
    ("file", INTAKE, {}),
    ("dispatch", DISPATCHER, {"to": "路灯所"}),
    ("accept", LAMPS, {}),
]
FED_BACK: list[Asking] = [*TO_HAND, ("feedback", LAMPS, {"evidence": PHOTOS})]


def test_a_case_goes_from_a_report_to_an_honest_close() -> None:
    case = walked(
        ("verify", INTAKE, {"to": "worker:W1"}),
        ("verified", WORKER, {"passed": True}),
        *FED_BACK,
        ("check", SUPERVISOR, {"to": "worker:W1"}),
        ("checked", WORKER, {"passed": True}),
        ("close", SUPERVISOR, {}),
        ("evaluate", SUPERVISOR, {"count": 4}),
    )
    assert (case.status, case.grade, case.found, case.passed) == ("closed", 4, True, True)
    assert case.closed_at == START + timedelta(hours=9)


def test_who_fixes_never_closes_nor_checks() -> None:
    mended = walked(("self_handle", WORKER, {"evidence": PHOTOS}))
    assert (mended.status, mended.self_handled) == ("feedback", True)
    promoted = Actor(WORKER.name, "supervisor")
    with pytest.raises(Forbidden, match="had a hand"):
        walked(("close", promoted, {}), case=mended)
    asked = walked(("check", SUPERVISOR, {"to": "worker:W1"}), case=mended)
    with pytest.raises(Forbidden, match="had a hand"):
        walked(("checked", WORKER, {"passed": True}), case=asked)
    assert walked(("close", SUPERVISOR, {}), case=mended).status == "closed"


def test_what_a_check_found_not_mended_cannot_be_closed() -> None:
    failed = walked(*FED_BACK, ("check", SUPERVISOR, {"to": "worker:W1"}), ("checked", WORKER, {"passed": False}))
    with pytest.raises(Conflict, match="not mended"):
        walked(("close", SUPERVISOR, {}), case=failed)
    again = walked(("rework", SUPERVISOR, {"reason": "未修复"}), case=failed)
    assert (again.status, again.reworks) == ("handling", 1)


@pytest.mark.parametrize(
    ("steps", "asked", "kind", "sentence"),
    [
        ([], ("close", SUPERVISOR, {}), Conflict, "It is reported, and cannot be asked to close"),
        ([], ("fly", SUPERVISOR, {}), Invalid, "There is no action 'fly'"),
        ([], ("file", VIEWER, {}), Forbidden, "not for viewer"),
        ([], ("reject", INTAKE, {}), Invalid, "To reject, say reason"),
        ([], ("self_handle", WORKER, {"evidence": PHOTOS[:1]}), Invalid, "before and after"),
        (TO_HAND, ("feedback", LAMPS, {}), Invalid, "To feedback, say evidence"),
        (TO_HAND, ("feedback", WATER, {"evidence": PHOTOS}), Forbidden, "somebody else's"),
        (TO_HAND, ("ask_extension", LAMPS, {"reason": "缺件", "count": 6}), Invalid, "1 to 5 more working days"),
        (TO_HAND, ("approve", SUPERVISOR, {}), Conflict, "Nothing waits"),
        (TO_HAND, ("return", LAMPS, {"reason": "非本单位"}), Invalid, "To return, say code"),
        (
            TO_HAND,
            ("return", LAMPS, {"code": "tired"}),
            Invalid,
            "no code 'tired' .* not_territory, not_duty, wrong_class",
        ),
        (TO_HAND, ("return", LAMPS, {"code": "other"}), Invalid, "say the reason"),
        (FED_BACK, ("check", LAMPS, {"to": "worker:W1"}), Forbidden, "not for department"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    steps: list[Asking],
    asked: Asking,
    kind: type[Refusal],
    sentence: str,
) -> None:
    case = walked(*steps)
    with pytest.raises(kind, match=sentence):
        walked(asked, case=case)


@pytest.mark.parametrize(
    ("asks", "earlier", "with_it", "sentence"),
    [
        ((), (), "a", None),
        (("after",), (), "a", None),
        (("after",), ("a",), "a", "not named before"),
        (("after",), ("a",), "ab", None),
        (("before",), (), "a", None),
        (("before", "after"), (), "a", "before the mending, too"),
        (("before", "after"), (), "ab", None),
        (("before", "after"), ("a",), "b", None),
        (("before", "after"), ("a", "b"), "ab", "not named before"),
    ],
)
def test_a_condition_asks_for_its_photos_when_it_is_mended(
    asks: tuple[str, ...], earlier: tuple[str, ...], with_it: str, sentence: str | None
) -> None:
    case = walked(*TO_HAND, case=replace(CASE, asks=frozenset(asks), shown=frozenset(earlier)))
    asked: Asking = ("feedback", LAMPS, {"evidence": tuple(with_it)})
    if sentence is None:
        assert walked(asked, case=case).proof == frozenset(with_it) - frozenset(earlier)
    else:
        with pytest.raises(Invalid, match=sentence):
            walked(asked, case=case)


def test_mending_on_the_spot_shows_something_new_where_the_condition_asks_for_it() -> None:
    case = replace(CASE, asks=frozenset({"before", "after"}), shown=frozenset(PHOTOS))
    with pytest.raises(Invalid, match="not named before"):
        walked(("self_handle", WORKER, {"evidence": PHOTOS}), case=case)
    assert walked(("self_handle", WORKER, {"evidence": (PHOTOS[0], "c" * 64)}), case=case).proof == {"c" * 64}


def test_an_extension_is_approved_by_somebody_else_and_at_most_twice() -> None:
    case = walked(*TO_HAND)
    before = case.due(CALENDAR)
    for _ in range(MOST_EXTENSIONS):
        case = walked(("ask_extension", LAMPS, {"reason": "缺件", "count": 2}), ("approve", SUPERVISOR, {}), case=case)
    assert before
    after = case.due(CALENDAR)
    assert after
    assert counted(before.at, after.at, "working_day", CALENDAR) == 4
    with pytest.raises(Conflict, match="extended 2 times"):
        walked(("ask_extension", LAMPS, {"reason": "缺件", "count": 1}), case=case)


def test_a_suspension_stops_the_clock_once() -> None:
    case = walked(*TO_HAND, ("ask_suspension", LAMPS, {"reason": "停工"}), ("approve", SUPERVISOR, {}))
    assert (case.status, case.due(CALENDAR)) == ("suspended", None)
    resumed = rebuild(case, [Step("resume", LAMPS, case.stage_since + timedelta(days=7))])
    before, after = walked(*TO_HAND).due(CALENDAR), resumed.due(CALENDAR)
    assert before
    assert after
    assert counted(before.at, after.at, "working_day", CALENDAR) == 5
    with pytest.raises(Conflict, match="suspended once"):
        walked(("ask_suspension", LAMPS, {"reason": "停工"}), case=resumed)


def test_too_many_returns_go_to_the_territory_s_own_queue() -> None:
    case = walked(("file", INTAKE, {}))
    for _ in range(RULES.most_returns):
        assert case.queue is None
        case = walked(("dispatch", DISPATCHER, {"to": "路灯所"}), ("return", LAMPS, {"code": "not_duty"}), case=case)
    assert (case.status, case.returns, case.queue) == ("filed", 3, "fallback")


def test_an_approved_appeal_takes_a_case_out_of_the_statistics_and_keeps_the_timeout() -> None:
    late = rebuild(walked(*FED_BACK), [Step("close", SUPERVISOR, START + timedelta(days=30))])
    assert late.overdue(late.stage_since, CALENDAR)
    appealed = walked(("appeal", LAMPS, {"reason": "台风"}), ("approve", SUPERVISOR, {}), case=late)
    assert appealed.excluded
    assert appealed.overdue(appealed.stage_since, CALENDAR)
    assert not walked(*FED_BACK, ("close", SUPERVISOR, {})).overdue(START + timedelta(days=90), CALENDAR)


def test_every_action_of_the_table_can_be_read_from_a_log() -> None:
    assert set(CHANGES) | {"unmerge"} == set(MOVES) | {"fall_back", "report", "imported"}


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Step], list[Case]]:
    """Walk any steps anybody may take, at random, with the cases after each."""
    case, at = CASE, START
    log: list[Step] = []
    cases = [case]
    for _ in range(draw(st.integers(0, 25))):
        at += timedelta(minutes=draw(st.integers(1, 3000)))
        actor = draw(st.sampled_from(ACTORS))
        choices = allowed_next(case, actor, at)
        if not choices:
            continue
        asked = Step(
            draw(st.sampled_from(choices)),
            actor,
            at,
            reason="因",
            code="not_duty",
            to=draw(st.sampled_from(["路灯所", "水务", "worker:W1", "worker:W2", "20250901-000002"])),
            evidence=PHOTOS,
            count=draw(st.integers(1, 5)),
            passed=draw(st.booleans()),
        )
        for step in decide(case, asked, RULES):
            log.append(step)
            case = apply(case, step)
        cases.append(case)
    return log, cases


@given(histories())
def test_no_sequence_of_steps_lengthens_the_total_limit_beyond_its_extensions_and_pauses(
    history: tuple[list[Step], list[Case]],
) -> None:
    case = history[1][-1]
    assert case.extensions <= MOST_EXTENSIONS
    assert case.extra <= MOST_EXTENSIONS * LIMIT.count
    ends = case.due(CALENDAR)
    if ends is not None:
        rested = sum((counted(*pause, "working_day", CALENDAR) for pause in case.pauses), start=LIMIT.count * 0)
        assert (
            counted(START, ends.at, "working_day", CALENDAR) <= LIMIT.count + case.extra + rested + LIMIT.count / 10**9
        )


@given(histories())
def test_the_state_is_rebuilt_from_the_log(history: tuple[list[Step], list[Case]]) -> None:
    log, cases = history
    assert rebuild(CASE, log) == cases[-1]


@given(histories())
def test_taking_a_merge_back_leaves_nothing_of_it(history: tuple[list[Step], list[Case]]) -> None:
    case = history[1][-1]
    if "merge" in allowed_next(case, INTAKE, case.stage_since):
        merged = walked(("merge", INTAKE, {"to": "20250901-000002"}), case=case)
        assert merged.status == "merged"
        assert walked(("unmerge", INTAKE, {"reason": "误并"}), case=merged) == case


@given(histories())
def test_nobody_who_mended_it_has_closed_it(history: tuple[list[Step], list[Case]]) -> None:
    log, _ = history
    fixers: set[str] = set()
    for step in log:
        if step.action in ("feedback", "self_handle"):
            fixers.add(step.actor.name)
        assert step.action != "close" or step.actor.name not in fixers
