"""What each layer of the overview shows: a layer's GeoDataFrame and a language in, its drawing and features out."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import geopandas as gpd
import shapely

from gridsvc.cartography.colours import BUILDING_FILL, OUTLINES, STATES, UNKNOWN, Language, state_of, tint
from gridsvc.cartography.features import Drawing, Properties, compact_features, plain
from gridsvc.cartography.words import KINDS, STREET_KINDS, WORDS

LAYERS = ("grids", "streets", "buildings", "communities", "routes", "incidents")
"""From the ground up, as the layer control lists them."""

PANES = {layer: 410 + 10 * height for height, layer in enumerate(LAYERS)} | {"incidents": 610}
"""z-index of each layer; the names on the map lie at 600, Leaflet's hints at 650 and popups at 700."""

STYLES: Mapping[str, Mapping[str, Any]] = {
    "grids": {"color": OUTLINES["grids"], "weight": 1.2, "fillOpacity": 0.75},
    "streets": {"color": OUTLINES["streets"], "weight": 1.0, "opacity": 0.9, "fill": False},
    "buildings": {"color": OUTLINES["buildings"], "weight": 0.5, "fillColor": BUILDING_FILL, "fillOpacity": 0.85},
    "communities": {"color": OUTLINES["communities"], "weight": 3.2, "opacity": 0.9, "fill": False},
    "routes": {"color": OUTLINES["routes"], "weight": 2.6, "dashArray": "7 5", "fill": False},
    "incidents": {},
}

FACTS: Mapping[str, tuple[str, ...]] = {
    "grids": ("code", "kind", "households", "buildings", "open_incidents", "responsible"),
    "streets": ("kind",),
    "buildings": ("code", "number", "households"),
    "communities": ("code",),
    "routes": ("grid",),
    "incidents": ("class_name", "status", "reported_at"),
}
"""Rows of each popup; the label of a row is the word of the same name."""

STREET_WIDTHS_PX = {
    "motorway": 4.5,
    "trunk": 4.5,
    "primary": 4.0,
    "secondary": 3.4,
    "tertiary": 2.6,
    "residential": 1.8,
}
LABELLED_STREETS = frozenset({"motorway", "trunk", "primary", "secondary", "tertiary"})
SHORTEST_LABELLED_M = 120.0
METRES_PER_DEGREE = 111_320.0
"""Of latitude; good enough to choose which street is long enough for its name."""

TOP_SHARE = 0.05
"""How far below the northern edge of a community its name stands, as a share of its height."""

Label = tuple[str, float, float, int]
"""Text, longitude, latitude, angle in degrees clockwise."""


def draw_layer(layer: str, frame: gpd.GeoDataFrame, language: Language) -> tuple[Drawing, str]:
    """Return how a layer is drawn, and its features (EPSG:4326) as script-safe JSON, in the words of one language."""
    words = WORDS[language]
    drawing = Drawing(
        pane=PANES[layer],
        title="number" if layer == "incidents" else "name",
        unnamed=words["unnamed"],
        facts=[(key, words[key]) for key in FACTS[layer]],
        label_class=f"{layer}-label",
        style=STYLES[layer],
        states=_discs(language) if layer == "incidents" else {},
    )
    labels = LABELS[layer](frame) if layer in LABELS and len(frame) else {}

    def shape_row(place: int, row: Properties) -> Properties:
        kept = {key: row.get(key) for key in (drawing.title, *FACTS[layer])}
        return kept | _shape(layer, row, language) | {"label": labels.get(place)}

    return drawing, compact_features(frame, shape_row)


def _discs(language: Language) -> dict[str, tuple[str, str, str, bool]]:
    return {state.code: (state.letter[language], state.disc, state.ink, state.is_open) for state in (*STATES, UNKNOWN)}


def _shape(layer: str, row: Properties, language: Language) -> Properties:
    """Return what the facts alone do not say: words for codes, fill, width, state."""
    words, kind = WORDS[language], row.get("kind")
    if layer == "grids":
        return {
            "kind": KINDS[language].get(str(kind), kind),
            "responsible": row.get("responsible") or words["vacant"],
            "fill": tint(row.get("open_incidents") or 0),
        }
    if layer == "streets":
        # A link road (primary_link) is drawn as its road.
        width = STREET_WIDTHS_PX.get(str(kind).removesuffix("_link"))
        return {"kind": STREET_KINDS[language].get(str(kind), kind), "weight": width}
    if layer == "incidents":
        state = state_of(str(row["status"]))
        return {"state": state.code, "status": state.name[language] if state.code else row["status"]}
    return {}


def _label_centres(frame: gpd.GeoDataFrame) -> dict[int, Label]:
    """Place each area's name at its centroid, or well inside when the centroid of a bent area is outside."""
    labels = {}
    for place, name, shape in _named(frame):
        centre = shape.centroid
        inside = centre if shape.contains(centre) else shape.point_on_surface()
        labels[place] = _label(name, inside)
    return labels


def _label_tops(frame: gpd.GeoDataFrame) -> dict[int, Label]:
    """Place each area's name below its northern edge, where the names of the areas within it leave room."""
    labels = {}
    for place, name, shape in _named(frame):
        west, south, east, north = shape.bounds
        level = north - TOP_SHARE * (north - south)
        chord = shape.intersection(shapely.LineString([(west, level), (east, level)]))
        # Between two parts of a community there may be nothing at that level.
        inside = shape.point_on_surface() if chord.is_empty else max(shapely.get_parts(chord), key=shapely.length)
        labels[place] = _label(name, inside.centroid)
    return labels


def _label_streets(frame: gpd.GeoDataFrame) -> dict[int, Label]:
    """Place the name of each wider street once, halfway along its longest stretch and turned with it."""
    kinds = frame["kind"].tolist()
    pieces: dict[str, list[tuple[int, Any]]] = {}
    for place, name, shape in _named(frame):
        if kinds[place] in LABELLED_STREETS:
            pieces.setdefault(name, []).append((place, shape))
    labels = {}
    for name, placed in pieces.items():
        joined = shapely.line_merge(shapely.union_all([shape for _, shape in placed]))
        longest = max(shapely.get_parts(joined), key=shapely.length)
        if longest.length * METRES_PER_DEGREE >= SHORTEST_LABELLED_M:
            labels[placed[0][0]] = _along(name, longest)
    return labels


def _named(frame: gpd.GeoDataFrame) -> Iterator[tuple[int, str, Any]]:
    """Yield (place of the row, name, shape) of the rows that have both."""
    for place, (name, shape) in enumerate(zip(map(plain, frame["name"]), frame.geometry, strict=True)):
        if name and shape is not None and not shape.is_empty:
            yield place, name, shape


def _label(name: str, at: shapely.Point, angle: int = 0) -> Label:
    return name, round(at.x, 6), round(at.y, 6), angle


def _along(name: str, line: shapely.LineString) -> Label:
    """Return the label halfway along a line (degrees), turned so that it is never upside down."""
    before, middle, after = (line.interpolate(share, normalized=True) for share in (0.4, 0.5, 0.6))
    # On the map a degree of longitude is shorter than one of latitude; and screen angles turn clockwise.
    east = (after.x - before.x) * math.cos(math.radians(middle.y))
    angle = -math.degrees(math.atan2(after.y - before.y, east))
    upright = (angle + 90) % 180 - 90
    return _label(name, middle, round(upright))


LABELS: Mapping[str, Callable[[gpd.GeoDataFrame], dict[int, Label]]] = {
    "grids": _label_centres,
    "communities": _label_tops,
    "streets": _label_streets,
}
"""Layers whose names are written on the map: frame → place of the row → label."""
