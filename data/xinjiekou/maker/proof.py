"""Everything the maker made in; nothing out, or an AssertionError that names the broken promise."""

import geopandas as gpd
import numpy as np
import shapely

from maker.ground import in_metres, to_metres, to_units
from maker.territory import Territory

SLIVER_M = 6
SLIVER_M2 = 250
"""No part of a grid of more than this area is narrower than `SLIVER_M`."""


def prove(territory: Territory, buildings: gpd.GeoDataFrame, owner: np.ndarray) -> None:
    """Check that the grids partition the town and own every building whole."""
    grids = territory.grids.geometry.to_numpy()
    communities = territory.communities.geometry.to_numpy()
    _promise((shapely.get_type_id(grids) == shapely.GeometryType.POLYGON).all(), "a grid is in several pieces")
    _promise(
        (shapely.get_type_id(communities) == shapely.GeometryType.POLYGON).all(), "a community is in several pieces"
    )
    _promise(shapely.is_valid(grids).all(), "a grid is invalid")
    _promise(shapely.coverage_is_valid(grids), "grids overlap or do not share their vertices")
    _promise(shapely.coverage_is_valid(communities), "communities overlap or do not share their vertices")
    coordinates = shapely.get_coordinates(grids)
    _promise((np.rint(coordinates * 1e7) / 1e7 == coordinates).all(), "a coordinate has more than 7 decimals")
    _prove_ground(territory)
    footprints = buildings.geometry.to_numpy()
    _promise(shapely.covers(grids[owner], footprints).all(), "a building is cut")
    cell, building = shapely.STRtree(footprints).query(grids, predicate="intersects")
    _promise(len(building) == len(footprints), "a building touches two grids")
    _promise((owner[building] == cell).all(), "a building has the wrong owner")


def _prove_ground(territory: Territory) -> None:
    """Check that grids make up their community exactly, that there are no holes, and that none is a sliver."""
    grids = territory.grids.geometry.to_numpy()
    for community in territory.communities.itertuples():
        mine = grids[(territory.grids.community == community.code).to_numpy()]
        union = shapely.coverage_union_all(mine)
        rest = shapely.symmetric_difference(to_units(union), to_units(community.geometry))
        _promise(rest.is_empty, "grids do not make up their community")
    town = shapely.coverage_union_all(grids)
    _promise(town.geom_type == "Polygon", "the town is in several pieces")
    _promise(not town.interiors, "the town has a hole")
    metres = in_metres(to_units(grids))
    opened = shapely.buffer(shapely.buffer(metres, -SLIVER_M / 2), SLIVER_M / 2 + 0.1)
    thin = shapely.get_parts(shapely.difference(metres, opened))
    _promise(shapely.area(thin).max(initial=0) < SLIVER_M2, "a grid has a sliver")
    _promise(shapely.area(to_metres(grids)).min() > SLIVER_M2, "a grid is a sliver")


def _promise(kept: object, otherwise: str) -> None:
    """Stop with a sentence if a promise is not kept."""
    if not kept:
        raise AssertionError(otherwise)
