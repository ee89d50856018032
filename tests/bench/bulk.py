"""Bulk locate: the whole command, and with the index built, beside geopandas and DuckDB on the same points and cells."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import shapely
from pyarrow import csv as arrow_csv

from gridsvc.core.geo import snap
from gridsvc.exchange.locating import locate_csv
from gridsvc.territory.bulk import Cells, locate_many
from tests.bench.measure import Figure, compare, in_turn

STEPS = 8  # vertices on each side of a cell
RUNS = 3
WHOLE_BAR = 1.0
SJOIN_BAR = 1 / 2.4
DUCKDB_BAR = 1 / 4
WEST, SOUTH, CELL = 118.0, 32.0, 0.005
NOTHING = Cells(np.array([], object), np.array([], np.int64), np.array([], object))
DUCKDB_SPATIAL = "duckdb_extension_spatial"
"""The package that ships DuckDB's spatial extension; where it is not installed, that peer is left out."""


@dataclass(frozen=True)
class Size:
    """How many points are located in how many cells."""

    points: int
    across: int
    down: int

    @property
    def name(self) -> str:
        """Write it as people do."""
        return f"{self.points:,} × {self.across * self.down:,}"


USUAL = Size(2_000_000, 200, 100)
LARGE = Size(10_000_000, 400, 250)


def measure(folder: Path, *, large: bool = False) -> list[Figure]:
    """Measure the command and the index; the large size, which takes minutes and gigabytes, only when asked for."""
    return [whole_command(folder), *index_built(USUAL, RUNS), *(index_built(LARGE, 1) if large else [])]


def whole_command(folder: Path) -> Figure:
    """Locate the same file both ways, in turn, and check that the owners agree wherever sjoin has one."""
    points = folder / "points.csv"
    synthetic_points(USUAL).to_csv(points, index=False)
    cells = synthetic_cells(USUAL)
    frame = gpd.GeoDataFrame({"grid": cells.codes}, geometry=list(cells.shapes), crs=4326)

    def ours(_: int) -> object:
        # Cells of its own for each run: the command builds its index anew.
        anew = Cells(cells.codes, cells.versions, shapely.from_wkb(shapely.to_wkb(cells.shapes)))
        return locate_csv(points, folder / "ours.csv", anew, NOTHING, lambda *_: None)

    def sjoin(_: int) -> object:
        read = arrow_csv.read_csv(points).to_pandas()
        places = gpd.GeoDataFrame(read, geometry=gpd.points_from_xy(read["lon"], read["lat"]), crs=4326)
        joined = gpd.sjoin(places, frame, how="left", predicate="intersects")
        written = pa.Table.from_pandas(joined.drop(columns="geometry"), preserve_index=False)
        return arrow_csv.write_csv(written, folder / "peer.csv")

    taken = in_turn(range(RUNS), ours, sjoin)
    mine = pd.read_csv(folder / "ours.csv", dtype=str)
    theirs = pd.read_csv(folder / "peer.csv", dtype=str).drop_duplicates("id")
    assert len(mine) == USUAL.points
    assert (mine["grid"].fillna("").to_numpy() == theirs["grid"].fillna("").to_numpy()).mean() > 0.99999
    return compare(f"bulk locate, the whole command, {USUAL.name}", taken, "geopandas.sjoin", WHOLE_BAR)


def index_built(size: Size, runs: int) -> list[Figure]:
    """Locate points that are in memory already, each peer with its own index and its own points prepared."""
    cells, points = synthetic_cells(size), synthetic_points(size)
    lon, lat = points["lon"].to_numpy(), points["lat"].to_numpy()
    frame = gpd.GeoDataFrame({"grid": cells.codes}, geometry=list(cells.shapes), crs=4326)
    places = gpd.GeoDataFrame({"id": points["id"]}, geometry=gpd.points_from_xy(lon, lat), crs=4326)
    assert frame.sindex.size == len(frame)
    assert len(cells.lattice.shapes) == len(frame)

    def ours(_: int) -> npt.NDArray[np.object_]:
        return locate_many(lon, lat, cells, NOTHING).grid.plain()

    joined = Last(lambda: gpd.sjoin(places, frame, how="left", predicate="intersects"))
    work = f"bulk locate, index built, {size.name}"
    figures = [compare(work, in_turn(range(runs), ours, joined), "geopandas.sjoin", SJOIN_BAR)]
    # sjoin gives a point on a border to both; the lowest code comes first only by chance.
    assert (ours(0) == joined.answer.drop_duplicates("id")["grid"].fillna("").to_numpy()).mean() > 0.99999
    if find_spec(DUCKDB_SPATIAL):
        paired = Last(duckdb_join(cells, points))
        figures.append(compare(work, in_turn(range(runs), ours, paired), "DuckDB spatial", DUCKDB_BAR))
        assert abs(paired.answer.num_rows / np.count_nonzero(ours(0) != "") - 1) < 1e-5
    return figures


