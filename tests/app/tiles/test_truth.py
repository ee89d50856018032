"""Tiles of the real sample town tell what PostGIS knows: every feature, none twice, each where it is."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mapbox_vector_tile
import pytest
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine, text

from gridsvc.app.demo import load_town
from gridsvc.app.tiles.layers import LAYERS
from gridsvc.app.tiles.making import Tiles, Wanted, decompress
from gridsvc.core.db import Database, open_engine, transaction
from gridsvc.core.mvt import EXTENT, WORLD_M, tile_at
from gridsvc.core.settings import Settings
from tests.conftest import copy_database

TRUTH = {
    "grids": "select grid, st_asbinary(st_transform(geometry, 3857)) from grid_version where valid @> now()",
    "communities": (
        "select community, st_asbinary(st_transform(geometry, 3857)) from community_version where valid @> now()"
    ),
    "buildings": "select code, st_asbinary(st_transform(geometry, 3857)) from building",
    "assets": "select code, st_asbinary(st_transform(geometry, 3857)) from asset",
    "routes": "select id, st_asbinary(st_transform(geometry, 3857)) from route",
    "incidents": "select id::text, st_asbinary(st_transform(geometry, 3857)) from incident",
}
"""The geometry of every feature, from the tables of the truth and not from what is drawn."""


@dataclass(frozen=True)
class Sample:
    """The sample town in a database, and a way to its tiles."""

    url: str
    engine: Engine

    def tiles(self, layer: str, z: int) -> dict[tuple[int, int], list[dict[str, Any]]]:
        """Decode all tiles of a zoom that the town touches, with y downwards as in the tile."""
        with self.engine.connect() as connection:
            west, south, east, north = connection.execute(
                text(
                    "select st_xmin(e), st_ymin(e), st_xmax(e), st_ymax(e)"
                    " from (select st_extent(geometry) e from building) box"
                )
            ).one()
        (left, top), (right, bottom) = tile_at(west, north, z), tile_at(east, south, z)

        async def fetch() -> dict[tuple[int, int], bytes]:
            database = Database.at(self.url, Settings(pool_size=2))
            await database.pool.open()
            tiles = Tiles(database, Settings())
            wanted = {
                (x, y): Wanted(LAYERS[layer], z, x, y, "all")
                for x in range(left - 1, right + 2)
                for y in range(top - 1, bottom + 2)
            }
            try:
                return {place: await tiles.get(one, await tiles.version(one)) for place, one in wanted.items()}
            finally:
                await database.pool.close()
                database.engine.dispose()

        answer = {}
        for place, tile in asyncio.run(fetch()).items():
            if tile:
                decoded = mapbox_vector_tile.decode(decompress(tile), default_options={"y_coord_down": True})
                answer[place] = decoded[layer]["features"]
        return answer

    def truth(self, layer: str) -> dict[str, BaseGeometry]:
        """Give every feature's geometry in metres of Web Mercator."""
        with self.engine.connect() as connection:
            rows = connection.execute(text(TRUTH[layer])).all()
        return {code: shapely.from_wkb(bytes(wkb)) for code, wkb in rows}


@pytest.fixture(scope="module")
def sample(empty_url: str) -> Iterator[Sample]:
    url = copy_database(empty_url)
    engine = open_engine(url)
    with transaction(engine) as session:
        load_town(session, Settings())
    yield Sample(url, engine)
    engine.dispose()


def in_tile(geometry: BaseGeometry, z: int, x: int, y: int) -> BaseGeometry:
    """Put a geometry of metres into the units of a tile, y downwards."""
    scale = EXTENT * 2**z / WORLD_M
    placed: BaseGeometry = shapely.transform(
        geometry,
        lambda points: (points * [1, -1] + WORLD_M / 2) * scale - [x * EXTENT, y * EXTENT],
    )
    return placed


