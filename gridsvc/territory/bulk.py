"""Whose are these places? Many points and the cells of a moment in, the owner of each out: SQL's answer, by numpy; pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.geo import snap_numbers

NOBODY = -1

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Cells:
    """Cells in the order of their codes; geometries in EPSG:4326, `versions` 0 where there are none (communities)."""

    codes: npt.NDArray[np.object_]
    versions: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.object_]


@dataclass(frozen=True)
class Owners:
    """For each point, in order: code of community and grid ("" for none), version of the grid, and the rule."""

    community: npt.NDArray[np.object_]
    grid: npt.NDArray[np.object_]
    version: npt.NDArray[np.int64]
    rule: npt.NDArray[np.object_]


def read_cells(session: Session, at: datetime) -> tuple[Cells, Cells]:
    """Read the grids and the communities that hold at a moment."""
    grids = "select grid, version, st_asbinary(geometry) from grid_version where valid @> :at order by 1"
    communities = "select community, 0, st_asbinary(geometry) from community_version where valid @> :at order by 1"
    return _cells(session, grids, at), _cells(session, communities, at)


def locate_many(lon: npt.ArrayLike, lat: npt.ArrayLike, grids: Cells, communities: Cells) -> Owners:
    """Find the owner of each point (n,), degrees, EPSG:4326, as `locate_point` does: on a border the lowest code owns.

    A number that is none (NaN) is in no community.
    """
    points = np.stack([snap_numbers(lon), snap_numbers(lat)], axis=1)
    grid, border = _owners(points, grids.shapes)
    owned = grid != NOBODY
    community = np.full(len(points), NOBODY)
    # Only what no grid owns is asked of the communities: a grid's code begins with its community's.
    community[~owned], _ = _owners(points[~owned], communities.shapes)
    rule = np.where(owned, np.where(border, "border", "inside"), np.where(community == NOBODY, "fallback", "community"))
    grid_codes = _taken(grids.codes, grid)
    return Owners(
        community=np.where(owned, grid_codes.astype("U12").astype(object), _taken(communities.codes, community)),
        grid=grid_codes,
        version=np.append(grids.versions, 0)[grid],
        rule=rule.astype(object),
    )


def _owners(points: npt.NDArray[np.float64], shapes: npt.NDArray[np.object_]) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """Find the first cell that has each point, and whether the point lies on a border."""
    owner = np.full(len(points), NOBODY)
    border = np.zeros(len(points), dtype=bool)
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    # Nearly every point lies well inside one cell; the exact question is asked again only for the others.
    cell, place = _pairs(points[known], shapes, "contains_properly")
    owner[known[place]] = cell
    rest = known[owner[known] == NOBODY]
    cell, place = _pairs(points[rest], shapes, "intersects")
    border[rest[place]] = True
    # Written from the last cell to the first, so that the lowest code stays.
    order = np.argsort(-cell, kind="stable")
    owner[rest[place[order]]] = cell[order]
    return owner, border


def _pairs(
    points: npt.NDArray[np.float64],
    shapes: npt.NDArray[np.object_],
    predicate: Literal["contains_properly", "intersects"],
) -> tuple[Indices, Indices]:
    """Find which shape has which point: the shapes are asked, because a prepared polygon answers fastest."""
    spots = np.asarray(shapely.points(points), dtype=object)
    shape, spot = shapely.STRtree(spots).query(shapes, predicate=predicate)
    return shape, spot


def _taken(codes: npt.NDArray[np.object_], indices: Indices) -> npt.NDArray[np.object_]:
    return np.append(codes, "")[indices]


def _cells(session: Session, statement: str, at: datetime) -> Cells:
    rows = session.execute(text(statement), {"at": at}).all()
    codes, versions, shapes = zip(*rows, strict=True) if rows else ((), (), ())
    return Cells(
        np.array(codes, dtype=object),
        np.array(versions, dtype=np.int64),
        shapely.from_wkb(np.array([bytes(shape) for shape in shapes], dtype=object)),
    )
