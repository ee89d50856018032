"""Any chain of redraws: a partition at every moment, no code twice, lineage that adds up, and a past that stays as it was."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of, open_engine, transaction
from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.geo import canonical, snap
from gridsvc.exchange.exports import Wanted, export
from gridsvc.territory.publish import Cell, Redraw, publish
from gridsvc.territory.topology.faults import Boundaries, find_faults
from gridsvc.territory.versions import Outline
from tests.conftest import Service, Town, copy_database
from tests.town import GRIDS, JIA, JIA_1, JIA_3, YI, YI_1, rectangle, spot

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
QUARTERS = 4
"""The ground of these tests is made of squares, so many on a side of a cell of the town."""

Square = tuple[int, int]
Squares = frozenset[Square]


def block(column: int, row: int, width: int, height: int) -> Squares:
    """Name the squares of a rectangle of the town, in its cells."""
    across = range(column * QUARTERS, (column + width) * QUARTERS)
    return frozenset((x, y) for x in across for y in range(row * QUARTERS, (row + height) * QUARTERS))


@lru_cache(maxsize=10_000)
def shape_of(squares: Squares) -> BaseGeometry:
    """Draw squares as one shape, with a vertex at every corner of a square, so that neighbours share all of theirs."""
    step = 1 / QUARTERS
    pieces = [rectangle(x * step, y * step, step, step) for x, y in sorted(squares)]
    shape: BaseGeometry = canonical(snap(shapely.coverage_union_all(pieces)))
    return shape


def pieces_of(squares: Squares) -> list[Squares]:
    """Take squares apart into pieces that hang together by their sides."""
    left, pieces = set(squares), []
    while left:
        piece, edge = set(), {min(left)}
        while edge:
            piece |= edge
            edge = beside(edge) & left - piece
        left -= piece
        pieces.append(frozenset(piece))
    return pieces


def beside(squares: Iterable[Square]) -> set[Square]:
    return {(x + dx, y + dy) for x, y in squares for dx, dy in ((0, 1), (1, 0), (0, -1), (-1, 0))}


def drawable(squares: Squares) -> bool:
    """Tell whether squares can be a grid: some ground, in one piece."""
    return len(squares) > 0 and len(pieces_of(squares)) == 1 and shape_of(squares).geom_type == "Polygon"


@dataclass(frozen=True)
class Plan:
    """A grid as it shall be; without a code it is new."""

    code: str | None
    name: str
    kind: str
    squares: Squares

    def __repr__(self) -> str:
        """Say a grid in a line, for what a failing test says it drew."""
        return f"{self.code}:{''.join(f'{x:x}{y} ' for x, y in sorted(self.squares))}"

    @property
    def cell(self) -> Cell:
        return Cell(self.code, self.name, self.kind, shape_of(self.squares))


def as_founded() -> dict[str, list[Plan]]:
    grids = [
        Plan(code, name, kind, block(*(int(number) for number in place))) for code, (name, kind, place) in GRIDS.items()
    ]
    return {community: [plan for plan in grids if str(plan.code).startswith(community)] for community in (JIA, YI)}


# What a planner may do. Each takes the grids of both communities and changes them; where nothing can be done, nothing is.


def split(data: st.DataObject, now: dict[str, list[Plan]]) -> None:
    """Cut a grid along a line; one piece may keep its code."""
    own = now[data.draw(st.sampled_from([JIA, YI]))]
    plan = data.draw(st.sampled_from(own))
    axis = data.draw(st.sampled_from([0, 1]))
    cut = data.draw(st.sampled_from(sorted({square[axis] for square in plan.squares})))
    halves = [frozenset(one for one in plan.squares if (one[axis] < cut) == low) for low in (True, False)]
    parts = [piece for half in halves for piece in pieces_of(half)]
    keeps = data.draw(st.booleans())
    own.remove(plan)
    own += [
        Plan(plan.code if keeps and number == 0 else None, f"{plan.name[:20]}{number}", plan.kind, part)
        for number, part in enumerate(parts)
    ]


def merge(data: st.DataObject, now: dict[str, list[Plan]]) -> None:
    """Make one grid of two neighbours, with the code of one or a new one."""
    own = now[data.draw(st.sampled_from([JIA, YI]))]
    pairs = [(a, b) for a in own for b in own if a is not b and drawable(a.squares | b.squares)]
    if not pairs:
        return
    one, other = data.draw(st.sampled_from(pairs))
    own.remove(one)
    own.remove(other)
    own.append(Plan(data.draw(st.sampled_from([one.code, None])), one.name, one.kind, one.squares | other.squares))


def move_edge(data: st.DataObject, now: dict[str, list[Plan]]) -> None:
    """Let a grid take some squares along its border from a neighbour."""
    own = now[data.draw(st.sampled_from([JIA, YI]))]
    _take_squares(data, own, own)


def annex(data: st.DataObject, now: dict[str, list[Plan]]) -> None:
    """Let a grid take squares from a grid of the other community: both outlines change."""
    taker, giver = data.draw(st.sampled_from([(JIA, YI), (YI, JIA)]))
    _take_squares(data, now[taker], now[giver])


def _take_squares(data: st.DataObject, takers: list[Plan], givers: list[Plan]) -> None:
    borders = [(a, b, beside(a.squares) & b.squares) for a in takers for b in givers if a is not b]
    borders = [border for border in borders if border[2]]
    if not borders:
        return
    taker, giver, border = data.draw(st.sampled_from(borders))
    taken = data.draw(st.sets(st.sampled_from(sorted(border)), min_size=1))
    if not drawable(giver.squares - taken) or not drawable(taker.squares | taken):
        return
    givers[givers.index(giver)] = Plan(giver.code, giver.name, giver.kind, giver.squares - taken)
    takers[takers.index(taker)] = Plan(taker.code, taker.name, taker.kind, taker.squares | taken)


def rename(data: st.DataObject, now: dict[str, list[Plan]]) -> None:
    own = now[data.draw(st.sampled_from([JIA, YI]))]
    plan = data.draw(st.sampled_from(own))
    name, kind = data.draw(st.sampled_from("一二三")), data.draw(st.sampled_from(["residential", "dedicated"]))
    own[own.index(plan)] = Plan(plan.code, f"示例{name}", kind, plan.squares)


def retire(data: st.DataObject, now: dict[str, list[Plan]]) -> None:
    """Retire a code: its ground gets a new one."""
    own = now[data.draw(st.sampled_from([JIA, YI]))]
    plan = data.draw(st.sampled_from(own))
    own[own.index(plan)] = Plan(None, plan.name, plan.kind, plan.squares)


def give_back(data: st.DataObject, now: dict[str, list[Plan]]) -> None:
    """Let the ground of a whole grid leave its community; nobody owns it then."""
    own = now[data.draw(st.sampled_from([JIA, YI]))]
    if len(own) > 1:
        own.remove(data.draw(st.sampled_from(own)))


EDITS = (split, split, merge, move_edge, annex, rename, retire, give_back)


@dataclass
class History:
    """What the town was, by the redraws so far, and what it answered when each had just been published."""

    grids: dict[datetime, dict[str, Plan]] = field(default_factory=dict)
    outlines: dict[datetime, dict[str, Squares]] = field(default_factory=dict)
    located: dict[datetime, list[object]] = field(default_factory=dict)
    exported: dict[tuple[datetime, str], list[list[str]]] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)


PROBES = [
    spot(x, y) for x, y in ((0.25, 1.3), (0.5, 0.5), (1, 1), (1.13, 1.87), (2, 1.5), (2.6, 1.2), (3.9, 1.01), (3, 0.5))
]


def located(session: Session, at: datetime) -> list[object]:
    """Ask SQL whose the probes are; all that is answered, candidates and distances too."""
    rows = session.execute(
        text(
            "select to_jsonb(a)::text from unnest(cast(:lon as float8[]), cast(:lat as float8[])) p (lon, lat)"
            " cross join lateral locate_point(st_setsrid(st_makepoint(p.lon, p.lat), 4326), :at, 30) a"
        ),
        {"lon": [lon for lon, _ in PROBES], "lat": [lat for _, lat in PROBES], "at": at},
    )
    return [row[0] for row in rows]


def exported(session: Session, layer: str, at: datetime) -> list[list[str]]:
    """Export a layer as of a moment; until when a version holds is left out: that is knowledge of later."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / f"{layer}.csv"
        export(driver_of(session), Wanted(layer, "csv", at=at), out, lambda _: None)
        rows = list(csv.reader(out.read_text(encoding="utf-8-sig").splitlines()))
    return [[text for name, text in zip(rows[0], row, strict=True) if name != "valid_to"] for row in rows]


