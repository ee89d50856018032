"""A made-up town of squares, for the tests of drawn pages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import geopandas as gpd
import pytest
import shapely

from gridsvc.cartography.colours import STATES
from gridsvc.cartography.legends import OSM_ATTRIBUTION
from gridsvc.cartography.overview import Town

SIDE_DEG = 0.002
WEST, SOUTH = 118.77, 32.03


def frame(rows: Sequence[Mapping[str, Any]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(list(rows), geometry="geometry", crs=4326)


def empty_frame(columns: str) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({name: [] for name in columns.split()}, geometry=[], crs=4326)


def square(column: int, row: int, share: float = 1.0) -> shapely.Polygon:
    """Return the lower left `share` of the square at (column, row), EPSG:4326."""
    west, south = WEST + column * SIDE_DEG, SOUTH + row * SIDE_DEG
    return shapely.box(west, south, west + share * SIDE_DEG, south + share * SIDE_DEG)


def point(column: float, row: float) -> shapely.Point:
    return shapely.Point(WEST + column * SIDE_DEG, SOUTH + row * SIDE_DEG)


@pytest.fixture
def town() -> Town:
    """Two communities of two grids, three buildings, two streets, a route, and an incident in every state."""
    grids = [
        {
            "code": f"32010200200100{place + 1}",
            "name": f"香铺营第{place + 1}网格",
            "kind": "dedicated" if place == 3 else "residential",
            "households": 300 + place,
            "buildings": place,
            "open_incidents": place * 4,
            "responsible": None if place == 2 else "周一（示例）",
            "geometry": square(place % 2, place // 2),
        }
        for place in range(4)
    ]
    communities: list[dict[str, Any]] = [
        {
            "code": f"32010200200{row + 1}",
            "name": f"香铺营{row + 1}社区",
            "geometry": square(0, row).union(square(1, row)),
        }
        for row in range(2)
    ]
    buildings: list[dict[str, Any]] = [
        {
            "code": f"B{n}",
            "name": name,
            "number": f"{n}号",
            "households": n * 10,
            "geometry": square(n % 2, n // 2, 0.3),
        }
        for n, name in enumerate(["德基大厦", None, "一中"])
    ]
    streets: list[dict[str, Any]] = [
        {"name": "中山路", "kind": "primary", "geometry": shapely.LineString([point(0, 1), point(2, 1)])},
        {"name": None, "kind": "service", "geometry": shapely.LineString([point(1, 0), point(1, 2)])},
    ]
    routes = [{"id": "7", "name": "一号线", "grid": "香铺营第1网格", "geometry": square(0, 0, 0.8).exterior}]
    incidents = [
        {
            "number": f"2026-{place:04d}",
            "class_name": "路灯",
            "status": state.code,
            "reported_at": "2026-07-01 08:30",
            "geometry": point(0.2 + 0.25 * place, 1.6),
        }
        for place, state in enumerate(STATES)
    ]
    return Town(
        communities=frame(communities),
        grids=frame(grids),
        buildings=frame(buildings),
        streets=frame(streets),
        routes=frame(routes),
        incidents=frame(incidents),
        made_at=datetime(2026, 7, 1, 9, 30, tzinfo=timezone(timedelta(hours=8), "CST")),
        attribution=OSM_ATTRIBUTION,
        title="香铺营街道一张图",
    )


@pytest.fixture
def empty_town(town: Town) -> Town:
    """Return the same town before anything was imported."""
    return replace(
        town,
        communities=empty_frame("code name"),
        grids=empty_frame("code name kind households buildings open_incidents responsible"),
        buildings=empty_frame("code name number households"),
        streets=empty_frame("name kind"),
        routes=empty_frame("id name grid"),
        incidents=empty_frame("number class_name status reported_at"),
    )
