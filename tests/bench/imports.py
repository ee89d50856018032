"""`gridsvc import buildings`, the whole of it, beside `ogr2ogr` and `geopandas.to_postgis` into a table with the same indexes.

The peers append to such a table, as one does to a service's table, and that is what is promised. Each is also let make a
table of its own, whose other indexes are made over all rows afterwards: that is its quickest way, and told beside it.

Each runs as a process of its own, so that it begins cold and its memory can be told. `python -m tests.bench.imports ROWS`
measures this alone, with fewer rows for a quick look. The import is measured until its commit, when the buildings are
there for everybody; how long the map and search then take to catch up is measured beside it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import psycopg
import shapely
from psycopg.conninfo import conninfo_to_dict
from rich.console import Console
from sqlalchemy.engine import make_url

from gridsvc.core.db import conninfo, open_engine
from gridsvc.core.schema import migrate
from gridsvc.territory.deriving import STEPS
from tests.bench import ground
from tests.bench.measure import Figure

ROWS = 1_000_000
RUNS = 3
ONCE = ("to_postgis", "to_postgis, own table")
"""Peers so slow that one run tells enough."""
POLL_S = 0.02
OGR_BAR = 0.6
POSTGIS_BAR = 0.3
CATCH_UP_S = {"drawn": 40.0, "written": 60.0}
"""How long a million buildings may take to be caught up with; search takes as long as it takes."""
MEMORY_MIB = 1536.0
DATABASE = "bench_imports"
WEST, SOUTH, APART = 118.0, 31.8, 0.0005
USES = np.array(["residential", "commercial", "office", "school", "unknown"])
WARM_UP = "select pg_logical_emit_message(false, 'warm-up', repeat('x', 1000000)) from generate_series(1, 800)"
PEER = "peer"
TABLE = """
    create table peer (code text, name text, number text, address text, use text, levels integer, households integer,
        geometry geometry(MultiPolygon, 4326))"""
GEOMETRY_INDEX = "create index on peer using gist (geometry)"
OTHER_INDEXES = (
    "create index on peer using gist (st_pointonsurface(geometry))",
    "create unique index on peer (code)",
    "create index on peer (code text_pattern_ops)",
)

Run = Callable[[Path], tuple[float, float]]
"""Imports a file; answers the time in milliseconds and the most memory its process had, in MiB."""


def measure(url: str, folder: Path, rows: int = ROWS) -> list[Figure]:
    """Bring the same buildings in by every way, in turn; the rows that have arrived are counted each time."""
    parquet, package = write_files(folder, rows)
    own = _database(url)
    ways: dict[str, tuple[Run, Path]] = {
        "parquet": (_ours(own, rows), parquet),
        "gpkg": (_ours(own, rows), package),
        # Debian's GDAL reads no Parquet.
        "ogr2ogr": (_ogr2ogr(own, rows, own_table=False), package),
        "to_postgis": (_to_postgis(own, rows, own_table=False), parquet),
        "ogr2ogr, own table": (_ogr2ogr(own, rows, own_table=True), package),
        "to_postgis, own table": (_to_postgis(own, rows, own_table=True), parquet),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    caught_up: dict[str, float] = {}
    for _ in range(RUNS):
        for name, (run, file) in ways.items():
            if name in ONCE and taken[name]:
                continue
            taken[name].append(run(file))
            time_ms, mib = taken[name][-1]
            Console(stderr=True).print(f"import {rows:,} buildings, {name}: {time_ms / 1000:,.1f} s, {mib:,.0f} MiB")
        if not caught_up:
            caught_up.update(_catch_up(own))
    parquet.unlink()
    package.unlink()
    usual = {name: statistics.median(time_ms for time_ms, _ in runs) for name, runs in taken.items()}
    memory = max(mib for name in ("parquet", "gpkg") for _, mib in taken[name])
    figures = [
        Figure(f"import {rows:,} buildings, {ours}", usual[ours], peer, usual[peer], bar)
        for peer, bar in (
            ("ogr2ogr", OGR_BAR),
            ("to_postgis", POSTGIS_BAR),
            ("ogr2ogr, own table", np.inf),
            ("to_postgis, own table", np.inf),
        )
        for ours in ("parquet", "gpkg")
    ]
    for derived, promised_s in CATCH_UP_S.items():
        figures.append(Figure(f"catching up: {derived}", caught_up[derived], "promised", promised_s * rows / 1000, 1.0))
    return [*figures, Figure(f"memory of that import, {rows:,}", memory, "promised", MEMORY_MIB, 1.0, unit="MiB")]


def write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write buildings as GeoParquet and as GeoPackage."""
    frame = synthetic_buildings(rows)
    parquet, package = folder / "buildings.parquet", folder / "buildings.gpkg"
    frame.to_parquet(parquet)
    frame.to_file(package)
    return parquet, package


