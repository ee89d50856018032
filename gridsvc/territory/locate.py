"""Whose is this place? A point and a moment in, the owning grid and how sure that is out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.geo import snap_numbers

AT_A_POINT = "locate_point(st_setsrid(st_makepoint(%(lon)s, %(lat)s), 4326), %(at)s, %(accuracy_m)s)"
"""The SQL function all answers come from (migrations/sql); its parameters are those of `point_parameters`."""


@dataclass(frozen=True)
class Located:
    """The owner of a point; `grid` is None outside every grid, `community` None outside every community."""

    community: str | None
    grid: str | None
    grid_version: int | None
    rule: str
    ambiguous: bool


def point_parameters(lon: float, lat: float, at: datetime, accuracy_m: float | None) -> dict[str, Any]:
    """Snap a point (degrees, EPSG:4326) to the coordinate grid, as `locate_point` expects it."""
    lon, lat = (float(number) for number in snap_numbers([lon, lat]))
    return {"lon": lon, "lat": lat, "at": at, "accuracy_m": accuracy_m}


def locate(session: Session, lon: float, lat: float, at: datetime, accuracy_m: float | None = None) -> Located:
    """Find the owner of a point (degrees, EPSG:4326) at a moment.

    The rule says how: `inside`, `border` (the lowest code owns), `community` (no grid there), `fallback`.
    """
    row = session.execute(
        text(
            "select community, grid, grid_version, rule, ambiguous from"
            " locate_point(st_setsrid(st_makepoint(:lon, :lat), 4326), :at, :accuracy_m)"
        ),
        point_parameters(lon, lat, at, accuracy_m),
    ).one()
    return Located(*row)