def rows_themselves(session: Session) -> list[str]:
    """Tell what the table holds, whatever its indexes say: for when a grid is missing that was published."""
    for way in ("indexscan", "indexonlyscan", "bitmapscan"):
        session.execute(text(f"set local enable_{way} = off"))
    return list(
        session.scalars(text("select grid || ' ' || version || ' ' || valid::text from grid_version order by 1"))
    )


def step(session: Session, data: st.DataObject, history: History, at: datetime) -> None:
    """Draw a redraw on what holds, publish it, and check all that is promised of it."""
    before = history.grids[max(history.grids)]
    now = {community: [plan for code, plan in before.items() if code.startswith(community)] for community in (JIA, YI)}
    for _ in range(data.draw(st.integers(1, 2))):
        data.draw(st.sampled_from(EDITS))(data, now)
    outlines = {community: frozenset().union(*(plan.squares for plan in own)) for community, own in now.items()}
    done = publish(
        session,
        Redraw(
            {community: [plan.cell for plan in own] for community, own in now.items()},
            at,
            outlines=[Outline(code, f"{code}社区", shape_of(squares)) for code, squares in outlines.items()],
        ),
        actor="planner",
    )
    assert not set(done.created) & history.codes, "a code has come back"
    history.codes |= set(done.created)
    drawn = {plan.squares: plan for own in now.values() for plan in own}
    held = session.execute(
        text("select grid, st_asbinary(geometry) from grid_version where valid @> :at order by 1"), {"at": at}
    ).all()
    plans = {plan.cell.geometry.wkb: plan for plan in drawn.values()}
    after = {code: plans[bytes(shape)] for code, shape in held}
    assert all(plan.code in (None, code) and code.startswith((JIA, YI)) for code, plan in after.items())
    assert len(after) == len(drawn), rows_themselves(session)
    check_lineage(session, before, after, at)
    history.grids[at] = {code: Plan(code, plan.name, plan.kind, plan.squares) for code, plan in after.items()}
    history.outlines[at] = outlines
    history.located[at] = located(session, at)
    history.exported |= {(at, layer): exported(session, layer, at) for layer in ("grids", "communities", "buildings")}


