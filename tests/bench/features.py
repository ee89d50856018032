"""Pages of features over HTTP, beside TiPg and pygeoapi on the same database and beside the bare statement in a bare server."""

import http.client
import json
from collections.abc import Callable

import psycopg

from gridsvc.app.ogc.asking import write_cursor
from gridsvc.core.db import conninfo
from tests.bench import peers
from tests.bench.ground import Ground
from tests.bench.measure import Figure, compare, in_turn

RUNS, DEEP_RUNS, SLOW_RUNS = 30, 5, 5  # TiPg takes seconds for a page at depth, pygeoapi for any
PAGE, DEPTH = 1000, 500_000
BAR_PAGE, BAR_DEPTH, BAR_OWN_DEPTH, BAR_BOX, BAR_FLOOR = 1 / 12, 1 / 25, 1.2, 1 / 4, 1 / 0.6

Read = Callable[[object], object]


def measure(ground: Ground) -> list[Figure]:
    """Ask for the same pages of buildings both ways, in turn; the features are compared, not only timed."""
    with psycopg.connect(conninfo(ground.url)) as connection:
        deep = connection.execute("select code from building order by code offset %s limit 1", [DEPTH]).fetchone()
        place = connection.execute("select st_x(point), st_y(point) from building order by code limit 1").fetchone()
        assert deep, f"the bench needs more than {DEPTH:,} buildings"
        assert place
    box = f"{place[0]},{place[1]},{place[0] + 0.01},{place[1] + 0.01}"
    items = f"/ogc/collections/buildings/items?limit={PAGE}"
    theirs = f"/collections/public.building/items?limit={PAGE}"
    plain = f"/collections/building/items?f=json&limit={PAGE}"
    with (
        peers.ours(ground.url, ground.token, 0) as served,
        peers.tipg(ground.url, ground.folder) as tipg,
        peers.pygeoapi(ground.url, ground.folder) as pygeoapi,
        peers.floor(ground.url) as floor,
    ):
        port, other, third, bare, token = served.port, tipg.port, pygeoapi.port, floor.port, ground.token
        ours = reader(port, items, token)
        first = in_turn(range(RUNS), ours, reader(other, theirs))
        first_of_all = in_turn(range(SLOW_RUNS), ours, reader(third, plain))
        least = in_turn(range(RUNS), ours, reader(bare, "/"))
        deeper = reader(port, f"{items}&cursor={write_cursor(deep)}", token)
        far = in_turn(range(DEEP_RUNS), deeper, reader(other, f"{theirs}&offset={DEPTH}"))
        far_of_all = in_turn(range(SLOW_RUNS), deeper, reader(third, f"{plain}&offset={DEPTH}"))
        own = in_turn(range(RUNS), deeper, ours)
        boxed = in_turn(range(RUNS), reader(port, f"{items}&bbox={box}", token), reader(other, f"{theirs}&bbox={box}"))
    return [
        compare(f"features, page of {PAGE:,}", first, "TiPg", BAR_PAGE),
        compare(f"features, page of {PAGE:,}", first_of_all, "pygeoapi", BAR_PAGE),
        compare(f"features, page of {PAGE:,}", least, "bare ASGI and the statement", BAR_FLOOR),
        compare(f"features, page at depth {DEPTH:,}", far, "TiPg", BAR_DEPTH),
        compare(f"features, page at depth {DEPTH:,}", far_of_all, "pygeoapi", BAR_DEPTH),
        compare(f"features, page at depth {DEPTH:,}", own, "own first page", BAR_OWN_DEPTH),
        compare("features, page by bbox", boxed, "TiPg", BAR_BOX),
    ]


def reader(port: int, path: str, token: str | None = None) -> Read:
    """Make a function that reads one address on one connection; its first reading is checked to be a full page."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    def read(_: object) -> object:
        try:
            client.request("GET", path, headers=headers)
            return client.getresponse().read()
        except ConnectionError:
            # A server hangs up on a connection that was idle while the others were measured.
            client.close()
            client.request("GET", path, headers=headers)
            return client.getresponse().read()

    body = read(None)
    assert isinstance(body, bytes)
    assert len(json.loads(body)["features"]) > 0, body[:300]
    return read
