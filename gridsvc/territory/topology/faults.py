"""A boundary layer in, everything that keeps it from being a partition out: what, where, how large, which cells; pure."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from gridsvc.core.errors import Invalid
from gridsvc.core.geo import DECIMALS

Kind = Literal[
    "invalid",
    "overlap",
    "gap",
    "sliver",
    "multipart",
    "duplicate_code",
    "outside_parent",
    "cut_building",
    "stray_building",
]

SLIVER_M = 2.0
"""A cell narrower than this (2 × area / perimeter, the width of a long strip) is no place anybody walks."""

TOUCH = 0.01
"""A cell that has less than this share of a footprint is only touched by the building."""

AREA = 2
"""The dimension of a polygon."""

Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Fault:
    """One fault: the cells (and building) it concerns, its area and width in metres, and its place in EPSG:4326."""

    kind: Kind
    codes: tuple[str, ...]
    area_m2: float
    width_m: float
    geometry: BaseGeometry
    detail: str
    warning: bool = False
    """Worth a look, but no reason to refuse: a border may run through a building."""


@dataclass(frozen=True)
class Boundaries:
    """Cells by code with their shapes (EPSG:4326, on the coordinate grid), and what they are held against.

    `parents` are outlines by code; a cell belongs to the one that `belongs` names, or else to the one whose code begins
    its own. Of cells without a parent, holes of all cells together are gaps (one that is open to the outside cannot be
    told from a bay), unless they are larger than `keep_holes_above_m2` (a lake). `buildings` are footprints.
    """

    codes: Sequence[str]
    shapes: Sequence[BaseGeometry]
    parents: Mapping[str, BaseGeometry] = field(default_factory=dict)
    buildings: Mapping[str, BaseGeometry] = field(default_factory=dict)
    keep_holes_above_m2: float | None = None
    belongs: Mapping[str, str] = field(default_factory=dict)

    def own(self, parent: str, codes: Shapes) -> npt.NDArray[np.bool_]:
        """Tell which of some cells belong to a parent."""
        return np.array([self.belongs.get(code, code[: len(parent)]) == parent for code in codes], dtype=bool)


class NoPartition(Invalid):
    """Cells (`pieces` says what they are) are no partition of what they are to fill; `faults` says why, each with its place."""

    def __init__(self, what: str, faults: list[Fault], pieces: str = "grids") -> None:
        self.what, self.faults, self.pieces = what, faults, pieces
        first = faults[0]
        lon, lat = place_of(first) or (0, 0)
        super().__init__(
            f"The {pieces} are no partition of {what}: {len(faults)} faults, the first: {first.detail}"
            f" ({first.kind}, {first.area_m2:g} m², {first.width_m:g} m wide, at {lon:g}, {lat:g}).",
            faults=[
                {
                    "kind": one.kind,
                    "codes": one.codes,
                    "area_m2": one.area_m2,
                    "width_m": one.width_m,
                    "detail": one.detail,
                }
                for one in faults[:100]
            ],
        )


def find_faults(layer: Boundaries) -> list[Fault]:
    """Find every fault; a layer that is a partition of its parents has none."""
    shapes = np.array(list(layer.shapes), dtype=object)
    codes = np.array(list(layer.codes), dtype=object)
    found = [*_broken(codes, shapes)]
    sound = shapely.is_valid(shapes) & ~shapely.is_empty(shapes) & (shapely.get_dimensions(shapes) == AREA)
    codes, shapes = codes[sound], shapes[sound]
    if len(shapes):
        covered = shapely.coverage_is_valid(shapes)
        # Cells that share their borders vertex by vertex cannot overlap, and are united in a tenth of the time.
        unite = shapely.coverage_union_all if covered else shapely.union_all
        found += [] if covered else _overlaps(codes, shapes)
        found += _gaps(layer, codes, shapes, unite)
        found += _strays(layer, codes, shapes)
        found += [] if covered or any(not fault.warning for fault in found) else _unmatched(codes, shapes)
    return found


def faults_as_geojson(faults: Sequence[Fault]) -> str:
    """Write faults as a GeoJSON FeatureCollection, to be laid over a map."""
    features = [
        {
            "type": "Feature",
            "properties": {
                "kind": fault.kind,
                "codes": list(fault.codes),
                "area_m2": fault.area_m2,
                "width_m": fault.width_m,
                "detail": fault.detail,
                "severity": "warning" if fault.warning else "fault",
            },
            "geometry": None if fault.geometry.is_empty else json.loads(shapely.to_geojson(fault.geometry)),
        }
        for fault in faults
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def place_of(fault: Fault) -> tuple[float, float] | None:
    """Name one point of a fault, longitude first: where its ring is broken, else a point in it; None when it has no shape."""
    if broken := re.search(r"\[([-\d.e]+) ([-\d.e]+)\]", fault.detail):
        return float(broken[1]), float(broken[2])
    if fault.geometry.is_empty:
        return None
    point = shapely.point_on_surface(shapely.make_valid(fault.geometry))
    return round(point.x, DECIMALS), round(point.y, DECIMALS)


def metric_srid(lon: float, lat: float) -> int:
    """Name the EPSG code a place is measured in: its CGCS2000 3-degree zone in China, else UTM; as SQL's `metric_srid`."""
    if 73.5 <= lon < 136.5 and 3 <= lat <= 54:
        return 4534 + int((lon + 1.5) // 3) - 25
    return (32600 if lat >= 0 else 32700) + min(int((lon + 180) // 6) + 1, 60)


def measure(shapes: Shapes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Measure shapes (n,), EPSG:4326, in the zone of their middle.

    Answers areas in m² and widths in m, each (n,): the width is that of a strip, 2 × area / perimeter.
    """
    west, south, east, north = shapely.total_bounds(shapes)
    if not np.isfinite(west):
        return np.zeros(len(shapes)), np.zeros(len(shapes))
    to = _zone(metric_srid((west + east) / 2, (south + north) / 2))
    flat = shapely.transform(shapes, lambda coords: np.column_stack(to.transform(coords[:, 0], coords[:, 1])))
    areas_m2, around_m = shapely.area(flat), shapely.length(flat)
    widths_m = np.divide(2 * areas_m2, around_m, out=np.zeros(len(shapes)), where=around_m > 0)
    return areas_m2.round(4), widths_m.round(4)


@lru_cache(maxsize=64)
def _zone(srid: int) -> Transformer:
    # Making one takes fifty times as long as using it.
    return Transformer.from_crs(4326, srid, always_xy=True)


def _fault(kind: Kind, codes: Sequence[str], shape: BaseGeometry, detail: str) -> Fault:
    # The rings of a broken shape count for and against each other; mended, it shows the ground it claims.
    (area_m2,), (width_m,) = measure(shapely.make_valid(np.array([shape], dtype=object)))
    return Fault(kind, tuple(codes), float(area_m2), float(width_m), shape, detail)


def _broken(codes: Shapes, shapes: Shapes) -> Iterator[Fault]:
    for code, number in sorted(Counter(codes).items()):
        if number > 1:
            twins = shapely.union_all(shapely.make_valid(shapes[codes == code]))
            yield _fault("duplicate_code", [code], twins, f"{number} cells are called {code}")
    sound = shapely.is_valid(shapes)
    _, widths_m = measure(shapes)
    for code, shape, valid, width_m in zip(codes, shapes, sound, widths_m, strict=True):
        if shapely.is_empty(shape):
            yield Fault("invalid", (code,), 0.0, 0.0, shape, f"{code} has no shape")
        elif shapely.get_dimensions(shape) != AREA:
            yield Fault("invalid", (code,), 0.0, 0.0, shape, f"{code} is a {shape.geom_type}, not a polygon")
        elif not valid:
            yield _fault("invalid", [code], shape, f"{code}: {shapely.is_valid_reason(shape)}")
        elif shapely.get_num_geometries(shape) > 1:
            parts = shapely.get_num_geometries(shape)
            yield _fault("multipart", [code], shape, f"{code} is in {parts} pieces")
        elif width_m < SLIVER_M:
            yield _fault("sliver", [code], shape, f"{code} is {width_m:g} m wide")


def _overlaps(codes: Shapes, shapes: Shapes) -> Iterator[Fault]:
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = left < right
    shared = shapely.intersection(shapes[left[once]], shapes[right[once]])
    for i, j, shape in zip(left[once], right[once], shared, strict=True):
        for part in _areal(shape):
            twins = shapely.equals(shapes[i], shapes[j])
            said = "are the same ground" if twins else "overlap"
            yield _fault("overlap", sorted({codes[i], codes[j]}), part, f"{codes[i]} and {codes[j]} {said}")


def _gaps(layer: Boundaries, codes: Shapes, shapes: Shapes, unite: Callable[[Shapes], BaseGeometry]) -> Iterator[Fault]:
    orphan = np.ones(len(codes), dtype=bool)
    for parent, outline in sorted(layer.parents.items()):
        own = layer.own(parent, codes)
        orphan &= ~own
        if own.any():
            yield from _unfilled(parent, outline, codes[own], shapes[own], unite)
    if orphan.any():
        yield from _unowned(layer, codes, shapes, unite)


def _unfilled(
    parent: str, outline: BaseGeometry, codes: Shapes, shapes: Shapes, unite: Callable[[Shapes], BaseGeometry]
) -> Iterator[Fault]:
    """Hold the cells of a parent against its outline, which also shows a bay that is open to the outside."""
    for part in _areal(shapely.difference(outline, unite(shapes))):
        yield _fault("gap", _beside(part, codes, shapes), part, f"nothing in {parent} owns this ground")
    for code, shape in zip(codes, shapes, strict=True):
        if not shapely.covers(outline, shape):
            for part in _areal(shapely.difference(shape, outline)):
                yield _fault("outside_parent", [code], part, f"{code} sticks out of {parent}")


def _unowned(
    layer: Boundaries, codes: Shapes, shapes: Shapes, unite: Callable[[Shapes], BaseGeometry]
) -> Iterator[Fault]:
    """Find the holes of all cells together, where no outline says what they shall fill."""
    told = shapely.union_all(list(layer.parents.values()))
    for hole in _holes(unite(shapes)):
        if shapely.intersects(told, shapely.point_on_surface(hole)):
            continue
        fault = _fault("gap", _beside(hole, codes, shapes), hole, "nothing owns this ground")
        if layer.keep_holes_above_m2 is None or fault.area_m2 <= layer.keep_holes_above_m2:
            yield fault


def _strays(layer: Boundaries, codes: Shapes, shapes: Shapes) -> Iterator[Fault]:
    names = list(layer.buildings)
    footprints = np.array(list(layer.buildings.values()), dtype=object)
    building, cell = shapely.STRtree(shapes).query(footprints, predicate="intersects")
    shared = shapely.area(shapely.intersection(footprints[building], shapes[cell])) / shapely.area(footprints[building])
    owners: dict[int, list[str]] = {place: [] for place in range(len(names))}
    for place, owner, share in zip(building.tolist(), codes[cell], shared, strict=True):
        if share > TOUCH:
            owners[place].append(owner)
    for place, inside in owners.items():
        name = names[place]
        if not inside:
            fault = _fault("stray_building", [name], footprints[place], f"building {name} is in no cell")
        elif len(inside) > 1:
            said = f"building {name} lies in {', '.join(sorted(inside))}"
            fault = _fault("cut_building", [name, *sorted(inside)], footprints[place], said)
        else:
            continue
        yield replace(fault, warning=True)


def _unmatched(codes: Shapes, shapes: Shapes) -> Iterator[Fault]:
    """Name borders that meet without sharing their vertices: no ground is lost, but the next edit would lose some."""
    for code, edges in zip(codes, shapely.coverage_invalid_edges(shapes), strict=True):
        if not shapely.is_empty(edges):
            yield Fault("invalid", (code,), 0.0, 0.0, edges, f"{code} does not share every vertex of its border")


def _areal(shape: BaseGeometry) -> list[BaseGeometry]:
    """Take the areas out of a shape that is more than a rounding of its coordinates."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return [
        part for part in parts if shapely.get_dimensions(part) == AREA and shapely.area(part) > 10.0 ** (-2 * DECIMALS)
    ]


def _holes(together: BaseGeometry) -> list[BaseGeometry]:
    rings = [ring for polygon in shapely.get_parts(together) for ring in shapely.get_rings(polygon)[1:]]
    return [shapely.Polygon(ring) for ring in rings]


def _beside(part: BaseGeometry, codes: Shapes, shapes: Shapes) -> list[str]:
    return sorted(codes[shapely.STRtree(shapes).query(part, predicate="intersects")])