@pytest.mark.parametrize(
    ("layer", "z"),
    [
        *[("buildings", z) for z in (13, 15, 16, 17, 19)],
        *[("grids", z) for z in (13, 16)],
        *[("communities", z) for z in (13, 15)],
        *[("assets", 16), ("routes", 14), ("routes", 16), ("incidents", 15)],
    ],
)
def test_every_feature_is_in_every_tile_it_reaches_once_and_where_it_is(sample: Sample, layer: str, z: int) -> None:
    truth, tiles = sample.truth(layer), sample.tiles(layer, z)
    box = shapely.box(0, 0, EXTENT, EXTENT)
    seen = set()
    for (x, y), features in tiles.items():
        keys = [str(one["properties"].get("code") or one["properties"]["id"]) for one in features]
        assert len(keys) == len(set(keys)), "a feature is in the tile twice"
        drawn = dict(zip(keys, (shapely.make_valid(shape(one["geometry"])) for one in features), strict=True))
        seen |= set(keys)
        placed = {key: in_tile(whole, z, x, y) for key, whole in truth.items()}
        for key, whole in placed.items():
            if key in drawn:
                assert nearly_equal(drawn[key], whole, box), (x, y, key, drawn[key].wkt, whole.wkt)
            else:
                part = shapely.intersection(shapely.make_valid(whole), box)
                # Only a corner that is smaller than the units a tile is told in may be missing.
                assert part.area < 4, (x, y, key)
                assert part.length < 10, (x, y, key)
                assert part.is_empty or part.geom_type != "Point", (x, y, key)
    assert seen == set(truth)


@pytest.mark.parametrize(("layer", "z"), [("routes", 17), ("buildings", 13), ("streets", 17)])
def test_a_tile_that_a_feature_only_passes_by_is_made_without_it(sample: Sample, layer: str, z: int) -> None:
    # A box meets many tiles that the line in it never enters.
    for features in sample.tiles(layer, z).values():
        assert all(one["geometry"]["coordinates"] for one in features)


def nearly_equal(drawn: BaseGeometry, whole: BaseGeometry, box: BaseGeometry) -> bool:
    """Tell whether in the tile nothing is further than 2.5 units (a third of a pixel) from where it should be."""
    more = drawn.intersection(box).difference(whole.buffer(2.5))
    less = shapely.make_valid(whole).intersection(box).difference(drawn.buffer(2.5))
    return more.is_empty and less.is_empty


@pytest.mark.parametrize("z", [8, 10, 11, 12])
def test_the_counts_of_low_zooms_add_up_to_all_buildings(sample: Sample, z: int) -> None:
    tiles = sample.tiles("buildings", z)
    counted = sum(one["properties"]["buildings"] for features in tiles.values() for one in features)
    assert counted == len(sample.truth("buildings"))
    for features in tiles.values():
        for one in features:
            cell = shape(one["geometry"])
            assert cell.area == 64 * 64
            assert cell.bounds[0] % 64 == cell.bounds[1] % 64 == 0


def test_a_cell_of_counts_lies_over_its_buildings(sample: Sample) -> None:
    z = 12
    points = [whole.representative_point() for whole in sample.truth("buildings").values()]
    for (x, y), features in sample.tiles("buildings", z).items():
        placed = [in_tile(point, z, x, y) for point in points]
        for one in features:
            cell = shape(one["geometry"])
            near = sum(cell.buffer(8).contains(point) for point in placed)
            sure = sum(cell.buffer(-8).contains(point) for point in placed)
            assert sure <= one["properties"]["buildings"] <= near


@pytest.mark.parametrize("z", [8, 9, 10, 11, 12])
def test_grids_from_afar_still_leave_no_gap_in_their_community_and_hardly_overlap(sample: Sample, z: int) -> None:
    lattice_cell = 16 if z % 2 == 0 else 4
    for features in sample.tiles("grids", z).values():
        communities: dict[str, list[BaseGeometry]] = {}
        for one in features:
            grid = shapely.make_valid(shape(one["geometry"]))
            communities.setdefault(one["properties"]["code"][:12], []).append(grid)
        for grids in communities.values():
            together = shapely.union_all(grids)
            # A community is one piece of land without a hole: a gap between its grids would be one.
            rings = [ring for part in shapely.get_parts(together) for ring in getattr(part, "interiors", ())]
            assert rings == []
            # Where a neck is narrower than the lattice, neighbours may both cover a cell or two of it.
            assert sum(one.area for one in grids) - together.area <= 2 * lattice_cell


def test_small_streets_come_with_the_zoom_and_main_streets_are_there_from_afar(sample: Sample) -> None:
    def kinds(z: int) -> set[str]:
        return {one["properties"]["kind"] for features in sample.tiles("streets", z).values() for one in features}

    with sample.engine.connect() as connection:
        every = set(connection.scalars(text("select distinct kind from street")))
    assert kinds(13) == kinds(16) == every
    assert "footway" not in kinds(12)
    assert {"residential", "secondary"} <= kinds(12)
    assert "residential" not in kinds(11)
    assert "secondary" in kinds(11)
