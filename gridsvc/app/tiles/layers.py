"""Nothing in but the tables below; every tile layer out: its rows, and only the properties a style needs."""

from gridsvc.core.errors import NotFound
from gridsvc.core.mvt import DEEPEST_ZOOM, Band, TileLayer

# Counts are of now; a map of another moment has none.
OPEN_INCIDENTS = (
    "case when %(live)s then (select count(*)::int from incident i where i.grid = v.code and i.closed_at is null) end"
)
AT = "v.valid @> %(at)s::timestamptz"
COMMUNITY = {"code": "v.code", "name": "v.name"}
GRID_FROM_AFAR = {"code": "v.code", "open_incidents": OPEN_INCIDENTS}
GRID = {"code": "v.code", "name": "v.name", "kind": "v.kind", "open_incidents": OPEN_INCIDENTS}
BUILDING_FROM_AFAR = {"code": "code"}
BUILDING = {"code": "code", "name": "name", "number": "number"}
WRITTEN_FROM = 16
"""From this zoom maps write on buildings; before, their names would be half of a tile that nobody reads."""
NAMED_FROM = 11
"""From this zoom a grid's name has room."""
COUNT_ZOOMS = 6
"""A cell of counts is a tile so many zooms deeper: 64 × 64 cells in a tile."""
CELL_UNITS = 64

# The counted cells of a tile, as squares in its own units; clockwise as one looks at the map.
CELL = (
    f"st_forcepolygonccw(st_makeenvelope((x - (%(x)s::int << {COUNT_ZOOMS})) * {CELL_UNITS},"
    f" (y - (%(y)s::int << {COUNT_ZOOMS})) * {CELL_UNITS}, (x + 1 - (%(x)s::int << {COUNT_ZOOMS})) * {CELL_UNITS},"
    f" (y + 1 - (%(y)s::int << {COUNT_ZOOMS})) * {CELL_UNITS}))"
)
CELLS = (
    f"level = %(z)s::int + {COUNT_ZOOMS} and buildings > 0"
    f" and x >= %(x)s::int << {COUNT_ZOOMS} and x < (%(x)s::int + 1) << {COUNT_ZOOMS}"
    f" and y >= %(y)s::int << {COUNT_ZOOMS} and y < (%(y)s::int + 1) << {COUNT_ZOOMS}"
)


def areas(source: str, first_zoom: int, from_afar: dict[str, str], near: dict[str, str]) -> tuple[Band, ...]:
    """Draw an area by its generalised forms until zoom 12, the coarsest from `first_zoom`; from 13 as it is."""
    forms = [form for form in (6, 8, 10, 12) if form >= first_zoom]
    bands = []
    for form in forms:
        zooms = (first_zoom if form == forms[0] else form - 1, form)
        shown = near if zooms[0] >= NAMED_FROM else from_afar
        bands.append(Band(zooms, source, shown, f"v.z{form}", "v.geometry", AT, small_polygons=True))
    return *bands, Band((13, DEEPEST_ZOOM), source, near, "v.geometry", where=AT)


LAYERS = {
    layer.name: layer
    for layer in (
        TileLayer(
            "communities",
            "社区 Communities",
            "polygon",
            areas("drawn.community v", 0, COMMUNITY, COMMUNITY),
            ("community_version",),
            ("drawn.community", "geometry"),
            dated=True,
        ),
        TileLayer(
            "grids",
            "网格 Grids",
            "polygon",
            areas("drawn.grid v", 8, GRID_FROM_AFAR, GRID),
            ("grid_version", "incident"),
            ("drawn.grid", "geometry"),
            dated=True,
        ),
        TileLayer(
            "buildings",
            "楼栋 Buildings",
            "polygon",
            (
                Band((8, 12), "drawn.building_count", {"buildings": "buildings"}, where=CELLS, shape=CELL),
                Band((13, WRITTEN_FROM - 1), "drawn.building", BUILDING_FROM_AFAR, buffer_units=8, small_polygons=True),
                Band(
                    (WRITTEN_FROM, DEEPEST_ZOOM),
                    "drawn.building",
                    BUILDING,
                    buffer_units=8,
                    small_polygons=True,
                    held=True,
                ),
            ),
            ("building",),
            ("drawn.building", "geometry"),
        ),
        TileLayer(
            "streets",
            "道路 Streets",
            "line",
            (
                Band(
                    (10, DEEPEST_ZOOM),
                    "drawn.street",
                    {"name": "name", "kind": "kind"},
                    where="from_zoom <= %(z)s::int",
                ),
            ),
            ("street",),
            ("drawn.street", "geometry"),
        ),
        TileLayer(
            "assets",
            "部件 Assets",
            "point",
            (
                Band(
                    (16, DEEPEST_ZOOM),
                    "asset",
                    {"code": "code", "class": "class", "state": "state"},
                    degrees=True,
                ),
            ),
            ("asset",),
            ("asset", "geometry"),
        ),
        TileLayer(
            "routes",
            "巡查路线 Patrol routes",
            "line",
            (
                Band(
                    (12, DEEPEST_ZOOM),
                    "route",
                    {"id": "id", "name": "name", "grid": "grid"},
                    degrees=True,
                    spurs=True,
                ),
            ),
            ("route",),
            ("route", "geometry"),
        ),
        TileLayer(
            "incidents",
            "事件 Incidents",
            "point",
            (
                Band(
                    (8, DEEPEST_ZOOM),
                    "incident",
                    {"id": "id::text", "number": "number", "class": "class", "status": "status", "source": "source"},
                    degrees=True,
                    # Years of ended ones would hide what waits.
                    where="(closed_at is null or %(z)s::int >= 11)",
                ),
            ),
            ("incident",),
            ("incident", "geometry"),
        ),
    )
}
"""Every tile layer by name, from the ground up."""


def layer_of(name: str) -> TileLayer:
    """Find a tile layer, or raise NotFound."""
    if name not in LAYERS:
        raise NotFound(f"There is no tile layer {name!r}; there are {', '.join(LAYERS)}.")
    return LAYERS[name]