class Last:
    """Runs a piece of work again and again, and keeps what came of it last."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self.answer: Any = None

    def __call__(self, _: int) -> None:
        """Run it once more."""
        self.answer = self._work()


def duckdb_join(cells: Cells, points: pd.DataFrame) -> Callable[[], Any]:
    """Give DuckDB its own copy of both, geometries made, and the join to run."""
    import duckdb  # noqa: PLC0415 - a peer that need not be there

    extension = next(files(DUCKDB_SPATIAL).joinpath("extensions").iterdir()) / "spatial.duckdb_extension"
    connection = duckdb.connect()
    connection.execute(f"load '{extension}'")
    connection.register("grids", pa.table({"grid": list(cells.codes), "wkb": list(shapely.to_wkb(cells.shapes))}))
    connection.register("spots", points)
    connection.execute("create table cell as select grid, st_geomfromwkb(wkb) as geom from grids")
    connection.execute("create table point as select id, st_point(lon, lat) as geom from spots")
    statement = "select p.id, c.grid from point p join cell c on st_intersects(c.geom, p.geom)"
    return lambda: connection.execute(statement).to_arrow_table()


def synthetic_cells(size: Size = USUAL) -> Cells:
    """Make a partition of wavy cells by a fixed seed: every side is shared, vertex by vertex."""
    across, down = size.across, size.down
    chance = np.random.default_rng(1)
    along_x = np.arange(across * STEPS + 1) / STEPS
    along_y = np.arange(down * STEPS + 1) / STEPS
    rows = np.arange(down + 1)[:, None] + chance.uniform(-0.1, 0.1, (down + 1, len(along_x)))
    columns = np.arange(across + 1)[:, None] + chance.uniform(-0.1, 0.1, (across + 1, len(along_y)))
    # Corners belong to a row and a column line at once.
    rows[:, ::STEPS] = np.arange(down + 1)[:, None]
    columns[:, ::STEPS] = np.arange(across + 1)[:, None]
    shapes = []
    for y in range(down):
        for x in range(across):
            row, column = slice(x * STEPS, (x + 1) * STEPS + 1), slice(y * STEPS, (y + 1) * STEPS + 1)
            south = np.column_stack([along_x[row], rows[y, row]])
            east = np.column_stack([columns[x + 1, column], along_y[column]])
            north = np.column_stack([along_x[row], rows[y + 1, row]])[::-1]
            west = np.column_stack([columns[x, column], along_y[column]])[::-1]
            ring = np.vstack([south[:-1], east[:-1], north[:-1], west[:-1]])
            shapes.append(shapely.Polygon(ring * CELL + [WEST, SOUTH]))
    codes = np.array(
        [f"{100000000000 + number // 999}{number % 999 + 1:03d}" for number in range(len(shapes))], dtype=object
    )
    return Cells(codes, np.ones(len(shapes), np.int64), np.asarray(snap(np.array(shapes, dtype=object))))


def synthetic_points(size: Size) -> pd.DataFrame:
    """Scatter points over the cells and a little around them."""
    chance = np.random.default_rng(2)
    lon = WEST + CELL * chance.uniform(-0.5, size.across + 0.5, size.points)
    lat = SOUTH + CELL * chance.uniform(-0.5, size.down + 0.5, size.points)
    return pd.DataFrame({"id": np.arange(size.points), "lon": lon.round(7), "lat": lat.round(7)})
