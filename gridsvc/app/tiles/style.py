"""All tile layers as one map style (MapLibre style specification 8): addresses in, the style out; nothing from outside.

Names are left out: a style can only write them with fonts made into tiles, and there are none on this host.
"""

from typing import Any

from gridsvc.app.tiles.layers import LAYERS
from gridsvc.cartography.colours import BUILDING_FILL, OPEN_TINTS, OUTLINES, STATES, UNKNOWN

WIDTHS = {"motorway": 9, "trunk": 9, "primary": 8, "secondary": 7, "tertiary": 5.5}
"""Width of a street in pixels at zoom 16; the others are `OTHER_WIDTH`."""
OTHER_WIDTH = 3
COUNT_FULL = 60
"""So many buildings in a cell of counts are drawn at full strength."""


def map_style(base_url: str) -> dict[str, Any]:
    """Write the style; `base_url` ends with a slash."""
    return {
        "version": 8,
        "name": "gridsvc 网格图",
        "sources": {name: {"type": "vector", "url": f"{base_url}tiles/{name}.json"} for name in LAYERS},
        "layers": [
            {"id": "background", "type": "background", "paint": {"background-color": "#f7f8f9"}},
            _layer("grids", "fill", {"fill-color": _tints()}, "grids-ground"),
            _layer("buildings", "fill", {"fill-color": BUILDING_FILL}, minzoom=13),
            _layer("buildings", "fill", _counted(), "buildings-counted", maxzoom=13),
            _layer(
                "streets", "line", {"line-color": OUTLINES["streets"], "line-width": _street_width(1.5)}, "streets-edge"
            ),
            _layer("streets", "line", {"line-color": "#fffdf8", "line-width": _street_width(0)}),
            _layer("grids", "line", {"line-color": OUTLINES["grids"], "line-width": 1.25}),
            _layer("communities", "line", {"line-color": OUTLINES["communities"], "line-width": 3}),
            _layer("routes", "line", {"line-color": OUTLINES["routes"], "line-width": 2, "line-dasharray": [4, 3]}),
            _layer("assets", "circle", _disc("#4d7c5a", 4)),
            _layer("incidents", "circle", _disc(_states(), 7)),
        ],
    }


def _layer(source: str, kind: str, paint: dict[str, Any], name: str | None = None, **zooms: int) -> dict[str, Any]:
    zooms = {"minzoom": LAYERS[source].zooms[0], **zooms}
    return {"id": name or source, "type": kind, "source": source, "source-layer": source, **zooms, "paint": paint}


def _tints() -> list[Any]:
    first, *others = OPEN_TINTS
    steps = [part for low, colour in others for part in (low, colour)]
    return ["step", ["coalesce", ["get", "open_incidents"], 0], first[1], *steps]


def _counted() -> dict[str, Any]:
    strength = ["interpolate", ["linear"], ["get", "buildings"], 0, 0.1, COUNT_FULL, 0.9]
    return {"fill-color": OUTLINES["buildings"], "fill-opacity": strength, "fill-antialias": False}


def _street_width(edge_px: float) -> list[Any]:
    kinds = [part for kind, width in WIDTHS.items() for part in (kind, width)]
    at_16 = ["+", ["match", ["get", "kind"], *kinds, OTHER_WIDTH], edge_px]
    return ["interpolate", ["exponential", 1.6], ["zoom"], 12, ["*", at_16, 0.15], 16, at_16, 20, ["*", at_16, 6]]


def _disc(colour: Any, radius_px: int) -> dict[str, Any]:
    return {
        "circle-color": colour,
        "circle-radius": radius_px,
        "circle-stroke-color": "#ffffff",
        "circle-stroke-width": 1.2,
    }


def _states() -> list[Any]:
    return ["match", ["get", "status"], *(part for state in STATES for part in (state.code, state.disc)), UNKNOWN.disc]
