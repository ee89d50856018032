"""Whose are these places? Many points and the cells of a moment in, the owner of each out: SQL's answer, by numpy; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from gridsvc.core.geo import snap_numbers
from gridsvc.territory.topology.lattice import NOBODY, Indices, Lattice

RULES = np.array(["inside", "border", "community", "fallback"], dtype=object)


@dataclass(frozen=True)
class Cells:
    """Cells in the order of their codes; geometries in EPSG:4326, `versions` 0 where there are none (communities)."""

    codes: npt.NDArray[np.object_]
    versions: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.object_]

    @cached_property
    def lattice(self) -> Lattice:
        """Give the index over them, made at the first question; it can grow stale as little as the cells themselves."""
        return Lattice.of(self.shapes)


@dataclass(frozen=True)
class Coded:
    """A column of few different values, as these and the number of the one that each row has."""

    values: npt.NDArray[np.object_]
    which: Indices

    def plain(self) -> npt.NDArray[np.object_]:
        """Give the value of each row."""
        return self.values[self.which]


@dataclass(frozen=True)
class Owners:
    """For each point, in order: code of community and grid ("" for none), version of the grid (0), and the rule."""

    community: Coded
    grid: Coded
    version: Coded
    rule: Coded


def read_cells(session: Session, at: datetime) -> tuple[Cells, Cells]:
    """Read the grids and the communities that hold at a moment; in one statement, so that they are of one publication."""
    rows = session.execute(
        text(
            "select true, grid, version, st_asbinary(geometry) from grid_version where valid @> :at"
            " union all"
            " select false, community, 0, st_asbinary(geometry) from community_version where valid @> :at"
            " order by 2"
        ),
        {"at": at},
    ).all()
    return _cells([row for row in rows if row[0]]), _cells([row for row in rows if not row[0]])


def locate_many(lon: npt.ArrayLike, lat: npt.ArrayLike, grids: Cells, communities: Cells) -> Owners:
    """Find the owner of each point (n,), degrees, EPSG:4326, as `locate_point` does: on a border the lowest code owns.

    A number that is none (NaN) is in no community.
    """
    points = np.stack([snap_numbers(lon), snap_numbers(lat)], axis=1)
    grid, border = grids.lattice.owners(points)
    owned = grid != NOBODY
    # Only what no grid owns is asked of the communities: a grid's code begins with its community's.
    rest, _ = communities.lattice.owners(points[~owned])
    community, rule = grid.copy(), border.astype(np.int64)
    community[~owned] = np.where(rest == NOBODY, NOBODY, len(grids.codes) + rest)
    rule[~owned] = np.where(rest == NOBODY, 3, 2)
    # The number of nobody, -1, is that of the last value.
    codes = [*(code[:12] for code in grids.codes), *communities.codes, ""]
    return Owners(
        community=Coded(np.array(codes, dtype=object), community),
        grid=Coded(np.append(grids.codes, ""), grid),
        version=Coded(np.append(grids.versions, 0), grid),
        rule=Coded(RULES, rule),
    )


def _cells(rows: Sequence[Row[Any]]) -> Cells:
    _, codes, versions, shapes = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Cells(
        np.array(codes, dtype=object),
        np.array(versions, dtype=np.int64),
        shapely.from_wkb(np.array([bytes(shape) for shape in shapes], dtype=object)),
    )