def check_lineage(session: Session, before: dict[str, Plan], after: dict[str, Plan], at: datetime) -> None:
    """Check that what a grid gave adds up to what it was: to one, or to the share of its ground that somebody still owns."""
    rows = session.execute(
        text("select from_grid, to_grid, area_share, building_share, household_share from lineage where at = :at"),
        {"at": at},
    ).all()
    owned = frozenset().union(*(plan.squares for plan in after.values()))
    for code, plan in before.items():
        own = [row for row in rows if row.from_grid == code]
        if not own:
            assert after[code] == plan, f"nothing is told of {code}"
            continue
        left = len(plan.squares & owned) / len(plan.squares) or 1.0  # a retired grid takes all of it along
        assert sum(row.area_share for row in own) == pytest.approx(left, abs=2e-4)
        if left == 1.0:
            assert sum(row.area_share for row in own) == pytest.approx(1, abs=1e-9)
            assert sum(row.building_share for row in own) in (0, pytest.approx(1))
            assert sum(row.household_share for row in own) in (0, pytest.approx(1))
        for row in own:
            if row.to_grid:
                shared = len(plan.squares & after[row.to_grid].squares) / len(plan.squares)
                assert row.area_share == pytest.approx(shared, abs=2e-4)


def check_partition(session: Session, history: History) -> None:
    """At every moment, by shapely and by SQL: what the grids are is what was drawn, and they fill their community."""
    for at, grids in history.grids.items():
        held = session.execute(
            text("select grid, name, kind, st_asbinary(geometry) from grid_version where valid @> :at order by 1"),
            {"at": at},
        ).all()
        assert [(row[0], row[1], row[2], bytes(row[3])) for row in held] == [
            (code, plan.name, plan.kind, shape_of(plan.squares).wkb) for code, plan in sorted(grids.items())
        ]
        shapes = [shapely.from_wkb(bytes(row[3])) for row in held]
        assert shapely.coverage_is_valid(np.array(shapes, dtype=object))
        parents = {code: shape_of(squares) for code, squares in history.outlines[at].items()}
        assert find_faults(Boundaries([row[0] for row in held], shapes, parents)) == []
        session.execute(
            text("select prove_partition(community, geometry, :at) from community_version where valid @> :at"),
            {"at": at},
        )
        unequal = session.execute(
            text(
                "select c.community from community_version c"
                " cross join lateral (select st_union(v.geometry) as ground, sum(st_area(v.geometry)) as area"
                "   from grid_version v where left(v.grid, 12) = c.community and v.valid @> :at) g"
                " where c.valid @> :at and (not st_equals(g.ground, c.geometry) or abs(g.area - st_area(c.geometry)) > 1e-13)"
            ),
            {"at": at},
        ).all()
        assert unequal == []


