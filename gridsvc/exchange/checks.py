"""The rows of a file and a layer in, clean rows and the faults of the others out; pure, every row looked at.

Whole columns are looked at at once; only rows that are suspect are looked at one by one, for the sentence.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gridsvc.core.errors import Invalid
from gridsvc.core.geo import canonical, snap
from gridsvc.exchange.formats.wkb import MULTI, WKB, Flags, arrow, on_grid, plain_polygons, shapes_of
from gridsvc.exchange.layers import Field, ImportLayer
from gridsvc.exchange.values import TYPES, Column, read_column

PARTS = {
    "MULTIPOLYGON": ("Polygon", "MultiPolygon"),
    "POLYGON": ("Polygon",),
    "MULTILINESTRING": ("LineString", "MultiLineString"),
    "POINT": ("Point",),
}
SINGLES = {
    "MULTIPOLYGON": (shapely.GeometryType.POLYGON, MULTI),
    "MULTILINESTRING": (shapely.GeometryType.LINESTRING, b"\x01\x05\x00\x00\x00\x01\x00\x00\x00"),
}
"""For the multi-part types: the type of one part, and what makes a multi-part geometry of its WKB when put before it."""

Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be taken; row 1 is the first after any header."""

    row: int
    reason: str


@dataclass
class Seen:
    """What earlier pieces of the same file held: its codes, and the kinds of geometry.

    Pieces in which every code is there once wait to be compared with each other until the end of the file (`repeated`),
    where one bad row refuses it and nothing keeps their rows apart before (`waits`); else every row is compared at once.
    """

    waits: bool = False
    kinds: set[str] = field(default_factory=set)
    own: int = 0
    _codes: dict[str, int] = field(default_factory=dict)
    _waiting: list[tuple[pa.Array, npt.NDArray[np.int_]]] = field(default_factory=list)
    _late: list[Fault] = field(default_factory=list)

    def note_codes(self, codes: pa.Array, rows: npt.NDArray[np.int_], faults: dict[int, str]) -> None:
        """Add the faults, by position, of rows whose code stands in an earlier one that can be taken."""
        alone = self.waits or not (self._codes or self._waiting)
        if alone and not faults and not codes.null_count and pc.count_distinct(codes).as_py() == len(codes):
            self._waiting.append((codes, rows))
            return
        self._settle()
        for position, (code, row) in enumerate(zip(codes.to_pylist(), rows.tolist(), strict=True)):
            if position not in faults and code is not None and self._codes.setdefault(code, row) != row:
                faults[position] = self._repeats(code)

    def repeated(self) -> list[Fault]:
        """Compare the pieces that waited; no more than the codes is kept of a file."""
        codes = pa.chunked_array([codes for codes, _ in self._waiting], pa.string())
        if self._codes or pc.count_distinct(codes).as_py() != len(codes):
            self._settle()
        return self._late

    def _settle(self) -> None:
        """Take up the codes of the pieces that waited, in their order."""
        for codes, rows in self._waiting:
            for code, row in zip(codes.to_pylist(), rows.tolist(), strict=True):
                if self._codes.setdefault(code, row) != row:
                    self._late.append(Fault(row, self._repeats(code)))
        self._waiting.clear()

    def _repeats(self, code: str) -> str:
        return f"the code {code} already stands in row {self._codes[code]}"

    def refuse_nothing(self, layer: ImportLayer) -> None:
        """Raise Invalid when the whole file held nothing of the layer's own kind."""
        if self.kinds and not self.own:
            kinds = ", ".join(sorted(self.kinds))
            raise Invalid(f"The file holds no {layer.name}: it has {kinds}, not {_wanted(layer)}.")


