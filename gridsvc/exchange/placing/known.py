"""A layer that was read in, nothing out when it lies where it says; else a refusal that names how far off it is, and why."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.core.geo import SRID
from gridsvc.exchange.placing.datums import DATUMS, Datum
from gridsvc.exchange.placing.sniffing import Box, Suspicion, sniff
from gridsvc.territory.tables import Asset, Building, CommunityVersion, Division, GridVersion, Street

MOST_KNOWN = 20_000
"""Of each kind in one square; more would only make the same picture slower."""

KNOWN: Mapping[str, type[Any]] = {
    "streets": Street,
    "buildings": Building,
    "communities": CommunityVersion,
    "grids": GridVersion,
    "divisions": Division,
    "assets": Asset,
}
"""What a layer is held against; of communities and grids the versions that are not closed."""

TRUTHS = {
    "wgs84": "in WGS-84 already. Say --crs EPSG:4326",
    "gcj02": "in GCJ-02 (Gaode, Tencent). Say --crs gcj02",
    "bd09": "in BD-09 (Baidu). Say --crs bd09",
    "twice": "moved back from GCJ-02 or BD-09 though it was in WGS-84. Take the file as it was before",
}


class Misplaced(Invalid):
    """A layer does not lie where it says; `suspicion` says where it seems to lie."""

    def __init__(self, name: str, suspicion: Suspicion) -> None:
        self.suspicion = suspicion
        if suspicion.truth == "swapped":
            said = (
                f"{name} lies along the {suspicion.beside} that are known when latitude and longitude change places, and"
                " not as it is. Exchange them in the file"
            )
        else:
            said = (
                f"{name} lies {suspicion.shift_m:.0f} m {suspicion.wind} of the {suspicion.beside} that are known, as if it"
                f" were {TRUTHS[suspicion.truth]}"
            )
        super().__init__(
            f"{said}, or --trust-crs when it is right as it is; nothing was written.",
            truth=suspicion.truth,
            shift_m=round(suspicion.shift_m),
            wind=suspicion.wind,
        )


def refuse_misplaced(session: Session, name: str, shapes: npt.NDArray[np.object_], crs: str) -> None:
    """Refuse a layer (EPSG:4326, as read with `crs`) that lies beside what is known as another datum would have it."""
    taken: Datum = crs if crs in DATUMS else "wgs84"
    if not _anything_known(session):
        return
    if suspicion := sniff(shapes, taken, lambda box: known_around(session, box)):
        raise Misplaced(name, suspicion)


def _anything_known(session: Session) -> bool:
    return any(session.scalar(select(exists(select(table.geometry)))) for table in KNOWN.values())


def known_around(session: Session, box: Box) -> dict[str, npt.NDArray[np.object_]]:
    """Fetch the lines that are known in a box, by kind."""
    west, south, east, north = box
    around = func.st_makeenvelope(west, south, east, north, SRID)
    found = {}
    for kind, table in KNOWN.items():
        wanted = select(func.st_asbinary(table.geometry)).where(table.geometry.op("&&")(around)).limit(MOST_KNOWN)
        if hasattr(table, "valid"):
            wanted = wanted.where(func.upper_inf(table.valid))
        rows = session.scalars(wanted).all()
        found[kind] = np.asarray(shapely.from_wkb([bytes(row) for row in rows]), dtype=object)
    return found