def synthetic_buildings(rows: int) -> gpd.GeoDataFrame:
    """Make buildings of 5 to 12 vertices and 8 to 40 metres, side by side, by a fixed seed; none is on the grid."""
    chance = np.random.default_rng(3)
    across = int(np.ceil(np.sqrt(rows)))
    number = np.arange(rows)
    places = np.column_stack([WEST + APART * (number % across), SOUTH + APART * (number // across)])
    corners = chance.integers(5, 13, rows)
    shapes = np.empty(rows, dtype=object)
    for count in range(5, 13):
        own = np.flatnonzero(corners == count)
        angle = (np.arange(count) + chance.uniform(0.1, 0.9, (len(own), count))) * 2 * np.pi / count
        reach = chance.uniform(5e-5, 2e-4, (len(own), 1)) * chance.uniform(0.6, 1.0, (len(own), count))
        ring = places[own, None] + np.stack([reach * np.cos(angle), reach * np.sin(angle) * 0.85], axis=2)
        shapes[own] = shapely.polygons(ring)
    attributes = {
        "code": [f"b{one:07d}" for one in number],
        "name": [f"示例楼{one}" for one in number],
        "number": (number % 300).astype(str),
        "address": [f"示例路{one // 300}号{one % 300}" for one in number],
        "use": USES[chance.integers(0, len(USES), rows)],
        "levels": chance.integers(1, 34, rows).astype(np.int32),
        "households": chance.integers(0, 200, rows).astype(np.int32),
    }
    return gpd.GeoDataFrame(attributes, geometry=shapes, crs=4326)


def to_postgis(url: str, file: str, if_exists: Literal["append", "replace"]) -> None:
    """Do what a person would do with geopandas; run as a process of its own."""
    engine = open_engine(url)
    frame = gpd.read_parquet(file)
    if if_exists == "append":
        frame["geometry"] = [shapely.MultiPolygon([one]) for one in frame["geometry"]]
    frame.to_postgis(PEER, engine, if_exists=if_exists, index=False)
    engine.dispose()


def _database(url: str) -> str:
    """Make a migrated database with nothing in it, beside the one with the town."""
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute(f"create database {DATABASE}".encode())
    own = make_url(url).set(database=DATABASE).render_as_string(hide_password=False)
    engine = open_engine(own)
    migrate(engine)
    engine.dispose()
    # The files of the write-ahead log are made once and then used again: whoever comes first would pay for all.
    _statements(own, WARM_UP, "checkpoint")
    return own


def _ours(url: str, rows: int) -> Run:
    def run(file: Path) -> tuple[float, float]:
        _statements(url, "truncate building", "checkpoint")
        command = [sys.executable, "-m", "gridsvc.app.cli", "import", "buildings", "--later", str(file)]
        taken = _process(command, GRIDSVC_DATABASE_URL=url)
        _assert_there(url, "building", rows)
        return taken

    return run


def _catch_up(url: str) -> dict[str, float]:
    """Derive all that is due; answer the milliseconds of each kind."""
    taken: dict[str, float] = {}
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        for derived in STEPS:
            before_s = _processor_s(connection.info.backend_pid)
            began = time.perf_counter()
            connection.execute("select derive_due_now(%s)", [derived])
            taken[derived] = (time.perf_counter() - began) * 1000
            cpu_s = _processor_s(connection.info.backend_pid) - before_s
            told = f"catching up, {derived}: {taken[derived] / 1000:,.1f} s, {cpu_s:,.1f} s of them on the processor"
            Console(stderr=True).print(told)
    return taken


def _processor_s(pid: int) -> float:
    """Read how long a process has been on a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ogr2ogr(url: str, rows: int, *, own_table: bool) -> Run:
    known = conninfo_to_dict(conninfo(url))
    target = "PG:" + " ".join(f"{name}={value}" for name, value in known.items())
    making = ["-lco", "GEOMETRY_NAME=geometry", "-lco", "SPATIAL_INDEX=GIST"]

    def bring_in(file: Path) -> tuple[float, float]:
        command = ["ogr2ogr", "-f", "PostgreSQL", target, str(file), "-nln", PEER, "-nlt", "PROMOTE_TO_MULTI"]
        return _process([*command, *(making if own_table else ["-append"])], PG_USE_COPY="YES")

    return _peer(url, rows, bring_in, own_table=own_table)


def _to_postgis(url: str, rows: int, *, own_table: bool) -> Run:
    def bring_in(file: Path) -> tuple[float, float]:
        how = "replace" if own_table else "append"
        return _process([sys.executable, "-m", "tests.bench.imports", url, str(file), how])

    return _peer(url, rows, bring_in, own_table=own_table)


def _peer(url: str, rows: int, bring_in: Run, *, own_table: bool) -> Run:
    """Let a peer bring a file in; both make the index on the geometry of a table of their own themselves."""

    def run(file: Path) -> tuple[float, float]:
        _statements(url, f"drop table if exists {PEER}")
        if not own_table:
            _statements(url, TABLE, GEOMETRY_INDEX, *OTHER_INDEXES)
        _statements(url, "checkpoint")
        time_ms, mib = bring_in(file)
        if own_table:
            time_ms += _statements(url, *OTHER_INDEXES)
        _assert_there(url, PEER, rows)
        return time_ms, mib

    return run


def _process(command: list[str], **environment: str) -> tuple[float, float]:
    """Run a program to its end; answer milliseconds and the most memory it had, in MiB."""
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=said)
        peak_kib = 0
        while process.poll() is None:
            peak_kib = max(peak_kib, _peak_kib(process.pid))
            time.sleep(POLL_S)
        taken_ms = (time.perf_counter() - began) * 1000
        said.seek(0)
        assert process.returncode == 0, said.read().decode()[-2000:]
    return taken_ms, peak_kib / 1024


def _peak_kib(pid: int) -> int:
    """Read the most memory a process has had; what `wait4` tells begins with that of the process that started it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def _statements(url: str, *statements: str) -> float:
    began = time.perf_counter()
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
    return (time.perf_counter() - began) * 1000


def _assert_there(url: str, table: str, rows: int) -> None:
    with psycopg.connect(conninfo(url)) as connection:
        assert connection.execute(f"select count(*) from {table}".encode()).fetchone() == (rows,)


def main(rows: int) -> int:
    """Measure so many rows alone; answer 1 when a bar is missed."""
    from tests.bench.__main__ import report  # noqa: PLC0415 - which imports this module

    with ground.empty() as place:
        return report(measure(place.url, place.folder, rows))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        to_postgis(sys.argv[1], sys.argv[2], "replace" if sys.argv[3] == "replace" else "append")
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
