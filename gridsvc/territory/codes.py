"""Codes of communities (12 digits) and grids (15 digits) in; checked codes, the order of numbering and free codes out."""

import re
from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from gridsvc.core.errors import Conflict, Invalid

COMMUNITY_DIGITS = 12
GRID_DIGITS = 15
HIGHEST_SEQUENCE = 999
"""The last three digits of a grid code count from 001 to here."""

METRES_PER_DEGREE = 111_195.0
"""Metres of one degree of latitude on a sphere of 6,371 km; only proportions depend on it."""


def check_community_code(code: str) -> str:
    """Return the code of a community: 6 digits county, 3 street, 3 community, none of the parts zero.

    A code that ends in 000 names a street or a county and not a community. Raises `Invalid`.
    """
    return _check_parts(code, COMMUNITY_DIGITS, "community")


def check_grid_code(code: str) -> str:
    """Return the code of a grid: the 12 digits of its community and 3 of its sequence, from 001. Raises `Invalid`."""
    return _check_parts(code, GRID_DIGITS, "grid")


def community_of(grid_code: str) -> str:
    """Return the code of the community that a grid belongs to. Raises `Invalid` for a malformed code."""
    return check_grid_code(grid_code)[:COMMUNITY_DIGITS]


def number_cells(points: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Order the cells of one community: west to east within a row, rows from north to south.

    `points` is (n, 2), a point in every cell, degrees, longitude first. The result is (n,): `order[0]` is the index of
    the cell that gets number 001. Cells are irregular, so rows are bands: the northernmost cell not yet numbered begins
    a row, and every cell at most one band further south belongs to it. The band is the typical spacing of the cells in
    metres, the square root of (width × height of the points' extent / n): cells that lie on one line from west to east
    are one row, and on one from north to south each its own. Equal longitudes go north first, equal points in the order
    given, so the answer does not hang on the order of input. Raises `Invalid` for points that are not finite pairs.
    """
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise Invalid("Cells to be numbered need one longitude and one latitude each")
    if not len(points):
        return np.empty(0, dtype=np.intp)
    east_m, north_m = _metres(points)
    band_m = np.sqrt(np.ptp(east_m) * np.ptp(north_m) / len(points))
    row = np.empty(len(points), dtype=np.intp)
    current, top_m = -1, np.inf
    for cell in np.argsort(-north_m, kind="stable"):
        if top_m - north_m[cell] > band_m:
            current, top_m = current + 1, north_m[cell]
        row[cell] = current
    return np.lexsort((-north_m, east_m, row))


def next_code(community_code: str, used: Collection[str]) -> str:
    """Return a grid code of the community that was never given out.

    `used` holds every grid code ever given out, retired ones included; codes of other communities do not matter. The
    number after the highest is taken, and gaps only when 999 is gone. Raises `Conflict` when all 999 are used up.
    """
    check_community_code(community_code)
    taken = {int(code[COMMUNITY_DIGITS:]) for code in map(check_grid_code, used) if code.startswith(community_code)}
    for number in _from_the_highest(max(taken, default=0)):
        if number not in taken:
            return f"{community_code}{number:03d}"
    raise Conflict(
        f"Community {community_code} has used up its {HIGHEST_SEQUENCE} grid codes, and retired codes are never reused",
        community=community_code,
    )


def _from_the_highest(highest: int) -> Iterator[int]:
    """Count up from behind the highest number, then through those below it."""
    yield from range(highest + 1, HIGHEST_SEQUENCE + 1)
    yield from range(1, highest)


def _check_parts(code: str, digits: int, of: str) -> str:
    """Check number of digits, and that no part is zero: 6 digits of county, then 3 each."""
    if not re.fullmatch(rf"[0-9]{{{digits}}}", code):
        raise Invalid(f"{code!r} is no {of} code: it needs {digits} digits", code=code)
    parts = [code[:6], *(code[start : start + 3] for start in range(6, digits, 3))]
    if any(int(part) == 0 for part in parts):
        raise Invalid(f"{code!r} is no {of} code: none of {' '.join(parts)} may be zero", code=code)
    return code


def _metres(points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Turn degrees into metres east and north of the middle, flat: good for the few kilometres of a community."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    offset = (points - middle) * METRES_PER_DEGREE
    return offset[:, 0] * np.cos(np.radians(middle[1])), offset[:, 1]
