"""What is asked most keeps its index below the wall: each hot statement is explained as the role that serves, in a real scope."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from gridsvc.app.locate import LOCATE
from gridsvc.app.ogc.asking import read_question
from gridsvc.app.ogc.collections import COLLECTIONS
from gridsvc.app.ogc.statements import page_statement
from gridsvc.app.tiles.layers import LAYERS
from gridsvc.core.browse import Layer, list_sql
from gridsvc.core.db import EVERYTHING, SEE, Seen, conninfo, looking
from gridsvc.core.mvt import tile_at, tile_parameters
from gridsvc.incidents.intake.duplicates import ASKED
from gridsvc.incidents.layers import INCIDENTS
from gridsvc.patrol.layers import ROUTES
from gridsvc.territory import layers
from tests.conftest import Town, copy_database, served
from tests.town import JIA, RUBBISH, spot

NOW = datetime.now(UTC)
BOX = "118.78,32.04,118.784,32.042"
PLACE = spot(0.5, 1.5)
GIST = {
    "communities": "ix_drawn_community_geometry",
    "grids": "ix_drawn_grid_geometry",
    "buildings": "ix_drawn_building_geometry",
    "streets": "ix_drawn_street_geometry",
    "assets": "ix_asset_geometry",
    "routes": "ix_route_geometry",
    "incidents": "ix_incident_geometry",
}
BY_BOX = {
    "ix_community_version_geometry": layers.COMMUNITIES,
    "ix_grid_version_geometry": layers.GRIDS,
    "ix_building_geometry": layers.BUILDINGS,
    "ix_street_geometry": layers.STREETS,
    "ix_asset_geometry": layers.ASSETS,
    "ix_route_geometry": ROUTES,
    "ix_incident_geometry": INCIDENTS,
}
LIST = {"limit": 100, "cursor": None, "geometry": False}


INCIDENTS_OF_YEARS = """
    insert into incident (number, catalogue, class, condition, status, source, rule, community, grid, grid_version,
        reported_at, closed_at, geometry)
    select n || v.grid, 'town', %(class)s, '01', case when n %% 20 = 0 then 'reported' else 'closed' end, 'public',
        'inside', left(v.grid, 12), v.grid, 1, now() - n * interval '1 hour', case when n %% 20 > 0 then now() end,
        st_translate(st_pointonsurface(v.geometry), (n %% 7) * 1e-5, (n %% 11) * 1e-5)
    from generate_series(1, 4000) n, grid_version v"""


@pytest.fixture(scope="module")
def url(town: Town) -> str:
    """Give the town as it is; of how small its tables are the planner knows nothing."""
    return copy_database(town.url)


@pytest.fixture
def served_one(url: str) -> Iterator["psycopg.Connection[Any]"]:
    """Look as the role that serves, for community 甲; a table is read whole only where no index serves at all."""
    with looking_at(url) as connection:
        yield connection


@pytest.fixture(scope="module")
def years(town: Town) -> Iterator["psycopg.Connection[Any]"]:
    """Look in the same way at years of incidents, of which the planner knows how many there are."""
    address = copy_database(town.url)
    with psycopg.connect(conninfo(address), autocommit=True) as owner:
        owner.execute(INCIDENTS_OF_YEARS, {"class": RUBBISH})
        owner.execute("analyze incident, catalogue_class, catalogue_condition")
    with looking_at(address) as connection:
        yield connection


@contextmanager
def looking_at(address: str) -> Iterator["psycopg.Connection[Any]"]:
    """Look as the role that serves, for community 甲."""
    with psycopg.connect(conninfo(served(address))) as connection:
        connection.execute("set enable_seqscan = off")
        connection.execute("set jit = off")
        connection.execute(SEE, (JIA, "jia"))
        yield connection
        connection.rollback()


def indexes(
    connection: "psycopg.Connection[Any]", sql: bytes | str, parameters: dict[str, Any]
) -> set[tuple[str, bool]]:
    """Tell the indexes that a statement is answered by, and whether each is searched and not read whole."""
    text = sql if isinstance(sql, bytes) else sql.encode()
    row = connection.execute(b"explain (format json) " + text, parameters).fetchone()
    assert row
    found: set[tuple[str, bool]] = set()

    def walk(plan: dict[str, Any]) -> None:
        if "Index Name" in plan:
            found.add((plan["Index Name"], "Index Cond" in plan))
        for one in plan.get("Plans", ()):
            walk(one)

    walk((row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]["Plan"])
    return found


def tile_of(layer: str, z: int) -> tuple[bytes, dict[str, Any]]:
    """Write the statement of a tile of a layer."""
    drawn = LAYERS[layer]
    band = drawn.band(z)
    assert band
    return drawn.statements[z], {**tile_parameters(z, *tile_at(*PLACE, z), band.buffer_units), "at": NOW, "live": True}


def page_of(collection: str, **asked: str) -> tuple[bytes, dict[str, Any]]:
    """Write the statement of a page of features."""
    found = COLLECTIONS[collection]
    statement = page_statement(found, read_question(found, list(asked.items()), "json"), NOW)
    return statement.sql, statement.parameters


TILES = [(name, z) for name, layer in LAYERS.items() for z in sorted({band.zooms[1] for band in layer.bands}) if z > 12]


@pytest.mark.parametrize(("layer", "z"), TILES)
def test_a_tile_is_found_by_its_place(served_one: "psycopg.Connection[Any]", layer: str, z: int) -> None:
    assert (GIST[layer], True) in indexes(served_one, *tile_of(layer, z))


@pytest.mark.parametrize("layer", ["communities", "grids"])
def test_a_tile_from_afar_is_found_by_its_place(served_one: "psycopg.Connection[Any]", layer: str) -> None:
    assert (GIST[layer], True) in indexes(served_one, *tile_of(layer, 10))


@pytest.mark.parametrize(("index", "layer"), BY_BOX.items(), ids=lambda one: getattr(one, "name", one))
def test_a_list_in_a_box_is_found_by_its_place(served_one: "psycopg.Connection[Any]", index: str, layer: Layer) -> None:
    assert (index, True) in indexes(served_one, *list_sql(layer, {**LIST, "bbox": BOX, "at": NOW}))


@pytest.mark.parametrize(("index", "layer"), BY_BOX.items(), ids=lambda one: getattr(one, "name", one))
@pytest.mark.parametrize(
    "asked", [{"bbox": BOX}, {"filter": "S_INTERSECTS(geometry, POINT(118.7805 32.0415))"}], ids=["bbox", "filter"]
)
def test_features_in_a_place_are_found_by_it(
    served_one: "psycopg.Connection[Any]", index: str, layer: Layer, asked: dict[str, str]
) -> None:
    # What is written as it is read has its shape beside it.
    index = "ix_building_written_geometry" if layer is layers.BUILDINGS and "bbox" in asked else index
    assert (index, True) in indexes(served_one, *page_of(layer.name, **asked))


def test_a_page_of_buildings_is_a_stretch_of_those_that_are_written(served_one: "psycopg.Connection[Any]") -> None:
    found = indexes(served_one, *page_of("buildings"))
    assert any(index == "pk_building_written" for index, _ in found)


@pytest.mark.parametrize("layer", [layers.BUILDINGS, layers.ASSETS], ids=lambda one: one.name)
def test_what_lies_in_a_small_territory_is_gathered_first(served_one: "psycopg.Connection[Any]", layer: Layer) -> None:
    def is_gathered(seen: Seen) -> bool:
        with looking(seen):
            found = indexes(served_one, *list_sql(layer, {**LIST, "at": NOW}))
        return bool(found & {(f"ix_{layer.one}_code", True), (f"pk_{layer.one}", True)})

    assert is_gathered(Seen(JIA, "jia"))
    assert not is_gathered(EVERYTHING)
    assert not is_gathered(Seen("320102"))


@pytest.mark.parametrize(
    ("index", "asked"),
    [
        ("pk_incident", {}),
        ("ix_incident_due", {"sort": "due", "open": True}),
        ("ix_incident_grid", {"grid": f"{JIA}001", "open": True}),
    ],
)
def test_a_list_of_incidents_comes_in_the_order_of_its_index(
    years: "psycopg.Connection[Any]", index: str, asked: dict[str, Any]
) -> None:
    assert index in {name for name, _ in indexes(years, *list_sql(INCIDENTS, {**LIST, **asked}))}


def test_a_place_finds_its_grid_and_what_lies_near_by_the_place(
    served_one: "psycopg.Connection[Any]", years: "psycopg.Connection[Any]"
) -> None:
    where = {"lons": [PLACE[0]], "lats": [PLACE[1]], "accuracies": [20.0], "moments": [NOW], "queue": "q"}
    found = indexes(served_one, LOCATE, where)
    assert {("ix_grid_version_geometry", True), ("ix_community_version_geometry", True)} <= found
    near = {"lon": PLACE[0], "lat": PLACE[1], "class": RUBBISH, "asset": None, "since": NOW - timedelta(days=7)}
    assert ("ix_incident_open_place", True) in indexes(years, ASKED, near)


def test_without_the_word_of_a_superuser_no_place_is_found_by_its_index(
    url: str, served_one: "psycopg.Connection[Any]"
) -> None:
    change = "alter function geometry_overlaps(geometry, geometry) {} leakproof"
    with psycopg.connect(conninfo(url), autocommit=True) as owner:
        owner.execute(change.format("not").encode())
        try:
            for layer in ("grids", "buildings", "assets", "incidents"):
                assert (GIST[layer], True) not in indexes(served_one, *tile_of(layer, 16)), layer
        finally:
            owner.execute(change.format("").encode())