@dataclass
class Checked:
    """The clean rows (columns `row`, the layer's fields, `geometry` as WKB), the faults, and what was passed over."""

    table: pa.Table
    faults: list[Fault]
    passed_over: list[tuple[str, str]] = field(default_factory=list)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Give the clean rows as Python objects and shapes, None where there is nothing."""
        columns = {name: pd.Series(self.table[name].to_pylist(), dtype=object) for name in self.table.column_names}
        if "geometry" in columns:
            columns["geometry"] = pd.Series(shapely.from_wkb(columns["geometry"].to_numpy(object)), dtype=object)
        return pd.DataFrame({**columns, "row": columns["row"].astype(int)})


def check_rows(frame: pd.DataFrame, layer: ImportLayer, zone: ZoneInfo, seen: Seen | None = None) -> Checked:
    """Check every row of a frame in EPSG:4326, as far as that can be done without the database.

    `zone` is the zone of times that name none. A frame that is one piece of a file comes with what was `seen` in the
    pieces before it. Raises Invalid when a required column is missing altogether, and for a whole frame with nothing of
    the layer's own. A row keeps the first reason found.
    """
    whole = seen is None
    seen = seen or Seen()
    passed_over: list[tuple[str, str]] = []
    if layer.passes_over and layer.geometry and "geometry" in frame:
        frame, passed_over = _pass_over(frame, layer, seen)
        if whole:
            seen.refuse_nothing(layer)
    rows = frame["row"].to_numpy()
    faults: dict[int, str] = {}  # by position
    columns: dict[str, pa.Array] = {"row": pa.array(rows, pa.int32())}
    if layer.geometry:
        columns["geometry"] = _check_geometry(frame, layer, faults)
    for one in layer.fields:
        column = _check_field(frame, one, layer, zone)
        columns[one.name] = column.values
        faults = column.reasons | faults
        if one.default_with:
            columns[one.name] = _said_with(column.values, columns[one.default_with])
    if layer.keyed_by_shape:
        columns["code"] = _key_by_shape(columns["code"], columns["geometry"])
    if "code" in columns:
        seen.note_codes(columns["code"], rows, faults)
    good = np.ones(len(rows), dtype=bool)
    good[list(faults)] = False
    table = pa.table(columns)
    told = [Fault(int(rows[position]), faults[position]) for position in sorted(faults)]
    return Checked(table.filter(pa.array(good)) if told else table, told, passed_over)


def _pass_over(frame: pd.DataFrame, layer: ImportLayer, seen: Seen) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Leave out features that are sound but of another kind of geometry, where the layer takes its own from a mixture."""
    given = frame["geometry"]
    if given.dtype == WKB and layer.geometry == "MULTIPOLYGON" and plain_polygons(arrow(given)).all():
        seen.own += len(frame)
        return frame, []
    shapes = shapes_of(given)
    wanted = [shapely.GeometryType[kind.upper()] for kind in PARTS[str(layer.geometry)]]
    own = np.isin(shapely.get_type_id(shapes), [*wanted, shapely.GeometryType.MISSING])
    seen.own += int(own.sum())
    if own.all():
        return frame, []
    left = [shape.geom_type for shape in shapes[~own]]
    seen.kinds |= set(left)
    rows = frame["row"][~own]
    return frame[own], [
        (f"row {row}", f"a {kind} is not of {layer.name}") for row, kind in zip(rows, left, strict=True)
    ]


def _check_geometry(frame: pd.DataFrame, layer: ImportLayer, faults: dict[int, str]) -> pa.Array:
    """Find the shapes that cannot be taken, by position; answer all as WKB of the layer's type, on the grid."""
    if "geometry" not in frame:
        return pa.nulls(len(frame), pa.binary())
    given = frame["geometry"]
    sure: Flags = np.zeros(len(given), dtype=bool)
    written = pa.nulls(len(given), pa.binary())
    if given.dtype == WKB and layer.geometry == "MULTIPOLYGON":
        raw = arrow(given)
        sure = plain_polygons(raw)
        if sure.any():
            settled, right, simple = on_grid(raw.filter(pa.array(sure)))
            asked = pa.array(right & ~simple)
            right[asked] = shapely.is_valid(shapely.from_wkb(settled.filter(asked).to_numpy(zero_copy_only=False)))
            sure[sure] = right
            written = pc.replace_with_mask(written, pa.array(sure), settled.filter(pa.array(right)))
    if not sure.all():
        rest = np.flatnonzero(~sure)
        slowly = _check_shapes(shapes_of(given.iloc[rest]), layer)
        faults.update({int(rest[position]): reason for position, reason in slowly[1].items()})
        written = pc.replace_with_mask(written, pa.array(~sure), slowly[0])
    return written


def _check_shapes(shapes: Shapes, layer: ImportLayer) -> tuple[pa.Array, dict[int, str]]:
    none = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    wanted = [shapely.GeometryType[kind.upper()] for kind in PARTS[str(layer.geometry)]]
    suspect = none if layer.geometry_required else np.zeros(len(shapes), dtype=bool)
    suspect = suspect | ~(none | np.isin(shapely.get_type_id(shapes), wanted)) | _strays(shapes)
    sound = ~(suspect | none)
    settled: Shapes = np.full(len(shapes), None, dtype=object)
    settled[sound] = canonical(snap(shapes[sound]))
    # What is kept is what must be valid: the shape as it is on the grid.
    suspect[sound] = ~shapely.is_valid(settled[sound])
    if layer.geometry == "MULTILINESTRING":
        suspect[sound] |= shapely.length(settled[sound]) == 0
    settled[suspect] = None
    reasons = {position: _shape_fault(shapes[position], layer) for position in np.flatnonzero(suspect).tolist()}
    return _as_wkb(settled, layer), reasons


