"""Streets and the town's outline in, invented street furniture (部件) along real streets out."""

import geopandas as gpd
import numpy as np
import shapely

from maker.ground import Floats, from_metres, to_metres
from maker.places import district_of

# class: number of them, distance from the middle of the street in metres
THINGS = {
    "asset:01037": ("路灯", 80, 5.0),
    "asset:01002": ("污水井盖", 30, 1.5),
    "asset:01001": ("供水井盖", 20, 2.0),
    "asset:01004": ("雨水箅子", 22, 4.0),
    "asset:01013": ("消防设施", 10, 5.5),
    "asset:02012": ("路名牌", 14, 5.0),
    "asset:03005": ("垃圾箱", 32, 5.5),
    "asset:03001": ("公厕", 4, 8.0),
    "asset:04002": ("行道树", 24, 6.0),
    "asset:04007": ("座椅", 14, 6.5),
}
STATES = {"intact": 0.9, "broken": 0.07, "missing": 0.03}


class Kerb:
    """Finds places beside real streets inside the town and outside its buildings."""

    def __init__(self, streets: gpd.GeoDataFrame, town: shapely.Geometry, buildings: gpd.GeoDataFrame) -> None:
        named = streets[streets.name.notna() & ~streets.tunnel & (streets.layer >= 0)]
        inside = shapely.intersection(named.geometry.to_numpy(), town)
        self.names = named.name.to_numpy()[~shapely.is_empty(inside)]
        self.lines = to_metres(inside[~shapely.is_empty(inside)])
        self.town = town
        self.buildings = shapely.STRtree(buildings.geometry.to_numpy())
        length_m: Floats = shapely.length(self.lines)
        self.chance = length_m / length_m.sum()

    def place(self, rng: np.random.Generator, beside_m: float) -> tuple[shapely.Point, str]:
        """Return a point so many metres to the left or right of a named street, and the street's name."""
        while True:
            number = int(rng.choice(len(self.lines), p=self.chance))
            line, side = self.lines[number], float(rng.choice([-1.0, 1.0]))
            along_m = float(rng.uniform(1, max(2, line.length - 2)))
            here, ahead = (np.array(line.interpolate(d).coords[0]) for d in (along_m, along_m + 1))
            step = (ahead - here) / max(float(np.hypot(*(ahead - here))), 0.1)
            point = from_metres(shapely.Point(here + side * beside_m * np.array([-step[1], step[0]])))
            if self.free(point):
                return point, str(self.names[number])

    def free(self, point: shapely.Point) -> bool:
        """Tell whether a point lies in the town and in no building."""
        return bool(self.town.contains(point)) and not len(self.buildings.query(point, predicate="intersects"))


def furnish(kerb: Kerb, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return the assets; `code` is the 17-digit one: 6 county, 2 major class, 3 class, 6 sequence."""
    rows, points = [], []
    for key, (label, count, beside_m) in THINGS.items():
        for number in range(1, count + 1):
            point, street = kerb.place(rng, beside_m)
            county = district_of(point.x, point.y)
            state = str(rng.choice(list(STATES), p=list(STATES.values())))
            code = f"{county}{key.removeprefix('asset:')}{number:06d}"
            rows.append({"code": code, "class": key, "name": f"{street}{label}{number}号", "state": state})
            points.append(point)
    return gpd.GeoDataFrame(rows, geometry=points, crs="EPSG:4326")
