"""One layer of a page: a GeoDataFrame and how to draw it in, compact script-safe JSON and its folium element out."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import shapely
from branca.element import MacroElement
from folium.map import Layer
from folium.template import Template

from gridsvc.cartography.offline import DataBlock, OfflineMap
from gridsvc.core.errors import Invalid

EPSG = 4326
MICRO = 1_000_000
"""Degrees are rounded to 1e-6 (0.1 m): finer than any screen or wall shows."""

AREA = 2

Properties = dict[str, Any]

# In JSON these characters occur only within strings, so a plain replacement is safe everywhere.
UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Drawing:
    """How the page's script draws one layer (`page.js`); colours are #rrggbb, widths px.

    `pane` orders layers: higher is nearer to the eye. `title` is the property shown on hover and heading the popup
    (`unnamed` when it is missing), `facts` are the popup's rows as (property, word). `states` are discs for points:
    state → (letter, disc colour, ink colour, is open). A feature may override the style by its properties `fill` and
    `weight`, and is written on the map by its property `label`: (text, longitude, latitude, angle in degrees clockwise).
    """

    pane: int
    title: str
    unnamed: str
    facts: Sequence[tuple[str, str]]
    label_class: str
    style: Mapping[str, Any] = field(default_factory=dict)
    states: Mapping[str, tuple[str, str, str, bool]] = field(default_factory=dict)


def script_safe(value: Any) -> str:
    """Write compact JSON that may stand inside `<script>`: no tag, comment or line separator can break out of it."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode().translate(UNSAFE)


def plain(value: Any) -> Any:
    """Turn one cell of a frame into what JSON knows: missing → None, whole floats → int, numpy → Python."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() else value
    return value if isinstance(value, bool | int | str) else str(value)


def fold(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Fold an (n, 2) path of degrees into 2n whole micro-degrees: the first point, then steps from point to point.

    A step takes 6 to 8 characters where a coordinate pair takes 22, and nothing is lost that rounding kept.
    """
    micro = np.rint(points * MICRO).astype(np.int64)
    return np.diff(micro, axis=0, prepend=np.zeros((1, 2), np.int64)).ravel()


def fold_shape(shape: Any) -> list[Any]:
    """Fold a geometry (degrees) into [dimension, part…]: 0 points, 1 lines, 2 areas, each area a list of rings."""
    dimension = int(shapely.get_dimensions(shape))
    parts = [part for part in shapely.get_parts(shape) if shapely.get_dimensions(part) == dimension]
    if dimension == AREA:
        return [
            dimension,
            *([fold(shapely.get_coordinates(ring)) for ring in shapely.get_rings(part)] for part in parts),
        ]
    return [dimension, *(fold(shapely.get_coordinates(part)) for part in parts)]


def compact_features(frame: gpd.GeoDataFrame, shape_row: Callable[[int, Properties], Properties]) -> str:
    """Write a frame (EPSG:4326) as script-safe JSON `{"columns": [key…], "rows": [[folded geometry, value…]…]}`.

    The columns are the keys of what `shape_row(place, row)` returns, the same for every row: written once, and with
    folded geometry, they make a third of the GeoJSON. Rows without geometry are left out; the frame is not changed.
    Raises `Invalid` for another CRS.
    """
    if frame.empty:
        return '{"columns":[],"rows":[]}'
    if frame.crs is not None and frame.crs.to_epsg() != EPSG:
        raise Invalid(f"A page is drawn from EPSG:{EPSG}, but the data is in {frame.crs}.")
    names = [name for name in frame.columns if name != frame.geometry.name]
    columns: list[str] = []
    rows = []
    for place, (shape, *cells) in enumerate(zip(frame.geometry, *(frame[name] for name in names), strict=True)):
        if shape is None or shape.is_empty:
            continue
        shaped = shape_row(place, {name: plain(cell) for name, cell in zip(names, cells, strict=True)})
        columns = list(shaped)
        rows.append([fold_shape(shape), *shaped.values()])
    return script_safe({"columns": columns, "rows": rows})


class FeatureLayer(Layer):
    """A layer that reads its features from an inert data block, so a hostile name is never script nor template.

    folium.GeoJson writes data into the running script, non-ASCII as escapes, and one style branch for every feature;
    and branca reads the result as a template once more. This writes the same in a third of the bytes.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        'var {{ this.get_name() }} = drawLayer({{ this._parent.get_name() }}, "{{ this.layer }}");'
        "{% endmacro %}"
    )

    def __init__(self, layer: str, heading: str, drawing: Drawing, features: str) -> None:
        super().__init__(name=heading, overlay=True)
        self._name = self._id = layer
        self.layer = layer
        self.block = f'{{"heading":{script_safe(heading)},"drawing":{script_safe(asdict(drawing))},"data":{features}}}'

    def put_on(self, page: OfflineMap) -> None:
        """Add the layer to a page: its data as an inert block, its script among the map's layers."""
        block = f"data-{self.layer}"
        page.figure.html.add_child(DataBlock(block, self.block), name=block)
        page.add_child(self)


class PageEnd(MacroElement):
    """The last element of a page: scale, north arrow and labels, once every layer is drawn."""

    _template = Template("{% macro script(this, kwargs) %}finishPage({{ this._parent.get_name() }});{% endmacro %}")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # branca types this constructor not yet
