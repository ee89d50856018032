"""The rows of a file and a layer in, clean rows and the faults of the others out; pure, every row looked at."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import shapely

from gridsvc.core.errors import Invalid
from gridsvc.core.geo import PROMOTE, canonical, snap
from gridsvc.exchange.layers import Field, ImportLayer

PARTS = {
    "MULTIPOLYGON": ("Polygon", "MultiPolygon"),
    "POLYGON": ("Polygon",),
    "MULTILINESTRING": ("LineString", "MultiLineString"),
    "POINT": ("Point",),
}
YES = frozenset({"true", "yes", "1", "是", "t", "y"})
NO = frozenset({"false", "no", "0", "否", "f", "n"})


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be taken; row 1 is the first after any header."""

    row: int
    reason: str


@dataclass
class Checked:
    """The clean rows (columns `row`, the layer's fields, `geometry`), the faults, and what was passed over."""

    frame: pd.DataFrame
    faults: list[Fault]
    passed_over: list[tuple[str, str]] = field(default_factory=list)


def check_rows(frame: pd.DataFrame, layer: ImportLayer, zone: ZoneInfo) -> Checked:
    """Check every row of a frame in EPSG:4326, as far as that can be done without the database.

    `zone` is the zone of times that name none. Raises Invalid when a required column is missing altogether. A row
    keeps the first reason found.
    """
    faults: dict[int, str] = {}
    passed_over: list[tuple[str, str]] = []
    if layer.geometry and "geometry" in frame:
        frame, passed_over = _pass_over(frame, layer)
    clean = pd.DataFrame({"row": frame["row"]})
    if layer.geometry:
        clean["geometry"] = _check_geometry(frame, layer, faults)
    for one in layer.fields:
        # As objects: pandas would make floats of whole numbers beside an empty value.
        clean[one.name] = pd.Series(_check_field(frame, one, layer, zone, faults), index=clean.index, dtype=object)
    if layer.keyed_by_shape:
        _key_by_shape(clean, faults)
    _check_keys(clean, layer, faults)
    good = clean[~clean["row"].isin(list(faults))]
    return Checked(good, [Fault(row, faults[row]) for row in sorted(faults)], passed_over)


def _pass_over(frame: pd.DataFrame, layer: ImportLayer) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Leave out features that are sound but of another kind of geometry, where the layer takes its own from a mixture."""
    if not layer.passes_over or not layer.geometry:
        return frame, []
    kinds = frame["geometry"].map(lambda shape: shape.geom_type if shape is not None else None)
    own = kinds.isin(PARTS[layer.geometry]) | kinds.isna()
    if not kinds.isin(PARTS[layer.geometry]).any() and not kinds.isna().any():
        raise Invalid(f"The file holds no {layer.name}: it has {', '.join(sorted(set(kinds)))}, not {_wanted(layer)}.")
    left = [(f"row {row}", f"a {kind} is not of {layer.name}") for row, kind in zip(frame["row"], kinds, strict=True)]
    return frame[own], [entry for entry, mine in zip(left, own, strict=True) if not mine]


def _check_geometry(frame: pd.DataFrame, layer: ImportLayer, faults: dict[int, str]) -> list[Any]:
    if "geometry" not in frame:
        return [None] * len(frame)
    shapes = np.asarray(frame["geometry"], dtype=object)
    for row, shape in zip(frame["row"], shapes, strict=True):
        if reason := _shape_fault(shape, layer):
            faults[row] = reason
    sound = np.array([row not in faults and shape is not None for row, shape in zip(frame["row"], shapes, strict=True)])
    snapped = np.full(len(shapes), None, dtype=object)
    if sound.any():
        snapped[sound] = canonical(snap(shapes[sound]))
        crushed = np.zeros(len(shapes), dtype=bool)
        crushed[sound] = ~shapely.is_valid(snapped[sound])
        for row in frame["row"][crushed]:
            faults[row] = "the shape is so thin that it collapses on the 1e-7 degree grid"
    promote = PROMOTE.get(layer.geometry or "", lambda shape: shape)
    return [promote(shape) if shape is not None else None for shape in snapped]


def _shape_fault(shape: Any, layer: ImportLayer) -> str | None:
    if shape is None or shape.is_empty:
        return "it has no geometry" if layer.geometry_required else None
    if shape.geom_type not in PARTS[layer.geometry or "POINT"]:
        return f"it is a {shape.geom_type}, not {_wanted(layer)}"
    # Every vertex is looked at: `bounds` passes over a NaN among good numbers.
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
    return None


def _wanted(layer: ImportLayer) -> str:
    return " or ".join(PARTS[layer.geometry or "POINT"])


def _check_field(
    frame: pd.DataFrame, one: Field, layer: ImportLayer, zone: ZoneInfo, faults: dict[int, str]
) -> list[Any]:
    column = find_column(frame.columns, one)
    if column is None:
        if one.required:
            names = ", ".join((one.name, *one.also))
            raise Invalid(f"The file has no column {one.name} (a column may be called {names}) for {layer.name}.")
        return [one.default] * len(frame)
    values: list[Any] = []
    for row, raw in zip(frame["row"], frame[column], strict=True):
        value, reason = None, None
        if _blank(raw):
            value, reason = one.default, f"{one.name} is empty" if one.required else None
        else:
            value, reason = _convert(raw, one, zone)
        if reason:
            faults.setdefault(row, reason)
        values.append(value)
    return values


def find_column(columns: Iterable[Any], one: Field) -> str | None:
    """Find the file's column for a field: its own name first, then the other names, in their order."""
    present = {str(name).strip().lower(): str(name) for name in columns}
    return next((present[name.lower()] for name in (one.name, *one.also) if name.lower() in present), None)


