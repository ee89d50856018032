"""Tiles of a city of a million buildings: ours, TiPg, MapServer, nginx and a bare server, in turn on one database."""

import os
import random
import selectors
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from gridsvc.app.tiles.layers import WRITTEN_FROM
from gridsvc.core.db import conninfo
from gridsvc.core.mvt import tile_at
from tests.bench import peers
from tests.bench.ground import Ground
from tests.bench.measure import Figure
from tests.bench.peers import Server

BOX = (118.52, 31.92, 118.98, 32.13)
ROUNDS = 4
MEMORY_MOST_MIB = 400
Path_ = Callable[[int, int, int], str]

OURS: Path_ = lambda z, x, y: f"/tiles/buildings/{z}/{x}/{y}.mvt"  # noqa: E731 - a table of addresses
FLOOR: Path_ = lambda z, x, y: f"/{z}/{x}/{y}"  # noqa: E731
# The properties that ours have.
TIPG: Path_ = lambda z, x, y: (  # noqa: E731
    f"/collections/public.building/tiles/WebMercatorQuad/{z}/{x}/{y}"
    f"?properties={'code,name,number' if z >= WRITTEN_FROM else 'code'}"
)
MAPSERVER: Path_ = lambda z, x, y: (  # noqa: E731
    f"/mapserv?mode=tile&tilemode=gmap&tile={x}+{y}+{z}&layers=buildings&map.imagetype=mvt"
)


class Asker:
    """Asks a server for paths over so many connections, and takes the time of each."""

    def __init__(self, server: Server, connections: int, headers: str = "") -> None:
        self._server = server
        self._connections = connections
        self._headers = f"Host: 127.0.0.1\r\nAccept-Encoding: gzip\r\n{server.headers}{headers}"

    def ask(self, paths: Sequence[str]) -> tuple[list[float], float]:
        """Answer the times in milliseconds, and how many were answered a second."""
        waiting, taken = list(reversed(paths)), []
        with selectors.DefaultSelector() as ready:
            for _ in range(min(self._connections, len(paths))):
                connection = socket.create_connection(("127.0.0.1", self._server.port))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ready.register(connection, selectors.EVENT_READ, [0.0, bytearray()])
            began = time.perf_counter()
            for key in ready.get_map().values():
                self._send(key, waiting.pop())
            while ready.get_map():
                for key, _ in ready.select():
                    key.data[1] += key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
                    if not complete(key.data[1]):
                        continue
                    taken.append((time.perf_counter() - key.data[0]) * 1000)
                    if waiting:
                        self._send(key, waiting.pop())
                    else:
                        ready.unregister(key.fileobj)
                        key.fileobj.close()  # type: ignore[union-attr]
        return taken, len(paths) / (time.perf_counter() - began)

    def _send(self, key: selectors.SelectorKey, path: str) -> None:
        key.data[:] = [time.perf_counter(), bytearray()]
        key.fileobj.sendall(f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode())  # type: ignore[union-attr]


