"""Coordinate reference systems that maps may be asked in: a URI in, its EPSG number and the order of its axes out."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from gridsvc.core.errors import Invalid
from gridsvc.core.geo import SRID, Floats

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CRS84H = "http://www.opengis.net/def/crs/OGC/0/CRS84h"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/{0}"
ZONES = range(4534, 4555)
"""CGCS2000, 3-degree Gauss-Krüger, central meridians 75° to 135° east, without the zone's number in the easting."""
OFFERED = (4326, 4490, 3857, *ZONES)


@dataclass(frozen=True)
class Reference:
    """A system: its URI, EPSG number, whether its first axis points north (latitude, northing), and its unit."""

    uri: str
    srid: int
    north_first: bool
    metric: bool

    @property
    def decimals(self) -> int:
        """Tell how many decimals hold a coordinate to the centimetre the stored one has."""
        return 3 if self.metric else 7

    def to_stored(self, shape: BaseGeometry) -> BaseGeometry:
        """Take a geometry written in this system to EPSG:4326, longitude first."""
        if self.north_first:
            shape = shapely.transform(shape, lambda points: points[:, ::-1])
        if self.srid == SRID:
            return shape
        convert = _to_degrees(self.srid)

        def move(points: Floats) -> Floats:
            return np.column_stack(convert.transform(points[:, 0], points[:, 1]))

        return shapely.transform(shape, move)


STORED = Reference(CRS84, SRID, north_first=False, metric=False)


@lru_cache(maxsize=64)
def reference(uri: str) -> Reference:
    """Find a system by its URI (also `EPSG:n` and the safe CURIE `[EPSG:n]`); raise Invalid when it is not offered."""
    if uri in (CRS84, "OGC:CRS84", "[OGC:CRS84]"):
        return STORED
    number = uri.strip("[]").removeprefix("EPSG:").removeprefix(EPSG.format(""))
    if not number.isascii() or not number.isdecimal() or len(number) > 6 or int(number) not in OFFERED:
        raise Invalid(f"The coordinate reference system {uri[:100]!r} is not offered here.")
    system = pyproj.CRS.from_epsg(int(number))
    first = system.axis_info[0]
    return Reference(EPSG.format(number), int(number), first.direction == "north", first.unit_name == "metre")


def offered() -> list[str]:
    """List the URIs of all systems, the stored one first."""
    return [CRS84, *(EPSG.format(number) for number in OFFERED)]


@lru_cache(maxsize=64)
def _to_degrees(srid: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(srid, SRID, always_xy=True)