def _blank(raw: Any) -> bool:
    if raw is None or raw is pd.NaT or raw is pd.NA:
        return True
    return (isinstance(raw, float) and math.isnan(raw)) or (isinstance(raw, str) and not raw.strip())


def _convert(raw: Any, one: Field, zone: ZoneInfo) -> tuple[Any, str | None]:
    """Turn one value into the field's type: (value, None), or (None, why not)."""
    text = str(raw).strip()
    fault = f"{one.name} is {text[:60]!r}, which is not "
    if "\0" in text:
        return None, f"{one.name} holds a NUL character"
    match one.kind:
        case "integer" | "double precision":
            return _number(text, whole=one.kind == "integer", fault=fault)
        case "boolean":
            word = text.lower()
            return (word in YES, None) if word in YES | NO else (None, fault + "yes or no")
        case "timestamptz":
            return _moment(raw, zone, fault)
        case "jsonb":
            return _json_list(raw, fault)
    if isinstance(raw, float) and raw.is_integer():
        text = str(int(raw))  # a code that a spreadsheet has turned into a number
    if one.choices is not None:
        chosen = next((value for value, also in one.choices.items() if text in (value, *also)), None)
        return chosen, None if chosen else fault + "one of " + ", ".join(one.choices)
    if one.pattern and not pd.Series([text]).str.fullmatch(one.pattern).iloc[0]:
        return None, fault + f"of the form {one.pattern}"
    return text, None


def _number(text: str, *, whole: bool, fault: str) -> tuple[float | int | None, str | None]:
    try:
        number = float(text)
    except ValueError:
        return None, fault + "a number"
    if not math.isfinite(number) or (whole and (not number.is_integer() or abs(number) >= 2**31)):
        return None, fault + ("a whole number" if whole else "a finite number")
    return (int(number) if whole else number), None


def _moment(raw: Any, zone: ZoneInfo, fault: str) -> tuple[str | None, str | None]:
    try:
        moment = pd.Timestamp(raw)
    except (ValueError, TypeError):
        return None, fault + "a time"
    if pd.isna(moment):
        return None, fault + "a time"
    return (moment if moment.tzinfo else moment.tz_localize(zone)).isoformat(), None


def _json_list(raw: Any, fault: str) -> tuple[str | None, str | None]:
    try:
        value = json.loads(raw) if isinstance(raw, str) else list(raw)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError):
        return None, fault + "a JSON list"
    return (text, None) if isinstance(value, list) else (None, fault + "a JSON list")


def _key_by_shape(clean: pd.DataFrame, faults: dict[int, str]) -> None:
    """Give rows without a code one made from their shape: the same shape has the same code at the next import."""
    codes = [
        "g" + hashlib.sha256(shapely.to_wkb(shape)).hexdigest()[:16] if code is None and row not in faults else code
        for row, code, shape in zip(clean["row"], clean["code"], clean["geometry"], strict=True)
    ]
    clean["code"] = pd.Series(codes, index=clean.index, dtype=object)


def _check_keys(clean: pd.DataFrame, layer: ImportLayer, faults: dict[int, str]) -> None:
    if not any(one.name == "code" for one in layer.fields):
        return
    first: dict[str, int] = {}
    for row, code in zip(clean["row"], clean["code"], strict=True):
        if row not in faults and code is not None and first.setdefault(code, row) != row:
            faults[row] = f"the code {code} already stands in row {first[code]}"
