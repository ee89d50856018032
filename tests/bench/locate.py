"""`GET /locate` over HTTP on loopback: one caller beside the same statement by bare psycopg, and eight at once."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
import psycopg

from gridsvc.app.locate import LOCATE
from gridsvc.core.db import conninfo
from gridsvc.core.geo import snap_numbers
from tests.bench.measure import Figure, compare, in_turn
from tests.bench.peers import OFTEN

POINTS = 2000
WARM_UP = 200
BAR = 3.0
CONNECTIONS = 8
PROMISED_EACH_S = 600
SECONDS = 5.0
# The box of the sample town, degrees: west, south, east, north.
TOWN = (118.764, 32.036, 118.796, 32.052)


def measure(url: str, token: str) -> list[Figure]:
    """Ask for the same random points both ways; answers are compared, not only timed."""
    rng = np.random.default_rng(20261122)
    points = list(zip(rng.uniform(TOWN[0], TOWN[2], POINTS), rng.uniform(TOWN[1], TOWN[3], POINTS), strict=True))
    # As a caller without our code would write it: the point as two numbers.
    statement = LOCATE.replace(LOCATE[LOCATE.index("from unnest") : LOCATE.index("cross join")], "from point p\n    ")
    statement = statement.removesuffix("order by p.number")
    statement = (
        "with point (lon, lat, at, accuracy_m) as (values (%(lon)s::float8, %(lat)s::float8, %(at)s::timestamptz,"
        f" null::float8)) {statement}"
    )
    with serving(url) as port, psycopg.connect(conninfo(url), autocommit=True) as connection:
        client = socket.create_connection(("127.0.0.1", port))

        def over_http(point: tuple[float, float]) -> object:
            client.sendall(question_of(point, token))
            return json.loads(answer_of(client))

        def bare(point: tuple[float, float]) -> object:
            lon, lat = snap_numbers(point).tolist()
            parameters = {"lon": lon, "lat": lat, "at": datetime.now(UTC), "queue": "fallback"}
            row = connection.execute(statement.encode(), parameters, prepare=True).fetchone()
            assert row
            return json.loads(row[0])

        assert all(over_http(point) == bare(point) for point in points[:WARM_UP])
        taken = in_turn(points, over_http, bare)
        rate = asyncio.run(load(port, token, points))
    return [
        compare("GET /locate, one point", taken, "bare psycopg, prepared", BAR),
        Figure(
            f"GET /locate, {CONNECTIONS} connections, time per answer ({rate:,.0f}/s)",
            1000 / rate,
            f"promised, {PROMISED_EACH_S}/s",
            1000 / PROMISED_EACH_S,
            1.0,
        ),
    ]


def path_of(point: tuple[float, float]) -> str:
    """Write the question about a point."""
    return f"/api/v1/locate?lon={point[0]}&lat={point[1]}"


def question_of(point: tuple[float, float], token: str) -> bytes:
    """Write the request about a point."""
    return f"GET {path_of(point)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def answer_of(client: socket.socket) -> bytes:
    """Read one answer from a bare socket: the standard library's client takes longer to read headers than we to answer."""
    read = client.recv(65536)
    while (ends := read.find(b"\r\n\r\n")) < 0:
        read += client.recv(65536)
    head, body = read[:ends], read[ends + 4 :]
    assert head.startswith(b"HTTP/1.1 200 "), head
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += client.recv(65536)
    return body


async def load(port: int, token: str, points: list[tuple[float, float]]) -> float:
    """Ask from several connections, each its next question when the last is answered; tell the answers a second."""
    end = time.perf_counter() + SECONDS

    async def ask(number: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        done = 0
        while time.perf_counter() < end:
            writer.write(question_of(points[(number + done * CONNECTIONS) % len(points)], token))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            done += 1
        writer.close()
        return done

    return sum(await asyncio.gather(*(ask(number) for number in range(CONNECTIONS)))) / SECONDS


@contextmanager
def serving(url: str) -> Iterator[int]:
    """Run the API as a process of its own, as in life, on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gridsvc.app.cli", "serve", "--port", "0", "--no-web"],
        env={"GRIDSVC_DATABASE_URL": url, "GRIDSVC_RATE_READS": str(OFTEN), "PATH": "/usr/bin:/bin"},
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
        if process.stdout:
            process.stdout.close()