def complete(answer: bytearray) -> bool:
    """Tell whether an answer has come whole; one that is no success ends the bench."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    status = int(head[9:12])
    if status in (204, 304):
        return True
    assert status == 200, bytes(answer[:2000])
    lines = head.lower().split(b"\r\n")
    length = next((line for line in lines if line.startswith(b"content-length:")), None)
    if length is None:
        return bytes(body).endswith(b"0\r\n\r\n")
    return len(body) >= int(length.split(b":")[1])


def some_tiles(z: int, count: int) -> list[tuple[int, int, int]]:
    """Choose tiles of a zoom in the city by a fixed seed; the same again when there are not as many."""
    (left, top), (right, bottom) = tile_at(BOX[0], BOX[3], z), tile_at(BOX[2], BOX[1], z)
    chance = random.Random(z)
    return [(z, chance.randint(left, right), chance.randint(top, bottom)) for _ in range(count)]


class Bench:
    """Runs the rows of the table, and keeps their figures."""

    def __init__(self, cluster_pid: int) -> None:
        self._cluster_pid = cluster_pid
        self.figures: list[Figure] = []

    def row(self, work: str, ours: float, peer: tuple[str, float], bar: float, unit: str = "ms") -> None:
        """Note one figure; a `bar` below nothing says that the ratio must be at least as large as its size."""
        self.figures.append(Figure(work, ours, *peer, abs(bar), unit, at_least=bar < 0))

    def cpu_s(self, server: Server) -> float:
        """Tell the CPU seconds a server and the database have taken so far."""
        return peers.cpu_s(server, self._cluster_pid)

    def measure(
        self, asked: Sequence[tuple[Server, Path_]], tiles: Sequence[tuple[int, int, int]], connections: int
    ) -> list[tuple[float, float, float]]:
        """Ask all servers in turn, some rounds long; median ms, median rate and mean CPU ms a tile of each."""
        times: list[list[float]] = [[] for _ in asked]
        rates: list[list[float]] = [[] for _ in asked]
        cpu = [0.0 for _ in asked]
        for _ in range(ROUNDS):
            for number, (server, path) in enumerate(asked):
                before = self.cpu_s(server)
                taken, rate = Asker(server, connections).ask([path(*tile) for tile in tiles])
                cpu[number] += (self.cpu_s(server) - before) * 1000
                times[number] += taken
                rates[number].append(rate)
        each = ROUNDS * len(tiles)
        return [
            (statistics.median(one), statistics.median(rate), spent / each)
            for one, rate, spent in zip(times, rates, cpu, strict=True)
        ]


def measure_cold(bench: Bench, cold: Server, tipg: Server) -> None:
    """Measure tiles of a server that holds nothing: neither tiles nor the features they are made of."""
    ours, theirs = bench.measure([(cold, OURS), (tipg, TIPG)], some_tiles(17, 150), 1)
    bench.row("z17 made, nothing held: p50", ours[0], ("TiPg", theirs[0]), 1)


def measure_made(bench: Bench, made: Server, bare: Server, tipg: Server, web: Server | None) -> None:
    """Measure tiles that nobody has kept."""
    asked: list[tuple[Server, Path_]] = [(made, OURS), (bare, FLOOR), (tipg, TIPG)]
    if web:
        asked.append((Server("MapServer", web.port, web.pids), MAPSERVER))
    for connections in (1, 8):
        ours, floor, theirs, *maps = bench.measure(asked, some_tiles(17, 150), connections)
        work = f"z17 made, {connections} connection{'s' if connections > 1 else ''}"
        bench.row(f"{work}: p50", ours[0], ("TiPg", theirs[0]), 1 / 5)
        bench.row(f"{work}: rate", ours[1], ("floor", floor[1]), -0.75, "/s")
        if maps:
            bench.row(f"{work}: p50", ours[0], ("MapServer", maps[0][0]), 1 / 3)
    ours, _, theirs, *_ = bench.measure(asked[:3], some_tiles(15, 20), 1)
    bench.row("z15 made: CPU", ours[2], ("TiPg", theirs[2]), 0.45)
    bench.row("z15 made: p50", ours[0], ("TiPg", theirs[0]), 0.45)
    ours, _, theirs, *_ = bench.measure(asked[:3], some_tiles(13, 4), 1)
    bench.row("z13 made, nothing dropped: p50", ours[0], ("TiPg, 10,000 at most", theirs[0]), 1 / 2)
    bench.row("z13 made, nothing dropped: CPU", ours[2], ("TiPg, 10,000 at most", theirs[2]), 1 / 2)
    tiles = some_tiles(11, 6)
    ours, _, theirs, *_ = bench.measure(asked[:3], tiles, 1)
    bench.row("z11 made, exact counts: p50", ours[0], ("TiPg, 10,000 at most", theirs[0]), 1 / 10)
    largest = max(len(peers.fetch(bare, FLOOR(*tile))) for tile in tiles)
    bench.row("z11: largest tile, not compressed", largest / 1000, ("promised", 300.0), 1, "kB")


@contextmanager
def on_one_core(servers: Sequence[Server]) -> Iterator[None]:
    """Have servers and the client share one core: else what is measured is mostly how soon another core wakes up."""
    everybody = (0, *(pid for server in servers for pid in server.pids))
    before = os.sched_getaffinity(0)
    for pid in everybody:
        os.sched_setaffinity(pid, {max(before)})
    try:
        yield
    finally:
        for pid in everybody:
            os.sched_setaffinity(pid, before)


def measure_kept(bench: Bench, kept: Server, tipg: Server, web: Server | None, folder: Path) -> None:
    """Measure a tile that is kept, and one the client has already."""
    z, x, y = some_tiles(17, 1)[0]
    path = OURS(z, x, y)
    body = peers.fetch(kept, path)
    tag = tag_of(kept, path)
    asked = [path] * 1000
    with on_one_core([tipg]):
        theirs = statistics.median(Asker(tipg, 1).ask([TIPG(z, x, y)] * 100)[0])
    if web:
        file = folder / "files" / path.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_name(file.name + ".gz").write_bytes(body)
        file.write_bytes(body)
    for work, headers in (("kept", ""), ("304", f"If-None-Match: {tag}\r\n")):
        for connections in (1, 8):
            times: dict[str, list[float]] = {}
            rates: dict[str, list[float]] = {}
            for _ in range(ROUNDS):
                for server in filter(None, (kept, web)):
                    taken, rate = Asker(server, connections, headers if server is kept else "").ask(asked)
                    times.setdefault(server.name, []).extend(taken)
                    rates.setdefault(server.name, []).append(rate)
            median = statistics.median(times["ours"])
            if connections == 1:
                bench.row(f"z17 {work}: p50", median, ("TiPg, which keeps none", theirs), 1 / 60)
            if web:
                ours, nginx = (statistics.median(rates[name]) for name in ("ours", "nginx"))
                bench.row(f"z17 {work}, {connections} at once: rate", ours, ("nginx, the file", nginx), -0.5, "/s")


def tag_of(server: Server, path: str) -> str:
    """Ask for a tile's tag."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{server.headers}\r\n".encode())
        head = connection.recv(4096).partition(b"\r\n\r\n")[0].decode()
    return next(line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("etag:"))


def measure(ground: Ground) -> list[Figure]:
    """Measure tiles that are made, and tiles that are kept."""
    with ExitStack() as stack:
        cold, made, kept = (
            stack.enter_context(peers.ours(ground.url, ground.token, *mb)) for mb in ((0, 0), (0,), (64,))
        )
        bare = stack.enter_context(peers.floor(ground.url))
        tipg = stack.enter_context(peers.tipg(ground.url, ground.folder))
        web = stack.enter_context(peers.nginx(ground.url, ground.folder))
        with psycopg.connect(conninfo(ground.url)) as connection:
            parent = Path(f"/proc/{connection.info.backend_pid}/stat").read_text(encoding="ascii")
        bench = Bench(int(parent.rpartition(")")[2].split()[1]))
        measure_cold(bench, cold, tipg)
        measure_made(bench, made, bare, tipg, web)
        with on_one_core([kept, *([web] if web else [])]):
            measure_kept(bench, kept, tipg, web, ground.folder)
        for server in (made, kept):
            bench.row(
                "memory of the server, at most", peers.memory_mib(server), ("promised", MEMORY_MOST_MIB), 1, "MiB"
            )
    return bench.figures