def check_past(session: Session, history: History) -> None:
    """Whatever was answered of a moment is answered still, byte for byte."""
    for at, answers in history.located.items():
        assert located(session, at) == answers
    for (at, layer), written in history.exported.items():
        assert exported(session, layer, at) == written


def check_attacks(session: Session, data: st.DataObject, history: History) -> None:
    """Statements past the publisher that would break the partition, or what was published, are refused."""
    moment = max(history.grids)
    grids = history.grids[moment]
    code = data.draw(st.sampled_from(sorted(grids)))
    later = (moment + timedelta(hours=1)).isoformat()
    smaller = [grids[code].squares - {square} for square in sorted(grids[code].squares)]
    smaller = [squares for squares in smaller if drawable(squares)]
    close = (
        f"update grid_version set valid = tstzrange(lower(valid), '{later}') where grid = '{code}' and upper_inf(valid)"
    )
    reopen = (
        "insert into grid_version select grid, version + 1, name, kind, tstzrange('{0}', null), area_m2,"
        " st_geomfromtext('{1}', 4326) from grid_version where grid = '{2}' order by version desc limit 1"
    )
    attacks = [
        [close],
        [f"delete from grid_version where grid = '{code}' and upper_inf(valid)"],
        [f"update grid_version set geometry = st_translate(geometry, 0.0001, 0) where grid = '{code}'"],
        [close, reopen.format(later, rectangle(7, 7).wkt, code)],
        *[[close, reopen.format(later, shape_of(squares).wkt, code)] for squares in smaller[:1]],
    ]
    for statements in attacks:
        with pytest.raises(IntegrityError), session.begin_nested():  # noqa: PT012 - the last of them is the proof
            for statement in statements:
                session.execute(text(statement))
            session.execute(text("set constraints all immediate"))
        session.execute(text("set constraints all deferred"))


