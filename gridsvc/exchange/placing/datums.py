"""Coordinates in one datum of Chinese maps in, the same places in another out: WGS-84, GCJ-02, BD-09; vectorised, pure.

Phones and this database speak WGS-84 (CGCS2000, EPSG:4490, agrees with it within centimetres and needs no shift). Gaode
and Tencent maps are drawn in GCJ-02, which moves every place in China by 100 to 700 m; Baidu's BD-09 moves that once more.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import shapely

Datum = Literal["wgs84", "gcj02", "bd09"]
DATUMS: tuple[Datum, ...] = get_args(Datum)

Floats = npt.NDArray[np.float64]

# Krasovsky 1940, which the shift is computed on, whatever datum the place is in.
AXIS_M = 6378245.0
ECCENTRICITY_2 = 0.00669342162296594323

# Outside this box (west, south, east, north) the maps are not shifted. Its edge is a step: a place beside it may be
# shifted in one direction and not in the other.
CHINA = (72.004, 0.8293, 137.8347, 55.8271)

BAIDU_TURN = np.pi * 3000.0 / 180.0
STEPS = 12
"""Most steps of the inverse; each takes off three digits at least, so that five are enough in practice."""
CLOSE_DEG = 1e-13


def to_wgs84(coords: npt.ArrayLike, datum: Datum) -> Floats:
    """Turn coordinates (n, 2), degrees, longitude first, of a datum into WGS-84; exact to less than 1e-6 m."""
    places = np.asarray(coords, dtype=np.float64)
    if datum == "bd09":
        places = _undo(_baidu, places)
    return places if datum == "wgs84" else _within_china(places, lambda inside: _undo(_shifted, inside))


def from_wgs84(coords: npt.ArrayLike, datum: Datum) -> Floats:
    """Turn WGS-84 coordinates (n, 2), degrees, longitude first, into a datum; NaN stays NaN."""
    places = np.asarray(coords, dtype=np.float64)
    if datum == "wgs84":
        return places
    shifted = _within_china(places, _shifted)
    return _baidu(shifted) if datum == "bd09" else shifted


def move(geometries: Any, given: Datum, wanted: Datum) -> Any:
    """Move shapely geometries (one or an array) from one datum to another, vertex by vertex."""
    return shapely.transform(geometries, lambda coords: from_wgs84(to_wgs84(coords, given), wanted))


def _within_china(places: Floats, turn: Callable[[Floats], Floats]) -> Floats:
    west, south, east, north = CHINA
    lon, lat = places[..., 0], places[..., 1]
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    turned = places.copy()
    turned[inside] = turn(places[inside])
    return turned


def _undo(forward: Callable[[Floats], Floats], given: Floats) -> Floats:
    """Find what `forward` turns into `given`, by taking off the remaining error again and again."""
    found = given.copy()
    for _ in range(STEPS):
        error = given - forward(found)
        found += error
        if np.nanmax(np.abs(error), initial=0.0) < CLOSE_DEG:
            break
    return found


def _shifted(places: Floats) -> Floats:
    """Shift WGS-84 to GCJ-02 by the published polynomial-and-sine series (eviltransform, gcoord and others agree)."""
    x, y = places[:, 0] - 105.0, places[:, 1] - 35.0
    ripple = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + ripple
    north += (20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi / 3.0 * y)) * 2.0 / 3.0
    north += (160.0 * np.sin(np.pi / 12.0 * y) + 320.0 * np.sin(np.pi / 30.0 * y)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + ripple
    east += (20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi / 3.0 * x)) * 2.0 / 3.0
    east += (150.0 * np.sin(np.pi / 12.0 * x) + 300.0 * np.sin(np.pi / 30.0 * x)) * 2.0 / 3.0
    latitude = np.radians(places[:, 1])
    magic = 1.0 - ECCENTRICITY_2 * np.sin(latitude) ** 2
    meridian_m = AXIS_M * (1.0 - ECCENTRICITY_2) / (magic * np.sqrt(magic))
    parallel_m = AXIS_M / np.sqrt(magic) * np.cos(latitude)
    return places + np.degrees(np.stack([east / parallel_m, north / meridian_m], axis=1))


def _baidu(places: Floats) -> Floats:
    """Turn GCJ-02 into BD-09: a small wobble in polar coordinates around the origin, and a constant."""
    x, y = places[:, 0], places[:, 1]
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * BAIDU_TURN)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * BAIDU_TURN)
    return np.stack([radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006], axis=1)
