"""Buildings as they are mapped in; the same with floors, households and inhabitants estimated by a stated formula out.

    households  = round(footprint_m2 × levels × NET_SHARE / M2_PER_HOUSEHOLD)   for homes, at least 1; else 0
    inhabitants = round(households × PERSONS_PER_HOUSEHOLD)

A home is a building whose use is residential, or unknown if it looks like one: footprint between 80 and 1,200 m², at
most 20 floors, and not on the grounds of a school, hospital, park, stadium or shopping block. Floors that are not
mapped are taken as 6 for a home of 150 m² and more (the walk-up of the city), 2 for a smaller one, 4 for all others.
"""

import geopandas as gpd
import numpy as np
import shapely

from maker.ground import Floats, to_metres

NET_SHARE = 0.65
M2_PER_HOUSEHOLD = 100
PERSONS_PER_HOUSEHOLD = 2.6
HOME_M2 = (80, 1200)
WALK_UP_M2 = 150
HIGHEST_HOME_LEVELS = 20
LEVELS = {"walk_up": 6, "cottage": 2, "other": 4}


def estimate(buildings: gpd.GeoDataFrame, grounds: list[shapely.Geometry]) -> gpd.GeoDataFrame:
    """Add `households`, `households_source` and `inhabitants`; `grounds` are sites nobody lives on (EPSG:4326)."""
    footprint_m2: Floats = shapely.area(to_metres(buildings.geometry.to_numpy()))
    home = _homes(buildings, footprint_m2, grounds)
    default = np.where(footprint_m2 >= WALK_UP_M2, LEVELS["walk_up"], LEVELS["cottage"])
    mapped = buildings.levels.to_numpy(dtype=float, na_value=np.nan)
    levels = np.where(np.isnan(mapped), np.where(home, default, LEVELS["other"]), mapped)
    estimated = np.maximum(1, np.rint(footprint_m2 * levels * NET_SHARE / M2_PER_HOUSEHOLD))
    households = np.where(home, estimated, 0).astype(int)
    return buildings.assign(
        households=households,
        households_source="estimated",
        inhabitants=np.rint(households * PERSONS_PER_HOUSEHOLD).astype(int),
    )


def _homes(buildings: gpd.GeoDataFrame, footprint_m2: Floats, grounds: list[shapely.Geometry]) -> np.ndarray:
    """Tell which buildings are taken to be homes."""
    points = buildings.geometry.representative_point().to_numpy()
    on_grounds = shapely.contains(shapely.union_all(grounds), points)
    levels = buildings.levels.to_numpy(dtype=float, na_value=np.nan)
    looks_like = (footprint_m2 >= HOME_M2[0]) & (footprint_m2 <= HOME_M2[1]) & ~(levels > HIGHEST_HOME_LEVELS)
    unknown = (buildings.use == "unknown").to_numpy()
    underground = buildings.underground.to_numpy()
    return (buildings.use == "residential").to_numpy() | (unknown & looks_like & ~on_grounds & ~underground)
