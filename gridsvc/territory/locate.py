"""Whose is this place? A point and a moment in, the owning grid and how sure that is out."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.geo import snap_numbers


@dataclass(frozen=True)
class Located:
    """The owner of a point; `grid` is None outside every grid, `community` None outside every community."""

    community: str | None
    grid: str | None
    grid_version: int | None
    rule: str
    ambiguous: bool


def locate(session: Session, lon: float, lat: float, at: datetime, accuracy_m: float | None = None) -> Located:
    """Find the owner of a point (degrees, EPSG:4326) at a moment.

    The rule says how: `inside`, `border` (the lowest code owns), `community` (no grid there), `fallback`.
    """
    lon, lat = (float(number) for number in snap_numbers([lon, lat]))
    row = session.execute(
        text(
            "select community, grid, grid_version, rule, ambiguous from"
            " locate_point(st_setsrid(st_makepoint(:lon, :lat), 4326), :at, :accuracy_m)"
        ),
        {"lon": lon, "lat": lat, "at": at, "accuracy_m": accuracy_m},
    ).one()
    return Located(*row)
