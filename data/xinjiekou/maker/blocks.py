"""Streets and buildings in, street blocks out: a partition of the town that cuts along real streets and cuts no building."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from maker.ground import UNITS_PER_METRE, in_metres, to_units
from maker.places import LANES

# How much of a border a street is: the larger, the better it divides. What is not here divides nothing.
RANK = {
    "trunk": 6,
    "primary": 6,
    "secondary": 5,
    "tertiary": 4,
    "residential": 2,
    "unclassified": 2,
    "living_street": 1,
    "pedestrian": 1,
}
EDGE_M = 40
"""The rectangle around the town lies so far outside the outermost buildings."""
MARGIN_M = 0.6
"""A border that goes around a building keeps so far from its walls."""
SMALLEST_BLOCK_M2 = 4000
EMPTY_M = 90
"""A block without buildings at the edge is left out if its middle is farther from the next building."""
NARROWEST_BLOCK_M = 24
"""Blocks that are smaller or narrower (between two carriageways, a roundabout) join a neighbour."""


@dataclass
class Blocks:
    """Blocks in whole units, and for each building the block that owns it."""

    shapes: list[BaseGeometry]
    owner: np.ndarray


def cut_blocks(streets: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> Blocks:
    """Cut the town into street blocks; every building lies in one of them with its whole footprint."""
    footprints = to_units(buildings.geometry.to_numpy())
    edge = shapely.box(*np.rint(_grow(footprints, EDGE_M)))
    drawn = [*cutting(streets).geometry, *map(shapely.LineString, LANES)]
    lines = shapely.intersection(to_units(np.array(drawn)), edge)
    plain = _faces([*lines, edge.exterior])
    outlines, member = _outlines(footprints)
    owner = _owners(plain, outlines)
    crossed = shapely.intersects(outlines, shapely.union_all(lines)) | ~shapely.within(outlines, edge)
    faces = _faces([*lines, edge.exterior, *(outline.exterior for outline in outlines[crossed])])
    points = shapely.point_on_surface(faces)
    home = _nearest(plain, points)
    for inside, outline in zip(*STRtree(outlines).query(points, predicate="within"), strict=True):
        home[inside] = owner[outline]
    pieces = [
        part
        for block in range(len(plain))
        for part in shapely.get_parts(shapely.union_all([f for f, h in zip(faces, home, strict=True) if h == block]))
    ]
    shapes = _join_small(_without_empty_edge(pieces, footprints))
    return Blocks(shapes, _owners(np.array(shapes), outlines)[member])


def cutting(streets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Choose the streets that divide: for vehicles or squares, on the ground, links counted as their road."""
    rank = streets.kind.str.removesuffix("_link").map(RANK)
    return streets.assign(rank=rank)[rank.notna() & ~streets.tunnel]


def _grow(shapes: np.ndarray, by_m: float) -> np.ndarray:
    """Return the bounds of shapes in units, grown on all sides."""
    return shapely.total_bounds(shapes) + np.array([-1, -1, 1, 1]) * by_m * UNITS_PER_METRE


def _faces(lines: list[BaseGeometry]) -> np.ndarray:
    """Node lines on whole units and return the faces between them; dead ends vanish."""
    noded = shapely.union_all(lines, grid_size=1)
    return shapely.get_parts(shapely.polygonize([noded]))


def _outlines(footprints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Surround buildings that overlap or nearly touch by one outline without holes; tell which one each lies in."""
    rings = shapely.buffer(footprints, MARGIN_M * UNITS_PER_METRE, join_style="mitre", mitre_limit=2)
    grown = shapely.get_parts(shapely.union_all(shapely.set_precision(rings, 1), grid_size=1))
    filled = shapely.union_all(shapely.polygons([part.exterior for part in grown]), grid_size=1)
    outlines = shapely.get_parts(filled)
    return outlines, STRtree(outlines).query(footprints, predicate="within")[1]


def _owners(blocks: np.ndarray, outlines: np.ndarray) -> np.ndarray:
    """Give every outline to the block that holds most of it."""
    outline, block = STRtree(blocks).query(outlines, predicate="intersects")
    share = shapely.area(shapely.intersection(outlines[outline], blocks[block]))
    order = np.lexsort((block, -share, outline))
    first = np.unique(outline[order], return_index=True)[1]
    return block[order][first]


def _nearest(blocks: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the block each point lies in; noding moves lines by a unit, so the nearest one is asked for."""
    return STRtree(blocks).query_nearest(points, all_matches=False)[1]


def _without_empty_edge(pieces: list[BaseGeometry], footprints: np.ndarray) -> list[BaseGeometry]:
    """Leave out what is empty along the edge, so that the town ends at streets near its buildings where it can."""
    metres = in_metres(np.array(pieces))
    walls = STRtree(in_metres(footprints))
    distance_m = shapely.distance(shapely.centroid(metres), walls.geometries[walls.nearest(shapely.centroid(metres))])
    used = set(STRtree(pieces).query(footprints, predicate="intersects")[1].tolist())
    empty = [n not in used and distance_m[n] > EMPTY_M for n in range(len(pieces))]
    kept = list(range(len(pieces)))
    while True:
        inside = shapely.union_all([pieces[n] for n in kept])
        drop = [n for n in kept if empty[n] and shapely.intersection(pieces[n], inside.boundary).length > 0]
        if not drop:
            return [pieces[n] for n in kept]
        kept = [n for n in kept if n not in drop]


def _join_small(pieces: list[BaseGeometry]) -> list[BaseGeometry]:
    """Join pieces that are too small or too narrow to the neighbour they share most border with, smallest first."""
    pieces = list(pieces)
    while True:
        metres = in_metres(np.array(pieces))
        thin = shapely.is_empty(shapely.buffer(metres, -NARROWEST_BLOCK_M / 2))
        area_m2 = shapely.area(metres)
        small = [n for n in np.argsort(area_m2, kind="stable") if area_m2[n] < SMALLEST_BLOCK_M2 or thin[n]]
        joined = next(((n, to) for n in small if (to := _closest(pieces, int(n))) is not None), None)
        if joined is None:
            return pieces
        number, to = joined
        pieces[to] = shapely.union_all([pieces[to], pieces[number]])
        del pieces[number]


def _closest(pieces: list[BaseGeometry], number: int) -> int | None:
    """Return the piece that shares the longest border with another, None if it has no neighbour."""
    borders = [
        (0.0 if other is pieces[number] else shapely.intersection(pieces[number], other).length) for other in pieces
    ]
    longest = int(np.argmax(borders))
    return longest if borders[longest] > 0 else None
