"""Reports, lists and the board over HTTP, with a million incidents and 20,000 grids in the database.

The incidents are made up by a fixed seed: three years of them, 20,000 open, each with the lines of its log. A
report is measured as promised: located, looked up for duplicates, clocked, told, committed. Reading is measured beside
the same statement by bare psycopg.
"""

import http.client
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random

import psycopg

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.core.browse import list_sql
from gridsvc.core.db import conninfo, open_engine, transaction
from gridsvc.core.settings import Settings, shipped_data
from gridsvc.exchange.standards.catalogue import import_catalogue
from gridsvc.incidents.board import statements
from gridsvc.incidents.board.boards import View
from gridsvc.incidents.board.endpoints import PERIOD
from gridsvc.incidents.case import Actor
from gridsvc.incidents.layers import INCIDENTS
from gridsvc.incidents.schemas import IncidentQuery
from tests.bench import ground, peers
from tests.bench.city import CELL, SOUTH, WEST, build_city
from tests.bench.measure import Figure, compare, in_turn

INCIDENTS_MANY, INCIDENTS_LARGE, GRIDS = 1_000_000, 10_000_000, 20_000
OPEN_MANY = 20_000
"""So many are open: what is done grows from year to year, what is to do does not."""
RUNS, REPORTS, CLIENTS = 40, 1500, 8
BAR_RATE, BAR_LIST, BAR_LARGE = 150.0, 2.0, 1.3
ACROSS, DOWN = 200, 100

FILL = """
    insert into incident (number, catalogue, class, condition, status, source, rule, community, grid, grid_version,
        responsible, department, reported_at, due_at, closed_at, stage_since, version, geometry)
    select to_char(r.at, 'YYYYMMDD-') || (500000 + row_number() over (partition by r.at::date order by r.n))::text,
        c.version, c.class, c.code, case when r.open then 'dispatched' else 'closed' end, 'hotline', 'inside',
        left(g.grid, 12), g.grid, 1, null, c.department, r.at, r.at + interval '2 days',
        case when not r.open then r.at + interval '1 day' end, r.at + interval '1 hour', 2, g.place
    from (
        select n, now() - interval '1 hour' - random() * interval '1000 days' as at, random() < %(open)s as open,
            1 + floor(random() * %(grids)s)::int as grid, 1 + floor(random() * %(conditions)s)::int as condition
        from generate_series(1, %(many)s) n
    ) r
    join (select grid, row_number() over (order by grid) as n, st_pointonsurface(geometry) as place from grid_version) g
        on g.n = r.grid
    join (select *, row_number() over (order by class, code) as n from catalogue_condition) c on c.n = r.condition"""
LOG = """
    insert into incident_step (incident, number, action, actor, role, at, "to", before, after)
    select id, 1, 'report', 'bench', 'intake', reported_at, department, null, 'reported' from incident where id > %(id)s
    union all
    select id, 2, 'imported', 'bench', 'admin', stage_since, status, 'reported', status from incident where id > %(id)s"""


@dataclass(frozen=True)
class Desk:
    """A served database full of incidents: where it listens, its address, and somebody's token."""

    port: int
    url: str
    token: str


def measure() -> list[Figure]:
    """Measure on a city of 20,000 grids; `--large` also compares the board with ten times as many incidents."""
    with desk(INCIDENTS_MANY) as at_desk:
        figures = [reports(at_desk), *lists(at_desk)]
        small = board_ms(at_desk)
    if "--large" in sys.argv:
        with desk(INCIDENTS_LARGE) as at_desk:
            figures.append(Figure("the board at 10,000,000", board_ms(at_desk), "at 1,000,000", small, BAR_LARGE))
    return figures


@contextmanager
def desk(many: int) -> Iterator[Desk]:
    """Fill a database and serve it."""
    with ground.empty() as place:
        build_city(place.url, GRIDS, GRIDS)
        engine = open_engine(place.url)
        with transaction(engine) as session:
            import_catalogue(session, shipped_data() / "catalogue" / "example.json", actor="bench")
            account = add_account(session, "desk", "intake", None, actor="bench")
            token = issue_token(session, account, "", actor="bench")
        engine.dispose()
        with psycopg.connect(conninfo(place.url), autocommit=True) as connection:
            fill(connection, many)
        with peers.ours(place.url, token, 0) as served:
            yield Desk(served.port, place.url, token)


