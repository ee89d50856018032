"""The overview page of a town: its layers as GeoDataFrames in, one HTML text that opens anywhere out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import folium
import geopandas as gpd
import numpy as np

from gridsvc.cartography import legends
from gridsvc.cartography.colours import Language, state_of
from gridsvc.cartography.drawings import LAYERS, draw_layer
from gridsvc.cartography.features import FeatureLayer, PageEnd, plain
from gridsvc.cartography.offline import HERE, Fragment, Inlined, OfflineMap
from gridsvc.cartography.words import WORDS

LIMIT = 5_000
"""Features of one layer above which a browser gets slow: the layer is then left out, and the page says so."""

CHINA = (35.0, 105.0)
"""Where a page without any feature looks: latitude, longitude."""

CLOSEST = 19
"""Zoom at which a page about a single spot opens; without it Leaflet would zoom without end."""

VIEW: Mapping[str, Any] = {"zoom_start": 4, "zoom_snap": 0.1, "font_size": "13px", "attribution_control": False}
"""Fine zoom steps fill the screen with the town; the attribution stands in the side panel, as plain text."""

LOCALES: dict[Language, str] = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True)
class Town:
    """What the overview shows; every frame is in EPSG:4326 and may be empty.

    Columns beside geometry: communities code, name · grids code, name, kind, households, buildings, open_incidents,
    responsible (name or None) · buildings code, name, number, households · streets name, kind · routes id, name, grid
    · incidents number, class_name, status, reported_at (text). `made_at` is when the data was read.
    """

    communities: gpd.GeoDataFrame
    grids: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame
    routes: gpd.GeoDataFrame
    incidents: gpd.GeoDataFrame
    made_at: datetime
    attribution: str
    title: str

    def layers(self) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
        """Yield (name, frame) of every layer, from the ground up."""
        for name in LAYERS:
            yield name, getattr(self, name)


def draw_overview(town: Town, language: Language) -> str:
    """Draw the page in one language; it makes no request, and the same town gives the same bytes.

    Raises `gridsvc.core.errors.Unavailable` when the vendored scripts are missing, `Invalid` for another CRS.
    """
    page = OfflineMap(title=town.title, language=LOCALES[language], location=CHINA, **VIEW)
    page.figure.header.add_child(Inlined("style", (HERE / "page.css").read_text("utf-8")), name="page_css")
    page.figure.header.add_child(Inlined("script", (HERE / "page.js").read_text("utf-8")), name="page_js")
    page.figure.html.add_child(Fragment(_side_panel(town, language)), name="side_panel")
    for name, frame in town.layers():
        if len(frame) <= LIMIT:
            heading = WORDS[language][name]
            FeatureLayer(name, heading, *draw_layer(name, frame, language)).put_on(page)
    control = folium.LayerControl(collapsed=False)
    control._id = "layers"  # not a random name: the same town gives the same page
    page.add_child(control)
    bounds = _bounds(town)
    if bounds is not None:
        page.fit_bounds(bounds, padding=(16, 16), max_zoom=CLOSEST)
    page.add_child(PageEnd())
    return page.page()


def _side_panel(town: Town, language: Language) -> str:
    parts = (
        legends.title_block(town.title, town.made_at, _version(), language),
        legends.key_figures(_figures(town, language)),
        legends.notices(_left_out(town, language)),
        legends.legend(language),
        legends.NORTH_ARROW,
        legends.attribution(town.attribution),
    )
    return f"<aside>{''.join(parts)}</aside>"


def _figures(town: Town, language: Language) -> Iterator[tuple[str, int]]:
    words = WORDS[language]
    for layer in ("communities", "grids", "buildings"):
        yield words[layer], len(getattr(town, layer))
    yield words["households"], sum(plain(count) or 0 for count in town.grids["households"]) if len(town.grids) else 0
    is_open = [state_of(status).is_open for status in town.incidents["status"]] if len(town.incidents) else []
    yield words["open_incidents"], sum(is_open)


def _left_out(town: Town, language: Language) -> Iterator[str]:
    words = WORDS[language]
    for name, frame in town.layers():
        if len(frame) > LIMIT:
            yield words["too_many"].format(layer=words[name], count=len(frame), limit=LIMIT)
            if name == "buildings":
                yield words["see_grids"]


def _bounds(town: Town) -> list[list[float]] | None:
    """Return [[south, west], [north, east]] of the communities and grids, or else of whatever there is."""
    for names in (("communities", "grids"), LAYERS):
        boxes = [frame.total_bounds for name, frame in town.layers() if name in names and len(frame)]
        if boxes and np.isfinite(boxes).any():
            west, south = np.nanmin(boxes, axis=0)[:2].tolist()
            east, north = np.nanmax(boxes, axis=0)[2:].tolist()
            return [[south, west], [north, east]]
    return None


def _version() -> str:
    try:
        return version("gridsvc")
    except PackageNotFoundError:  # run from a checkout that nobody installed
        return "(checkout)"