def _strays(shapes: Shapes) -> Flags:
    """Tell which shapes have a vertex that is no place; every one is looked at, as bounds pass over a NaN."""
    vertices, owner = shapely.get_coordinates(shapes, return_index=True)
    # A NaN is not within anything.
    away = ~((np.abs(vertices[:, 0]) <= 180) & (np.abs(vertices[:, 1]) <= 90))
    strays = np.zeros(len(shapes), dtype=bool)
    strays[owner[away]] = True
    return strays


def _shape_fault(shape: Any, layer: ImportLayer) -> str:
    """Say what is wrong with a shape that was found not to be right."""
    if shape is None or shape.is_empty:
        return "it has no geometry"
    if shape.geom_type not in PARTS[layer.geometry or "POINT"]:
        return f"it is a {shape.geom_type}, not {_wanted(layer)}"
    points = shapely.get_coordinates(shape)
    if not np.isfinite(points).all():
        return "a coordinate is not a number"
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    if west >= -180 and east <= 180 and (south < -90 or north > 90) and south >= -180 and north <= 180:
        return f"latitude {north if north > 90 else south:g} is outside ±90: are longitude and latitude swapped?"
    if west < -180 or east > 180 or south < -90 or north > 90:
        return f"({west:g}, {south:g}) is outside the world in degrees: is the file in a projected CRS (--crs EPSG:n)?"
    if not shape.is_valid:
        return f"broken geometry: {shapely.is_valid_reason(shape)}"
    if shape.geom_type.endswith("LineString") and shape.length == 0:
        return "broken geometry: the line has no length"
    return "the shape is so thin that it collapses on the 1e-7 degree grid"


def _wanted(layer: ImportLayer) -> str:
    return " or ".join(PARTS[layer.geometry or "POINT"])


def _as_wkb(shapes: Shapes, layer: ImportLayer) -> pa.Array:
    """Write shapes as WKB of the layer's type: a single part becomes the multi-part type a column holds."""
    written = shapely.to_wkb(shapes, byte_order=1)
    if layer.geometry in SINGLES:
        part, head = SINGLES[layer.geometry]
        single = shapely.get_type_id(shapes) == part
        written[single] = [head + wkb for wkb in written[single]]
    return pa.array(written, pa.binary())


def _check_field(frame: pd.DataFrame, one: Field, layer: ImportLayer, zone: ZoneInfo) -> Column:
    column = find_column(frame.columns, one)
    if column is not None:
        return read_column(frame[column], one, zone)
    if one.required:
        names = ", ".join((one.name, *one.also))
        raise Invalid(f"The file has no column {one.name} (a column may be called {names}) for {layer.name}.")
    return Column(pa.repeat(pa.scalar(one.default, TYPES[one.kind]), len(frame)), {})


def _said_with(values: pa.Array, of: pa.Array) -> pa.Array:
    """Leave out what is said of a value that is not there."""
    return pc.if_else(of.is_valid(), values, pa.scalar(None, values.type))


def find_column(columns: Iterable[Any], one: Field) -> str | None:
    """Find the file's column for a field: its own name first, then the other names, in their order."""
    present = {plain_name(str(name)): str(name) for name in reversed(list(columns))}
    return next((present[plain] for plain in map(plain_name, (one.name, *one.also)) if plain in present), None)


def plain_name(name: str) -> str:
    """Read past capitals, spaces and brackets: `Valid from` is valid_from, `Area (m²)` is area_m2."""
    return re.sub(r"[\s_()（）]+", "_", name.strip().lower().replace("²", "2")).strip("_")


def _key_by_shape(codes: pa.Array, shapes: pa.Array) -> pa.Array:
    """Give rows without a code one made from their shape: the same shape has the same code at the next import."""
    if not codes.null_count:
        return codes
    return pa.array(
        [
            "g" + hashlib.sha256(shape).hexdigest()[:16] if code is None and shape is not None else code
            for code, shape in zip(codes.to_pylist(), shapes.to_pylist(), strict=True)
        ],
        pa.string(),
    )