def fill(connection: psycopg.Connection, many: int, grids: int = GRIDS) -> None:
    """Make incidents up, so many of them, with their logs."""
    conditions = connection.execute("select count(*) from catalogue_condition").fetchone()
    connection.execute("select setseed(0.5)")
    # They are made up right: nothing need be proved for each, and no map is told of it.
    connection.execute("set session_replication_role = replica")
    given = {"many": many, "grids": grids, "open": OPEN_MANY / many}
    connection.execute(FILL, {**given, "conditions": conditions[0] if conditions else 0})
    connection.execute(LOG, {"id": 0})
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze")


def reports(at_desk: Desk) -> Figure:
    """Send reports from several connections at once."""
    chance, numbers = Random(7), count()
    bodies = [
        json.dumps(
            {
                "class": "matter:06010",
                "condition": "01",
                "place": {
                    "lon": round(WEST + chance.random() * ACROSS * CELL, 7),
                    "lat": round(SOUTH + chance.random() * DOWN * CELL, 7),
                },
                "text": "垃圾堆在路边",
                "source": "hotline",
            }
        )
        for _ in range(REPORTS)
    ]

    def client(mine: list[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", at_desk.port, timeout=60)
        for body in mine:
            headers = {
                "Authorization": f"Bearer {at_desk.token}",
                "Content-Type": "application/json",
                "Idempotency-Key": f"bench-{next(numbers)}",
            }
            connection.request("POST", "/api/v1/incidents", body, headers)
            answer = connection.getresponse()
            assert answer.status == 201, answer.read()[:300]
            answer.read()

    client(bodies[:100])
    rest = bodies[100:]
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, (rest[number::CLIENTS] for number in range(CLIENTS))))
    rate = len(rest) / (time.perf_counter() - began)
    work = f"POST /incidents, {CLIENTS} connections, {INCIDENTS_MANY:,} incidents"
    return Figure(work, rate, "promised", BAR_RATE, 1.0, unit="/s", at_least=True)


def lists(at_desk: Desk) -> list[Figure]:
    """Read first pages over HTTP and by the bare statement, in turn."""
    asked = {
        "open ones by due date": ("sort=due&open=true", IncidentQuery(sort="due", open=True)),
        "newest": ("", IncidentQuery()),
        "overdue": ("open=true&overdue=true&sort=due", IncidentQuery(open=True, overdue=True, sort="due")),
    }
    figures = []
    with psycopg.connect(conninfo(at_desk.url), autocommit=True) as connection:
        for name, (query, given) in asked.items():
            statement, parameters = list_sql(INCIDENTS, given.model_dump(by_alias=True))
            bare = _bare(connection, statement, parameters)
            taken = in_turn(range(RUNS), _reader(at_desk, f"/api/v1/incidents?{query}"), bare)
            figures.append(compare(f"GET /incidents, {name}", taken, "the same statement, bare psycopg", BAR_LIST))
        taken = in_turn(range(RUNS), _reader(at_desk, "/api/v1/board"), _bare_board(connection))
        figures.append(compare("GET /board, with 30 days' stages", taken, "its two statements, bare psycopg", BAR_LIST))
    return figures


def _bare_board(connection: psycopg.Connection) -> Callable[[object], object]:
    now = datetime.now(UTC)
    view = View(Actor("desk", "intake"), now, past=False)
    asked = view.parameters(Settings()) | {"limit": 20, "since": now - PERIOD, "until": now}
    both = [statements.board(statements.OPEN_NOW).encode(), statements.STAGES.encode()]
    return lambda _: [connection.execute(one, asked).fetchall() for one in both]


def board_ms(at_desk: Desk) -> float:
    """Read the board, without the figures of the stages, so many times; the median in milliseconds."""
    read = _reader(at_desk, "/api/v1/board?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")
    taken, _ = in_turn(range(RUNS), read, lambda _: None)
    return statistics.median(taken)


def _bare(connection: psycopg.Connection, statement: str, parameters: dict[str, object]) -> Callable[[object], object]:
    return lambda _: connection.execute(statement.encode(), parameters).fetchall()


def _reader(at_desk: Desk, path: str) -> Callable[[object], object]:
    connection = http.client.HTTPConnection("127.0.0.1", at_desk.port, timeout=60)
    headers = {"Authorization": f"Bearer {at_desk.token}"}

    def read(_: object) -> object:
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
        except ConnectionError:
            connection.close()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
        assert answer.status == 200, answer.read()[:300]
        return answer.read()

    read(None)
    return read
