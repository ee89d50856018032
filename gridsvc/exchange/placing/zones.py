"""Eastings and the Gauss-Krüger zone they are given in, in; a sentence that names the right zone out, when it is another.

CGCS2000 has each zone twice: with the number of the zone before the easting (40 500 000 m in zone 40), and without
(500 000 m). The one read as the other lies somewhere else, or nowhere.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gridsvc.core.errors import Invalid

MILLION_M = 1_000_000.0


@dataclass(frozen=True)
class Family:
    """Zones of one width: their numbers, and the EPSG codes of the first with the number before its eastings, and without."""

    width_deg: int
    numbers: range
    prefixed: int
    plain: int

    def meridian_deg(self, number: int) -> int:
        """Give the middle meridian of a zone."""
        return 3 * number if self.width_deg == 3 else 6 * number - 3


FAMILIES = (Family(3, range(25, 46), 4513, 4534), Family(6, range(13, 24), 4491, 4502))


def zone_of(crs: str) -> tuple[Family, int, bool] | None:
    """Say which zone an "EPSG:n" is, and whether its eastings have the number before them; None when it is none."""
    code = crs.upper().removeprefix("EPSG:")
    if not code.isdecimal():
        return None
    for family in FAMILIES:
        for number in family.numbers:
            place = number - family.numbers.start
            if int(code) in (family.prefixed + place, family.plain + place):
                return family, number, int(code) == family.prefixed + place
    return None


def right_zone(eastings_m: npt.NDArray[np.float64], crs: str) -> str | None:
    """Name the CRS that eastings (n,) are in when it is not the one they are given in ("auto": not known)."""
    sound = eastings_m[np.isfinite(eastings_m)]
    if not len(sound):
        return None
    prefixes = np.unique(sound // MILLION_M)
    if len(prefixes) > 1:
        return None
    prefix, given = int(prefixes[0]), zone_of(crs)
    if prefix == 0:
        return f"EPSG:{given[0].plain + given[1] - given[0].numbers.start}" if given and given[2] else None
    for family in FAMILIES:
        if prefix in family.numbers:
            right = f"EPSG:{family.prefixed + prefix - family.numbers.start}"
            return None if given == (family, prefix, True) else right
    return None


def lies_beside_its_zone(shapes: npt.NDArray[np.object_], crs: str) -> bool:
    """Tell whether shapes (EPSG:4326) lie nowhere, or far outside the zone they were given in, as eastings of another do."""
    coordinates = shapely.get_coordinates(shapes)
    if not len(coordinates):
        return False
    if np.isinf(coordinates).all():
        return True
    given = zone_of(crs)
    if given is None:
        return False
    family, number, _ = given
    with np.errstate(invalid="ignore"):
        return bool((np.abs(coordinates[:, 0] - family.meridian_deg(number)) > 2 * family.width_deg).all())


def refuse_wrong_zone(name: str, eastings_m: npt.NDArray[np.float64], crs: str) -> None:
    """Refuse eastings that are of another zone than the one they are given in."""
    right = right_zone(eastings_m, crs)
    if right is None:
        return
    said = f"{eastings_m[np.isfinite(eastings_m)][0]:.0f} m"
    zone = zone_of(right)
    kind = f"zone {zone[1]}, {zone[0].width_deg} degrees wide" if zone else ""
    told = "with the number of the zone before it" if zone and zone[2] else "without the number of the zone before it"
    raise Invalid(
        f"{name} has eastings such as {said}, {told}: it is not in {'the CRS it says' if crs == 'auto' else crs}"
        f" but in {right} (CGCS2000, {kind}). Say --crs {right}; nothing was written."
    )
