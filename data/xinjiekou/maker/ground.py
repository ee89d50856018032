"""Degrees in, whole units of 1e-7 degrees and metres out, and back: the ground all parts of the maker stand on.

Cutting is done in whole units: every coordinate is then an exact integer, noding cannot leave a gap, and dividing by
10⁷ at the end gives `round(x·10⁷) / 10⁷`, the doubles that gridsvc stores.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

UNITS_PER_DEGREE = 1e7
UNITS_PER_METRE = 90
"""About: a unit is 11 mm of latitude and 9.4 mm of longitude here."""

Floats = npt.NDArray[np.float64]

# CGCS2000, 3-degree zone with central meridian 120°E, which holds Nanjing.
_TO_METRES = Transformer.from_crs(4326, 4549, always_xy=True)
_TO_DEGREES = Transformer.from_crs(4549, 4326, always_xy=True)


def to_units(shapes: Any) -> Any:
    """Turn degrees into whole units."""
    return shapely.transform(shapes, lambda xy: np.rint(xy * UNITS_PER_DEGREE))


def to_degrees(shapes: Any) -> Any:
    """Turn whole units into degrees with 7 decimals."""
    return shapely.transform(shapes, lambda xy: np.rint(xy) / UNITS_PER_DEGREE)


def to_metres(shapes: Any) -> Any:
    """Project degrees to EPSG:4549, metres."""
    return shapely.transform(shapes, lambda xy: np.column_stack(_TO_METRES.transform(xy[:, 0], xy[:, 1])))


def from_metres(shapes: Any) -> Any:
    """Turn metres in EPSG:4549 into degrees with 7 decimals."""
    return to_degrees(
        to_units(shapely.transform(shapes, lambda xy: np.column_stack(_TO_DEGREES.transform(xy[:, 0], xy[:, 1]))))
    )


def in_metres(units: Any) -> Any:
    """Project whole units to EPSG:4549, metres."""
    return to_metres(to_degrees(units))
