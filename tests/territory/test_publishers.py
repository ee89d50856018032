"""Publishers at once, each on a connection of its own: one wins and the others are told; no code is given twice."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from subprocess import PIPE, Popen

import geopandas as gpd
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gridsvc.core.db import make_sessions, open_engine, transaction
from gridsvc.core.errors import Conflict
from gridsvc.core.http import STATUS
from gridsvc.territory.publish import Cell, Published, Redraw, held_cells, publish
from gridsvc.territory.topology.faults import Boundaries, find_faults
from tests.app.test_commands import GRIDSVC, PATIENCE_S
from tests.conftest import Town, copy_database
from tests.town import GRIDS, JIA, JIA_1, JIA_2, JIA_3, YI, YI_1, rectangle

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
AT_ONCE = 4
PATIENCE = 60
"""Seconds until a publisher that waits for another is a failure."""

_days = count(1)


@pytest.fixture
def engine(town: Town) -> Iterator[Engine]:
    """Give an engine on a town of the test's own, with a connection for each publisher."""
    engine = open_engine(copy_database(town.url), pool_size=AT_ONCE)
    yield engine
    engine.dispose()


def halves(session: Session, code: str) -> list[Cell]:
    """Cut one grid of the founded town in two new ones; the others of its community stay."""
    _, kind, (column, row, width, height) = GRIDS[code]
    west = rectangle(column, row, width / 2, height)
    east = rectangle(column + width / 2, row, width / 2, height)
    rest = [cell for cell in held_cells(session, code[:12]) if cell.code != code]
    return [*rest, Cell(None, f"{code}西", kind, west), Cell(None, f"{code}东", kind, east)]


def versions(session: Session, community: str) -> dict[str, int]:
    rows = session.execute(
        text("select grid, version from grid_version where left(grid, 12) = :code and upper_inf(valid)"),
        {"code": community},
    )
    return {row.grid: row.version for row in rows}


def check_partition(engine: Engine, community: str) -> None:
    with transaction(engine) as session:
        cells = held_cells(session, community)
        session.execute(
            text(
                "select prove_partition(v.community, v.geometry, lower(g.valid)) from community_version v"
                " join grid_version g on left(g.grid, 12) = v.community where v.community = :code"
            ),
            {"code": community},
        )
    assert find_faults(Boundaries([str(cell.code) for cell in cells], [cell.geometry for cell in cells])) == []


@pytest.mark.parametrize("round_", range(3))
def test_of_many_who_publish_one_community_one_wins_and_the_others_get_409(engine: Engine, round_: int) -> None:
    start = threading.Barrier(AT_ONCE)

    def publisher(number: int) -> Published | Conflict:
        with make_sessions(engine)() as session:
            cells, drawn_on = halves(session, JIA_1), versions(session, JIA)
            session.rollback()
            start.wait(PATIENCE)
            cells = [Cell(cell.code, f"{cell.name}{number}", cell.kind, cell.geometry) for cell in cells]
            try:
                with session.begin():
                    return publish(session, Redraw({JIA: cells}, JUNE, drawn_on), actor=f"planner {number}")
            except Conflict as conflict:
                return conflict

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(publisher, range(AT_ONCE)))
    won = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Published)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert (len(won), len(lost)) == (1, AT_ONCE - 1), (round_, outcomes)
    assert {STATUS[one.kind] for one in lost} == {409}
    with transaction(engine) as session:
        assert {cell.name[-1] for cell in held_cells(session, JIA)} == {str(won[0])}
        told = session.scalars(text("select actor from event where kind = 'community.redrawn'")).all()
        assert told == [f"planner {won[0]}"]
        assert session.scalar(text("select count(*) from grid_version where left(grid, 12) = :c"), {"c": JIA}) == 7
    check_partition(engine, JIA)


def test_new_grids_of_many_publishers_never_have_the_same_code(engine: Engine) -> None:
    start = threading.Barrier(3)

    def publisher(code: str) -> list[str]:
        start.wait(PATIENCE)
        for _ in range(2000):
            try:
                with transaction(engine) as session:
                    # Drawn on what holds now; whoever comes in between makes it stale, and it is drawn again.
                    redraw = Redraw(
                        {JIA: halves(session, code)}, JUNE + timedelta(days=next(_days)), versions(session, JIA)
                    )
                    return publish(session, redraw, actor="planner").created
            except Conflict:
                continue
        raise AssertionError(f"nobody let {code} be published")

    with ThreadPoolExecutor(3) as pool:
        created = [code for own in pool.map(publisher, (JIA_1, JIA_2, JIA_3)) for code in own]
    assert sorted(created) == [f"{JIA}{number:03d}" for number in range(4, 10)]
    check_partition(engine, JIA)


def test_publishers_of_different_communities_do_not_wait_for_each_other(engine: Engine) -> None:
    both = threading.Barrier(2)

    def publisher(code: str) -> list[str]:
        with transaction(engine) as session:
            done = publish(session, Redraw({code[:12]: halves(session, code)}, JUNE), actor="planner")
            # Neither commits before the other has published too.
            both.wait(PATIENCE)
            return done.created

    with ThreadPoolExecutor(2) as pool:
        created = list(pool.map(publisher, (JIA_1, YI_1)))
    assert created == [[f"{JIA}004", f"{JIA}005"], [f"{YI}003", f"{YI}004"]]
    check_partition(engine, JIA)
    check_partition(engine, YI)


def test_of_two_imports_of_the_same_grids_at_once_one_is_done_and_one_is_told(engine: Engine, tmp_path: Path) -> None:
    url = engine.url.render_as_string(hide_password=False)
    shapes = [rectangle(*GRIDS[code][2]) for code in (JIA_1, JIA_2, JIA_3)]
    processes = []
    # While this connection keeps the table of lineage, who has come first waits there, in the middle of publishing.
    with engine.connect() as keeper, keeper.begin():
        keeper.execute(text("lock table lineage in share row exclusive mode"))
        for name in ("甲方", "乙方"):
            path = tmp_path / f"{name}.geojson"
            frame = {"code": [JIA_1, JIA_2, JIA_3], "name": [f"{name}{number}" for number in range(3)]}
            gpd.GeoDataFrame(frame, geometry=shapes, crs=4326).to_file(path)
            words = [*GRIDSVC, "import", "grids", str(path), "--from", "2026-06-01"]
            processes.append(
                Popen(words, stderr=PIPE, text=True, env={"PATH": "/usr/bin:/bin", "GRIDSVC_DATABASE_URL": url})
            )
        patience = time.monotonic() + PATIENCE_S
        while all(process.poll() is None for process in processes) and time.monotonic() < patience:
            time.sleep(0.1)
    told = [process.communicate(timeout=PATIENCE_S)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1], told
    assert "Somebody else is publishing" in told[codes.index(1)]
    assert "Traceback" not in told[codes.index(1)]
    with transaction(engine) as session:
        assert {cell.name[:-1] for cell in held_cells(session, JIA)} == {("甲方", "乙方")[codes.index(0)]}
