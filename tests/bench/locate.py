"""`GET /locate` over HTTP on loopback, beside the same statement by bare psycopg."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
import psycopg

from gridsvc.app.locate import LOCATE
from gridsvc.core.db import conninfo
from gridsvc.territory.locate import point_parameters
from tests.bench.measure import Figure, compare, in_turn

POINTS = 2000
WARM_UP = 200
BAR = 3.0
# The box of the sample town, degrees: west, south, east, north.
TOWN = (118.764, 32.036, 118.796, 32.052)


def measure(url: str, token: str) -> list[Figure]:
    """Ask for the same random points both ways; answers are compared, not only timed."""
    rng = np.random.default_rng(20261122)
    points = list(zip(rng.uniform(TOWN[0], TOWN[2], POINTS), rng.uniform(TOWN[1], TOWN[3], POINTS), strict=True))
    with serving(url) as port, psycopg.connect(conninfo(url), autocommit=True) as connection:
        client = http.client.HTTPConnection("127.0.0.1", port)
        statement = LOCATE.encode()

        def over_http(point: tuple[float, float]) -> object:
            path = f"/api/v1/locate?lon={point[0]}&lat={point[1]}"
            client.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            return json.loads(client.getresponse().read())

        def bare(point: tuple[float, float]) -> object:
            parameters = {**point_parameters(*point, datetime.now(UTC), None), "queue": "fallback"}
            row = connection.execute(statement, parameters, prepare=True).fetchone()
            assert row
            return json.loads(row[0])

        assert all(over_http(point) == bare(point) for point in points[:WARM_UP])
        taken = in_turn(points, over_http, bare)
    return [compare("GET /locate, one point", taken, "bare psycopg, prepared", BAR)]


@contextmanager
def serving(url: str) -> Iterator[int]:
    """Run the API as a process of its own, as in life, on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gridsvc.app.cli", "serve", "--port", "0", "--no-web"],
        env={"GRIDSVC_DATABASE_URL": url, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        ready = next(line for line in process.stdout if line.startswith("ready: "))
        yield int(ready.rsplit(":", 1)[1])
    finally:
        process.terminate()
        process.wait(30)
