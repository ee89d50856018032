"""The real extract `source.osm.gz` in, the sample town's files beside it out: `python data/xinjiekou/make_town.py [FOLDER]`.

The outputs are written to FOLDER, or beside this file. Running it again gives the same bytes.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from maker.blocks import cut_blocks, cutting
from maker.ground import to_units
from maker.grouping import Borders, group_blocks, group_grids
from maker.households import estimate
from maker.people import staff
from maker.places import DIVISIONS
from maker.proof import prove
from maker.reports import report
from maker.sites import read_grounds, underground
from maker.territory import name_territory
from maker.things import Kerb, furnish
from maker.walks import plan_walks
from maker.writing import write_csv, write_geojson

from gridsvc.exchange.formats.osm import read_osm

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source.osm.gz"
CATALOGUE = HERE.parent / "catalogue" / "example.json"
SEED = 20260630


def make_town(folder: Path) -> None:
    """Make every file of the town."""
    streets, mapped = read_osm(SOURCE, "streets"), read_osm(SOURCE, "buildings")
    below = mapped.assign(underground=underground(SOURCE, mapped))
    buildings = estimate(below, read_grounds(SOURCE)).drop(columns="underground")

    blocks = cut_blocks(streets, buildings)
    households = np.bincount(blocks.owner, buildings.households, len(blocks.shapes))
    dividing = cutting(streets)
    borders = Borders(blocks.shapes, to_units(dividing.geometry.to_numpy()), dividing["rank"].to_numpy())
    cells = group_blocks(blocks.shapes, households, borders)
    territory = name_territory(cells, group_grids(cells, borders))
    owner = np.array([territory.grid_of_block[block] for block in blocks.owner])
    prove(territory, buildings, owner)

    per_grid = np.bincount(owner, buildings.households, len(territory.grids)).astype(int).tolist()
    workers, posts = staff(territory, per_grid)
    town = shapely.coverage_union_all(territory.grids.geometry.to_numpy())
    kerb = Kerb(streets, town, buildings)
    rng = np.random.default_rng(SEED)

    write_csv(pd.DataFrame(DIVISIONS, columns=["code", "name", "level", "parent"]), folder / "divisions.csv")
    write_geojson(territory.communities, folder / "communities.geojson")
    write_geojson(territory.grids.drop(columns="community"), folder / "grids.geojson")
    write_geojson(_geometry_last(buildings), folder / "buildings.geojson")
    write_geojson(streets, folder / "streets.geojson")
    write_geojson(furnish(kerb, rng), folder / "assets.geojson")
    write_geojson(plan_walks(streets, territory), folder / "routes.geojson")
    write_csv(workers, folder / "workers.csv")
    write_csv(posts, folder / "posts.csv")
    write_csv(report(kerb, buildings, CATALOGUE, rng), folder / "incidents.csv")


def _geometry_last(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the geometry behind the other columns."""
    return frame[[*(column for column in frame.columns if column != "geometry"), "geometry"]]


if __name__ == "__main__":
    make_town(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