# Not made smaller when one fails: each of its tries publishes again, and what was drawn is told in a few lines.
in_short = settings(
    max_examples=20,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def founded(town: Town) -> Iterator[Engine]:
    """Give an engine on a copy of the town that no other test has ever written to."""
    engine = open_engine(copy_database(town.url))
    with engine.connect() as connection:
        held = connection.scalars(text("select grid from grid_version where valid @> :at"), {"at": JUNE}).all()
    assert sorted(held) == sorted(str(plan.code) for own in as_founded().values() for plan in own)
    yield engine
    engine.dispose()


@contextmanager
def town_of_its_own(engine: Engine) -> Iterator[tuple[Session, History]]:
    """Give a session on the town as it was founded, and take back all that is written in it."""
    with engine.connect() as connection, connection.begin() as outer:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            grids = {str(plan.code): plan for own in as_founded().values() for plan in own}
            history = History({JUNE: grids}, {JUNE: {JIA: block(0, 0, 2, 2), YI: block(2, 1, 2, 1)}}, codes=set(grids))
            yield session, history
        outer.rollback()


@in_short
@given(data=st.data())
def test_any_chain_of_redraws_keeps_every_promise(founded: Engine, data: st.DataObject) -> None:
    with town_of_its_own(founded) as (session, history):
        for day in range(1, data.draw(st.integers(2, 6)) + 1):
            step(session, data, history, JUNE + timedelta(days=day))
        check_attacks(session, data, history)
        check_partition(session, history)
        check_past(session, history)


@in_short
@given(data=st.data())
def test_what_is_no_partition_is_refused_whole(founded: Engine, data: st.DataObject) -> None:
    with town_of_its_own(founded) as (session, history):
        step(session, data, history, JUNE + timedelta(days=1))
        kept = session.execute(text("select grid, version, valid from grid_version order by 1, 2")).all()
        community = data.draw(st.sampled_from([JIA, YI]))
        cells = [plan for code, plan in history.grids[max(history.grids)].items() if code.startswith(community)]
        victim = data.draw(st.sampled_from(cells))
        stray = data.draw(st.sampled_from(sorted(block(0, 0, 5, 3) - victim.squares)))
        wrong = data.draw(
            st.sampled_from([victim.squares - {min(victim.squares)}, victim.squares | {stray}, frozenset()])
        )
        rest = [plan.cell for plan in cells if plan is not victim]
        changed = [Cell(victim.code, victim.name, victim.kind, shape_of(wrong))] if wrong else []
        with pytest.raises((Invalid, Conflict)):
            publish(session, Redraw({community: [*rest, *changed]}, JUNE + timedelta(days=2)), actor="planner")
        assert session.execute(text("select grid, version, valid from grid_version order by 1, 2")).all() == kept


def test_over_http_a_past_answer_is_the_same_to_the_last_byte(service: Service) -> None:
    header = service.as_("viewer")

    def halved(code: str, at: datetime) -> None:
        with transaction(service.engine) as session:
            own = [plan for plan in as_founded()[code[:12]] if plan.code != code]
            squares = next(plan.squares for plan in as_founded()[code[:12]] if plan.code == code)
            west = frozenset(square for square in squares if square[0] < min(squares)[0] + 2)
            halves = [Plan(None, "东", "residential", squares - west), Plan(None, "西", "residential", west)]
            publish(session, Redraw({code[:12]: [plan.cell for plan in (*own, *halves)]}, at), actor="planner")

    def asked() -> list[bytes]:
        at = (JUNE + timedelta(hours=12)).isoformat()
        places: list[tuple[str, dict[str, float]]] = [
            ("locate", {"lon": lon, "lat": lat, "accuracy_m": 30}) for lon, lat in PROBES
        ]
        lists: list[tuple[str, dict[str, float]]] = [("buildings", {"geometry": True}), ("assets", {})]
        answers = [
            service.client.get(f"/api/v1/{path}", params={**query, "at": at}, headers=header)
            for path, query in (*places, *lists)
        ]
        assert {answer.status_code for answer in answers} == {200}
        return [answer.content for answer in answers]

    halved(JIA_1, JUNE)
    before = asked()
    halved(YI_1, JUNE + timedelta(days=1))
    with transaction(service.engine) as session:
        publish(
            session,
            Redraw({JIA: [Cell(JIA_3, "甲", "dedicated", shape_of(block(0, 0, 2, 2)))]}, JUNE + timedelta(days=2)),
            actor="planner",
        )
    assert asked() == before
