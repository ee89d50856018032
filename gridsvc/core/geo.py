"""Geometry on the one coordinate grid: any shapely geometry in EPSG:4326 in, the same snapped and typed out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from geoalchemy2 import Geometry

SRID = 4326
DECIMALS = 7
"""Coordinates live on a grid of 1e-7 degrees (11 mm): shared borders then share their vertices exactly."""

Floats = npt.NDArray[np.float64]


def snap_numbers(values: Any) -> Floats:
    """Round degrees to the grid, as the doubles nearest to the 7-digit decimals.

    `round(x·10⁷) / 10⁷` and not `round(x / 10⁻⁷) · 10⁻⁷`: only the first gives the double that reading the decimal
    text gives, so a coordinate survives GeoJSON, WKT and CSV to the last bit. Shape is kept; NaN stays NaN.
    """
    scaled: Floats = np.rint(np.asarray(values, dtype=np.float64) * 10.0**DECIMALS)
    return scaled / 10.0**DECIMALS


def snap(geometries: Any) -> Any:
    """Snap every vertex of a geometry or an array of them (EPSG:4326, degrees) to the grid; Z and M are dropped."""
    return shapely.transform(geometries, snap_numbers)


def canonical(geometries: Any) -> Any:
    """Give polygons their one way to be written (first vertex, order of parts, outer rings counter-clockwise).

    The same shape then has the same bytes, whichever format it went through. Lines and points stay: their direction
    means something.
    """
    shapes = np.asarray(geometries, dtype=object)
    areal = shapely.get_dimensions(shapes) == 2
    written = shapes.copy()
    written[areal] = shapely.orient_polygons(shapely.normalize(shapes[areal]))
    return written if shapes.ndim else written.item()


def column(kind: str) -> Geometry:
    """Declare a typed geometry column in EPSG:4326; its GiST index is declared beside the table's other indexes."""
    return Geometry(kind, srid=SRID, spatial_index=False)


PROMOTE: dict[str, Callable[[Any], Any]] = {
    "MULTIPOLYGON": lambda shape: shapely.multipolygons([shape]) if shape.geom_type == "Polygon" else shape,
    "MULTILINESTRING": lambda shape: shapely.multilinestrings([shape]) if shape.geom_type == "LineString" else shape,
}
"""How a single part becomes the multi-part type a column holds; other types stay as they are."""
