"""A geometry or a box of a filter in, the same in EPSG:4326, whole and valid, out, or a sentence."""

from typing import Any

import numpy as np
import orjson
import shapely
from shapely.geometry.base import BaseGeometry

from gridsvc.core.crs import Reference
from gridsvc.core.errors import Invalid
from gridsvc.core.geo import SRID

STEP_OF_BOX = 8
"""Parts into which a side of a box is cut before it is taken to another system, where it is no straight line."""


def read_place(node: Any, crs: Reference) -> BaseGeometry:
    """Read GeoJSON or `{"bbox": […]}` written in `crs`."""
    if isinstance(node, dict) and set(node) == {"bbox"}:
        return stored_place(box_of(node["bbox"]), crs)
    try:
        shape = shapely.from_geojson(orjson.dumps(node))
    except (shapely.errors.ShapelyError, TypeError, ValueError):
        raise Invalid("A geometry of the filter is no GeoJSON.") from None
    return stored_place(shape, crs)


def box_of(numbers: Any) -> BaseGeometry:
    """Make the rectangle of four numbers, or of six whose heights are passed over."""
    if not isinstance(numbers, list) or len(numbers) not in (4, 6) or not all(map(_is_number, numbers)):
        raise Invalid("A box has four numbers (or six, with heights).")
    half = len(numbers) // 2
    (x_min, y_min), (x_max, y_max) = numbers[:2], numbers[half : half + 2]
    if not (x_min <= x_max and y_min <= y_max):
        raise Invalid(f"The box {numbers} is inverted: its first corner must be the lower one in both axes.")
    if x_min == x_max or y_min == y_max:
        # A box without width is a line or a point; as a polygon it would not be valid.
        line = shapely.LineString([(x_min, y_min), (x_max, y_max)])
        return line if line.length else shapely.Point(x_min, y_min)
    return shapely.box(x_min, y_min, x_max, y_max)


def stored_place(shape: BaseGeometry | None, crs: Reference, called: str = "A geometry of the filter") -> BaseGeometry:
    """Take a shape to EPSG:4326 and prove that it lies in the world and is valid; `called` is its name in sentences."""
    if shape is None or shape.is_empty:
        raise Invalid(f"{called} is empty.")
    shape = shapely.force_2d(shape)
    if not np.isfinite(shape.bounds).all():
        raise Invalid(f"{called} is endless.")
    if crs.srid != SRID and (length := shape.length) > 0:
        shape = shapely.segmentize(shape, length / (4 * STEP_OF_BOX))
    shape = crs.to_stored(shape)
    west, south, east, north = shape.bounds
    if not (np.isfinite(shape.bounds).all() and west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise Invalid(f"{called} lies outside the world; mind the order of the axes of its system.")
    if not shape.is_valid:
        raise Invalid(f"{called} is not valid: {shapely.is_valid_reason(shape)}.")
    return shape


def to_parameter(shape: BaseGeometry) -> str:
    """Write a shape as what `…::geometry` reads."""
    return str(shapely.to_wkb(shapely.set_srid(shape, SRID), hex=True, include_srid=True))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
