"""Bulk locate, reading and writing included, beside `geopandas.sjoin` with the same reading and writing."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from pyarrow import csv as arrow_csv

from gridsvc.core.geo import snap
from gridsvc.exchange.locating import locate_csv
from gridsvc.territory.bulk import Cells
from tests.bench.measure import Figure, compare, in_turn

POINTS = 2_000_000
ACROSS, DOWN = 200, 100
STEPS = 8  # vertices on each side of a cell
RUNS = 3
BAR = 1.0
WEST, SOUTH, CELL = 118.0, 32.0, 0.005


def measure(folder: Path) -> list[Figure]:
    """Locate the same file both ways, in turn, and check that the owners agree wherever sjoin has one."""
    cells = synthetic_cells()
    points = folder / "points.csv"
    synthetic_points().to_csv(points, index=False)
    frame = gpd.GeoDataFrame({"grid": cells.codes}, geometry=list(cells.shapes), crs=4326)
    nothing = Cells(np.array([], object), np.array([], np.int64), np.array([], object))

    def ours(_: int) -> object:
        return locate_csv(points, folder / "ours.csv", cells, nothing, lambda *_: None)

    def sjoin(_: int) -> object:
        read = arrow_csv.read_csv(points).to_pandas()
        places = gpd.GeoDataFrame(read, geometry=gpd.points_from_xy(read["lon"], read["lat"]), crs=4326)
        joined = gpd.sjoin(places, frame, how="left", predicate="intersects")
        written = pa.Table.from_pandas(joined.drop(columns="geometry"), preserve_index=False)
        return arrow_csv.write_csv(written, folder / "peer.csv")

    taken = in_turn(range(RUNS), ours, sjoin)
    mine = pd.read_csv(folder / "ours.csv", dtype=str)
    theirs = pd.read_csv(folder / "peer.csv", dtype=str).drop_duplicates("id")
    assert len(mine) == POINTS
    assert (mine["grid"].fillna("").to_numpy() == theirs["grid"].fillna("").to_numpy()).mean() > 0.99999
    return [compare(f"bulk locate, {POINTS:,} × {len(cells.codes):,}", taken, "geopandas.sjoin", BAR)]


def synthetic_cells() -> Cells:
    """Make a partition of wavy cells by a fixed seed: every side is shared, vertex by vertex."""
    chance = np.random.default_rng(1)
    along_x = np.arange(ACROSS * STEPS + 1) / STEPS
    along_y = np.arange(DOWN * STEPS + 1) / STEPS
    rows = np.arange(DOWN + 1)[:, None] + chance.uniform(-0.1, 0.1, (DOWN + 1, len(along_x)))
    columns = np.arange(ACROSS + 1)[:, None] + chance.uniform(-0.1, 0.1, (ACROSS + 1, len(along_y)))
    # Corners belong to a row and a column line at once.
    rows[:, ::STEPS] = np.arange(DOWN + 1)[:, None]
    columns[:, ::STEPS] = np.arange(ACROSS + 1)[:, None]
    shapes = []
    for y in range(DOWN):
        for x in range(ACROSS):
            across, up = slice(x * STEPS, (x + 1) * STEPS + 1), slice(y * STEPS, (y + 1) * STEPS + 1)
            south = np.column_stack([along_x[across], rows[y, across]])
            east = np.column_stack([columns[x + 1, up], along_y[up]])
            north = np.column_stack([along_x[across], rows[y + 1, across]])[::-1]
            west = np.column_stack([columns[x, up], along_y[up]])[::-1]
            ring = np.vstack([south[:-1], east[:-1], north[:-1], west[:-1]])
            shapes.append(shapely.Polygon(ring * CELL + [WEST, SOUTH]))
    codes = np.array(
        [f"{100000000000 + number // 999}{number % 999 + 1:03d}" for number in range(len(shapes))], dtype=object
    )
    return Cells(codes, np.ones(len(shapes), np.int64), np.asarray(snap(np.array(shapes, dtype=object))))


def synthetic_points() -> pd.DataFrame:
    """Scatter points over the cells and a little around them."""
    chance = np.random.default_rng(2)
    lon = WEST + CELL * chance.uniform(-0.5, ACROSS + 0.5, POINTS)
    lat = SOUTH + CELL * chance.uniform(-0.5, DOWN + 0.5, POINTS)
    return pd.DataFrame({"id": np.arange(POINTS), "lon": lon.round(7), "lat": lat.round(7)})
