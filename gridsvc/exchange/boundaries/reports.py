"""Communities or grids as a file has them, broken ones too, and the ground held around them in; all that is wrong out.

A report looks at every row, so that a person who draws sees all faults at once and not one after the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geoalchemy2.shape import from_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from gridsvc.core.geo import SRID, snap
from gridsvc.exchange.checks import find_column
from gridsvc.exchange.layers import LAYERS
from gridsvc.territory.codes import COMMUNITY_DIGITS
from gridsvc.territory.publish import held_cells
from gridsvc.territory.tables import Building
from gridsvc.territory.topology.faults import Boundaries, Fault, find_faults
from gridsvc.territory.versions import held_outlines, held_streets, outlines_near

EMPTY = shapely.Polygon()


@dataclass(frozen=True)
class Given:
    """Boundaries of one layer with their codes (EPSG:4326), in the order of the file; nothing about them is certain.

    `streets` are those the file puts communities into, `outlines` new outlines of communities that come with the grids;
    `whole` and `keep_holes_above_m2` are as in an import.
    """

    layer: str
    codes: list[str]
    shapes: list[BaseGeometry]
    streets: Mapping[str, str] = field(default_factory=dict)
    outlines: Mapping[str, BaseGeometry] = field(default_factory=dict)
    whole: bool = False
    keep_holes_above_m2: float | None = None


def given_rows(frame: pd.DataFrame, layer: str) -> Given:
    """Take the boundaries out of the unchecked rows of a file; a row without a code is called by its number."""
    codes = [str(code or f"row {row}") for row, code in zip(frame["row"], _texts(frame, layer, "code"), strict=True)]
    shapes = frame["geometry"] if "geometry" in frame else [None] * len(frame)
    streets = _texts(frame, layer, "street") if layer == "communities" else [None] * len(frame)
    return Given(
        layer,
        codes,
        [_sane(shape) for shape in shapes],
        {code: street for code, street in zip(codes, streets, strict=True) if street},
    )


def report(session: Session, given: Given) -> list[Fault]:
    """Find every fault of boundaries, held against what is known: parents, neighbours, buildings; warnings come last."""
    layer = _grids(session, given) if given.layer == "grids" else _communities(session, given)
    buildings = _buildings(session, layer)
    faults = find_faults(replace(layer, buildings=buildings))
    if given.layer == "communities":
        # A community may be in several pieces, unlike a grid.
        faults = [
            replace(fault, warning=fault.warning or fault.kind == "multipart")
            for fault in faults
            if _concerns(fault, layer, given)
        ]
    return sorted(faults, key=lambda fault: fault.warning)


def refusals(faults: Iterable[Fault]) -> list[Fault]:
    """Take the faults that forbid an import, without the warnings."""
    return [fault for fault in faults if not fault.warning]


def _concerns(fault: Fault, layer: Boundaries, given: Given) -> bool:
    """Tell whether a fault is one of the file's: neighbours are there to be held against, not to be judged."""
    if set(given.codes) & set(fault.codes) or fault.kind == "stray_building":
        return True
    place = shapely.point_on_surface(fault.geometry)
    return fault.kind == "gap" and any(shapely.intersects(outline, place) for outline in layer.parents.values())


def _grids(session: Session, given: Given) -> Boundaries:
    communities = sorted({code[:COMMUNITY_DIGITS] for code in given.codes})
    own = set(given.codes)
    kept = [
        cell
        for community in communities
        if not given.whole
        for cell in held_cells(session, community)
        if cell.code not in own
    ]
    parents = {code: one.outline.geometry for code, one in held_outlines(session, communities).items()}
    parents |= {code: shape for code, shape in given.outlines.items() if code in communities}
    return Boundaries(
        [*given.codes, *(str(cell.code) for cell in kept)],
        [*given.shapes, *(cell.geometry for cell in kept)],
        parents,
        keep_holes_above_m2=given.keep_holes_above_m2,
    )


def _communities(session: Session, given: Given) -> Boundaries:
    known = {code: one.outline.street for code, one in held_outlines(session, given.codes).items()}
    street_of = {code: street for code in given.codes if (street := given.streets.get(code) or known.get(code))}
    held = held_streets(session, sorted(set(street_of.values())))
    beside = {code: shape for code, shape in _neighbours(session, given).items() if code not in given.codes}
    for one in held:
        others = {code: shape for code, shape in one.communities.items() if code not in given.codes}
        beside |= others
        street_of |= dict.fromkeys(others, one.code)
    return Boundaries(
        [*given.codes, *beside],
        [*given.shapes, *beside.values()],
        {one.code: one.outline for one in held},
        keep_holes_above_m2=given.keep_holes_above_m2,
        belongs=dict.fromkeys((*given.codes, *beside), "") | street_of,
    )


def _neighbours(session: Session, given: Given) -> dict[str, BaseGeometry]:
    drawn = [shape for shape in given.shapes if not shape.is_empty]
    return outlines_near(session, shapely.box(*shapely.total_bounds(drawn))) if drawn else {}


def _buildings(session: Session, layer: Boundaries) -> dict[str, BaseGeometry]:
    """Fetch the buildings that the boundaries ought to hold: those whose inner point lies in a parent, or among them."""
    shapes = shapely.make_valid(np.array(list(layer.parents.values()) or list(layer.shapes), dtype=object))
    if not len(shapes) or shapely.is_empty(shapes).all():
        return {}
    box = from_shape(shapely.box(*shapely.total_bounds(shapes)), srid=SRID)
    rows = session.execute(
        select(Building.code, Building.geometry.ST_AsBinary(), Building.point.ST_AsBinary()).where(
            Building.point.op("&&")(box)
        )
    ).all()
    if not rows:
        return {}
    places = shapely.from_wkb([bytes(place) for *_, place in rows])
    inside = np.unique(shapely.STRtree(places).query(shapes, predicate="intersects")[1])
    footprints = shapely.from_wkb([bytes(shape) for _, shape, _ in rows])
    return {rows[place][0]: footprints[place] for place in inside}


def _texts(frame: pd.DataFrame, layer: str, field_name: str) -> list[str | None]:
    one = next(one for one in LAYERS[layer].fields if one.name == field_name)
    column = find_column(frame.columns, one)
    if column is None:
        return [None] * len(frame)
    return [_text(value) for value in frame[column]]


def _text(value: Any) -> str | None:
    if value is None or pd.isna(value):
        return None
    # A spreadsheet has made a number of a code.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _sane(shape: Any) -> BaseGeometry:
    """Snap a shape as an import would; what is none, or is nowhere, is an empty polygon."""
    if shape is None or shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return EMPTY
    west, south, east, north = shape.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        return EMPTY
    snapped: BaseGeometry = snap(shape)
    parts = shapely.get_parts(snapped)
    return parts[0] if len(parts) == 1 else snapped
