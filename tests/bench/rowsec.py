"""What the second wall costs: a city in, the same hot statements as the owner and as the role that serves out, in turn.

The role that serves looks once for everything, once for the whole county by its prefix (every row is compared, and the
same rows come out), and once for one community of it. For that the owner is asked twice: the same statement, which gives
other rows, and the one that gives the same rows, with the community as its filter. What is compared is the time that PostgreSQL has the processor
for a statement, because a busy machine adds more to the elapsed time than the wall does.
"""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from gridsvc.app.locate import LOCATE
from gridsvc.app.ogc.asking import read_question
from gridsvc.app.ogc.collections import COLLECTIONS
from gridsvc.app.ogc.statements import page_statement
from gridsvc.app.tiles.layers import LAYERS
from gridsvc.app.tiles.pieces.held import HELD_ZOOM
from gridsvc.app.tiles.pieces.reading import question
from gridsvc.core.browse import Layer, list_sql, written_sql
from gridsvc.core.db import SEE, Seen, conninfo, looking, open_engine, transaction
from gridsvc.core.mvt import tile_at, tile_parameters
from gridsvc.core.schema import APP_ROLE
from gridsvc.core.settings import shipped_data
from gridsvc.exchange.standards.catalogue import import_catalogue
from gridsvc.incidents.layers import INCIDENTS
from gridsvc.territory import layers
from tests.bench import casework, ground
from tests.bench.city import CELL, COUNTY, SOUTH, WEST
from tests.bench.ground import Ground
from tests.bench.measure import Figure, compare

RUNS, WARM = 40, 7
BAR = 1.3
INCIDENTS_MANY = 1_000_000
"""As many as casework has, so that as large a share of them is open."""
PAGE = 1000
# In the first community, a few blocks from its corner.
PLACE = (WEST + 4.5 * CELL, SOUTH + 4.5 * CELL)
BOX = f"{PLACE[0] - 2 * CELL},{PLACE[1] - 2 * CELL},{PLACE[0] + 2 * CELL},{PLACE[1] + 2 * CELL}"
COMMUNITY = f"{COUNTY}001001"
SCOPES = {"everything": "all", "the county by its prefix": COUNTY, "one community": COMMUNITY}
NOW = datetime.now(UTC)

Statement = tuple[bytes, dict[str, Any]]

ONE_PLAN = re.compile("tile .*|locate|list of buildings|list of grids|newest incidents")
"""What is planned once for all values, as the service asks for it (core.db, core.browse.is_plain)."""


def measure(place: Ground) -> list[Figure]:
    """Compare every statement in every scope."""
    _add_incidents(place.url)
    served = make_url(place.url).set(username=APP_ROLE).render_as_string(hide_password=False)
    figures = []
    with psycopg.connect(conninfo(place.url)) as owner, psycopg.connect(conninfo(served)) as walled:
        for connection in (owner, walled):
            connection.execute("set jit = off")
            connection.execute("set max_parallel_workers_per_gather = 0")
        for name, scope in SCOPES.items():
            walled.execute(SEE, (scope, "bench"))
            # The owner is asked what an owner asks: a small territory has conditions of its own.
            with looking(Seen(scope, "bench")):
                theirs = statements()
            for work, plain in statements().items():
                for connection in (owner, walled):
                    mode = "force_generic_plan" if ONE_PLAN.fullmatch(work) else "auto"
                    connection.execute("select set_config('plan_cache_mode', %s, false)", (mode,))
                taken = _in_turn(_asking(walled, *theirs[work]), _asking(owner, *plain))
                figures.append(compare(f"{work}, {name}", taken, "without row security", BAR))
        for connection in (owner, walled):
            connection.execute("set plan_cache_mode = auto")
        with looking(Seen(COMMUNITY, "bench")):
            theirs = statements()
        for work, plain in statements(COMMUNITY).items():
            if work.startswith(("list", "page", "newest", "open")):
                taken = _in_turn(_asking(walled, *theirs[work]), _asking(owner, *plain))
                figures.append(compare(f"{work}, one community", taken, "the same rows without it", BAR))
    return figures


def statements(community: str | None = None) -> dict[str, Statement]:
    """Write the hot statements; lists and pages of one community where one is named."""
    where = {"lons": [PLACE[0]], "lats": [PLACE[1]], "accuracies": [20.0], "moments": [NOW], "queue": "q"}
    listed = {"limit": 100, "cursor": None, "geometry": False, "at": NOW, "community": community}
    of = {"community": community} if community else {}
    return {
        **{f"tile {layer} z{z}": _tile(layer, z) for layer, z in TILES},
        "page of 1,000 buildings": _page("buildings", limit=str(PAGE), **of),
        "page of buildings by bbox": _page("buildings", limit=str(PAGE), bbox=BOX, **of),
        "list of buildings by bbox": _list(layers.BUILDINGS, {**listed, "bbox": BOX}),
        "list of buildings": _list(layers.BUILDINGS, listed),
        "list of grids": _list(layers.GRIDS, listed),
        "newest incidents": _list(INCIDENTS, listed),
        "open incidents by due date": _list(INCIDENTS, {**listed, "open": True, "sort": "due"}),
        "locate": (LOCATE.encode(), where),
    }


TILES = (("buildings", 17), ("buildings", 15), ("grids", 14), ("communities", 11), ("incidents", 14))


def _tile(layer: str, z: int) -> Statement:
    drawn = LAYERS[layer]
    band = drawn.band(z)
    assert band
    if band.held:
        # What is asked for is the piece of the map in which the tile lies.
        return question(band), tile_parameters(HELD_ZOOM, *tile_at(*PLACE, HELD_ZOOM), band.buffer_units)
    return drawn.statements[z], {**tile_parameters(z, *tile_at(*PLACE, z), band.buffer_units), "at": NOW, "live": True}


def _page(name: str, **asked: str) -> Statement:
    statement = page_statement(COLLECTIONS[name], read_question(COLLECTIONS[name], list(asked.items()), "json"), NOW)
    return statement.sql, statement.parameters


def _list(layer: Layer, asked: dict[str, Any]) -> Statement:
    sql, parameters = written_sql(layer, asked) or list_sql(layer, asked)
    return sql.encode(), parameters


def _in_turn(*asked: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Ask both so many times, one after the other; answer the milliseconds of each."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(RUNS):
        for one, times in zip(asked, taken, strict=True):
            times.append(one())
    return taken


def _asking(connection: "psycopg.Connection[Any]", sql: bytes, parameters: dict[str, Any]) -> Callable[[], float]:
    backend = Path(f"/proc/{connection.info.backend_pid}/schedstat")

    def ask() -> float:
        """Run the statement; answer for how long its process had the processor, in milliseconds."""
        before = int(backend.read_text(encoding="ascii").split()[0])
        connection.execute(sql, parameters, prepare=True).fetchall()
        return (int(backend.read_text(encoding="ascii").split()[0]) - before) / 1e6

    for _ in range(WARM):
        ask()  # planned for good, and its pages read
    return ask


def _add_incidents(url: str) -> None:
    engine = open_engine(url)
    with transaction(engine) as session:
        import_catalogue(session, shipped_data() / "catalogue" / "example.json", actor="bench")
    engine.dispose()
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        (grids,) = connection.execute("select count(*) from grid").fetchone() or (0,)
        casework.fill(connection, INCIDENTS_MANY, grids)


if __name__ == "__main__":
    from tests.bench.__main__ import report

    # A smaller city: houses, and grids that are twice a square.
    with ground.city(*(int(number) for number in sys.argv[1:3])) as small:
        sys.exit(report(measure(small)))
