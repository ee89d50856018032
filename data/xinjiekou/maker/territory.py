"""Cells and their communities in, communities and grids with codes, names and shapes in degrees out."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridsvc.territory.codes import number_cells
from maker.ground import to_degrees
from maker.grouping import Cell, dedicated
from maker.places import COMMUNITIES

NUMERALS = "〇一二三四五六七八九"
TEN = 10


@dataclass
class Territory:
    """The communities, the grids (with `community`), and for each block the row of its grid."""

    communities: gpd.GeoDataFrame
    grids: gpd.GeoDataFrame
    grid_of_block: dict[int, int]


def name_territory(cells: list[Cell], community_of: list[int]) -> Territory:
    """Give codes and names to grids and communities; sample communities are numbered from 901 within their street."""
    codes = _community_codes()
    rows, shapes, grid_of_block = [], [], {}
    for number, seed in enumerate(COMMUNITIES):
        mine = [cell for cell, owner in zip(cells, community_of, strict=True) if owner == number]
        middles = np.array([cell.shape.centroid.coords[0] for cell in mine]) / 1e7
        for sequence, index in enumerate(number_cells(middles), start=1):
            cell = mine[index]
            grid_of_block.update(dict.fromkeys(cell.blocks, len(rows)))
            rows.append(_grid_row(cell, codes[number], seed.name.removeprefix("示例·"), sequence))
            shapes.append(_ordered(cell.shape))
    grids = gpd.GeoDataFrame(rows, geometry=to_degrees(np.array(shapes)), crs="EPSG:4326")
    communities = gpd.GeoDataFrame(
        {"code": codes, "name": [seed.name for seed in COMMUNITIES], "street": [seed.street for seed in COMMUNITIES]},
        geometry=[
            _ordered(shapely.coverage_union_all(grids.geometry[grids.community == code].to_numpy())) for code in codes
        ],
        crs="EPSG:4326",
    )
    return Territory(communities.sort_values("code", ignore_index=True), grids, grid_of_block)


def _community_codes() -> list[str]:
    """Count the communities of each street from 901, so that none has the number of a real one."""
    streets = [seed.street[:9] for seed in COMMUNITIES]
    return [f"{street}{901 + streets[:number].count(street)}" for number, street in enumerate(streets)]


def _grid_row(cell: Cell, community: str, community_name: str, sequence: int) -> dict[str, str]:
    """Describe a grid: by its landmark if it has one, else by its number in the community."""
    if dedicated(cell):
        kind, name = "dedicated", f"{cell.landmark}专属网格"
    elif cell.landmark:
        kind, name = "residential", f"{cell.landmark}网格"
    else:
        kind, name = "residential", f"{community_name}第{numeral(sequence)}网格"
    return {"code": f"{community}{sequence:03d}", "name": name, "kind": kind, "community": community}


def numeral(number: int) -> str:
    """Write a number from 1 to 99 in Chinese."""
    tens, ones = divmod(number, TEN)
    front = "" if tens == 0 else ("十" if tens == 1 else NUMERALS[tens] + "十")
    return front + (NUMERALS[ones] if ones else "")


def _ordered(shape: shapely.Polygon) -> shapely.Polygon:
    """Bring a polygon into one definite form: the same start and the winding of RFC 7946, whatever it was made by."""
    return shapely.orient_polygons(shapely.normalize(shape), exterior_cw=False)
