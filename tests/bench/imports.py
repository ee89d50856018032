"""`gridsvc import buildings`, the whole of it, beside `ogr2ogr` and `geopandas.to_postgis` into a table with the same indexes.

Each runs as a process of its own, so that it begins cold and its memory can be told. `python -m tests.bench.imports ROWS`
measures this alone, with fewer rows for a quick look. The import is measured until its commit, when the buildings are
there for everybody; how long the map and search then take to catch up is measured beside it.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

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
RUNS = 1
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
POINT_INDEX = "create index on {table} using gist (st_pointonsurface(geometry))"
CODE_INDEX = "create unique index on {table} (code)"

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
        "ogr2ogr": (_ogr2ogr(own, rows), package),
        "to_postgis": (_to_postgis(own, rows), parquet),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    caught_up: dict[str, float] = {}
    for _ in range(RUNS):
        for name, (run, file) in ways.items():
            taken[name].append(run(file))
            time_ms, mib = taken[name][-1]
            Console(stderr=True).print(f"import {rows:,} buildings, {name}: {time_ms / 1000:,.1f} s, {mib:,.0f} MiB")
        if not caught_up:
            caught_up.update(_catch_up(own))
    parquet.unlink()
    package.unlink()
    best = {name: min(time_ms for time_ms, _ in runs) for name, runs in taken.items()}
    memory = max(mib for name in ("parquet", "gpkg") for _, mib in taken[name])
    figures = [
        Figure(f"import {rows:,} buildings, {ours}", best[ours], peer, best[peer], bar)
        for peer, bar in (("ogr2ogr", OGR_BAR), ("to_postgis", POSTGIS_BAR))
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


def to_postgis(url: str, file: str) -> None:
    """Do what a person would do with geopandas; run as a process of its own."""
    engine = open_engine(url)
    gpd.read_parquet(file).to_postgis("peer_geopandas", engine, if_exists="replace", index=False)
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


def _ogr2ogr(url: str, rows: int) -> Run:
    known = conninfo_to_dict(conninfo(url))
    target = "PG:" + " ".join(f"{name}={value}" for name, value in known.items())
    options = ["-lco", "GEOMETRY_NAME=geometry", "-lco", "SPATIAL_INDEX=GIST", "-nlt", "PROMOTE_TO_MULTI"]

    def run(file: Path) -> tuple[float, float]:
        _statements(url, "drop table if exists peer_ogr2ogr", "checkpoint")
        command = ["ogr2ogr", "-f", "PostgreSQL", target, str(file), "-nln", "peer_ogr2ogr", *options]
        time_ms, mib = _process(command, PG_USE_COPY="YES")
        time_ms += _statements(url, *(index.format(table="peer_ogr2ogr") for index in (POINT_INDEX, CODE_INDEX)))
        _assert_there(url, "peer_ogr2ogr", rows)
        return time_ms, mib

    return run


def _to_postgis(url: str, rows: int) -> Run:
    def run(file: Path) -> tuple[float, float]:
        _statements(url, "drop table if exists peer_geopandas", "checkpoint")
        time_ms, mib = _process([sys.executable, "-m", "tests.bench.imports", url, str(file)])
        # It makes the index on the geometry itself.
        time_ms += _statements(url, *(index.format(table="peer_geopandas") for index in (POINT_INDEX, CODE_INDEX)))
        _assert_there(url, "peer_geopandas", rows)
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
    if len(sys.argv) == 3:
        to_postgis(*sys.argv[1:])
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
