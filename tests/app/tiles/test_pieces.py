"""Tiles made of pieces that are held say what ST_AsMVT says, tile by tile; and a piece is of one scope and one version."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import mapbox_vector_tile
import pytest
from sqlalchemy import Engine, text

from gridsvc.app.demo import load_town
from gridsvc.app.tiles.layers import BUILDING, LAYERS
from gridsvc.app.tiles.making import Tiles, Wanted, decompress
from gridsvc.app.tiles.pieces.held import HELD_ZOOM
from gridsvc.core.db import Database, Seen, open_engine, transaction
from gridsvc.core.mvt import AREA, TO_UNITS, Band, tile_at, tile_parameters
from gridsvc.core.settings import Settings
from tests.app.tiles.stories import tell
from tests.conftest import copy_database

LAYER = LAYERS["buildings"]
UNCUT = Band(
    (0, 22),
    "drawn.building",
    BUILDING,
    shape=f"st_snaptogrid(st_transscale(geometry, {TO_UNITS}), 1)",
    where=f"geometry && (select {AREA})",
    buffer_units=8,
)
"""The same by the database, cut off nowhere either."""

# Beside the real houses: a courtyard, several parts with a hole in one, a hole and a house too small to be seen, and names
# of all lengths. Rings of outer shells are clockwise, as all that is drawn.
ODD = {
    "court": "((0 0,0 60,60 60,60 0,0 0),(20 20,40 20,40 40,20 40,20 20))",
    "parts": "((100 0,100 40,140 40,140 0,100 0)),((150 0,150 40,190 40,190 0,150 0),(160 10,170 10,170 20,160 20,160 10))",
    "tiny hole": "((200 0,200 60,260 60,260 0,200 0),(220 20,220.001 20,220.001 20.001,220 20.001,220 20))",
    "tiny": "((300 0,300 0.001,300.001 0.001,300.001 0,300 0))",
    "tiny part": "((320 0,320 0.001,320.001 0.001,320.001 0,320 0)),((330 0,330 30,360 30,360 0,330 0))",
}
ADDED = """
    insert into drawn.building (code, name, number, geometry)
    select 'odd-' || %(code)s, %(name)s, %(number)s,
        st_translate(st_multi(st_geomfromtext('MULTIPOLYGON' || %(shape)s, 3857)), st_x(c), st_y(c))
    from (select st_centroid(st_extent(geometry)) as c from drawn.building where code not like 'odd-%%') middle"""


@pytest.fixture(scope="module")
def sample(empty_url: str) -> Iterator[Engine]:
    engine = open_engine(copy_database(empty_url))
    with transaction(engine) as session:
        load_town(session, Settings())
    with engine.begin() as connection:
        for number, (code, shape) in enumerate(ODD.items()):
            told = {"name": "楼" * 50 * number or None, "number": "x" * (126 + number) if number % 2 else ""}
            connection.exec_driver_sql(ADDED, {"code": code, "shape": f"({shape})", **told})
    yield engine
    engine.dispose()


def run(engine: Engine, story: Callable[[Database, Tiles], Awaitable[None]], **settings: Any) -> None:
    """Tell a story with tiles over the sample town."""
    url = engine.url.render_as_string(hide_password=False)
    tell(Database, url, story, tile_cache_mb=0, **settings)


def wanted_at(engine: Engine, z: int, most: int = 10_000) -> list[Wanted]:
    """Name the tiles of a zoom that the town touches, one more at each side, from its middle outwards."""
    with engine.connect() as connection:
        box = connection.execute(
            text(
                "select st_xmin(e), st_ymin(e), st_xmax(e), st_ymax(e) from ("
                "select st_transform(st_setsrid(st_extent(geometry)::geometry, 3857), 4326) e from drawn.building) box"
            )
        ).one()
    (left, top), (right, bottom) = tile_at(box[0], box[3], z), tile_at(box[2], box[1], z)
    places = [(x, y) for x in range(left - 1, right + 2) for y in range(top - 1, bottom + 2)]
    places.sort(key=lambda place: abs(2 * place[0] - left - right) + abs(2 * place[1] - top - bottom))
    return [Wanted(LAYER, z, x, y, "all") for x, y in places[:most]]


def told(tile: bytes) -> dict[str, Any]:
    """Decode a tile: each feature by its code, what is said of it and its geometry as it was written."""
    if not tile:
        return {}
    decoded = mapbox_vector_tile.decode(tile, default_options={"y_coord_down": True})
    assert list(decoded) == ["buildings"]
    assert decoded["buildings"]["version"] == 2
    assert decoded["buildings"]["extent"] == 4096
    features = decoded["buildings"]["features"]
    codes = [one["properties"]["code"] for one in features]
    assert len(codes) == len(set(codes))
    return {code: (one["properties"], one["geometry"]) for code, one in zip(codes, features, strict=True)}


@pytest.mark.parametrize("held_mb", [64, 0])
@pytest.mark.parametrize("z", [16, 17, 18, 19, 20])
def test_a_tile_says_what_the_database_would_say(sample: Engine, z: int, held_mb: int) -> None:
    async def story(database: Database, tiles: Tiles) -> None:
        seen: dict[str, Any] = {}
        for wanted in wanted_at(sample, z, 900):
            version = await tiles.version(wanted)
            ours = told(decompress(await tiles.get(wanted, version)) if await tiles.get(wanted, version) else b"")
            asked = tile_parameters(z, wanted.x, wanted.y, UNCUT.buffer_units)
            theirs = told(await database.value(UNCUT.sql("buildings").encode(), asked, Seen("all")))
            # The database finds by boxes of less precise numbers: it may know one more, that nearly reaches the tile.
            for code in theirs.keys() - ours.keys():
                assert _passes_by(theirs[code][1]), (wanted, code)
            assert ours == {code: theirs[code] for code in ours}, wanted
            seen |= ours
        if z < 19:
            assert len(seen) > 1000
        assert {f"odd-{code}" for code in ODD} - {"odd-tiny"} <= set(seen)
        assert "odd-tiny" not in seen
        assert len(seen["odd-court"][1]["coordinates"]) == 2

    run(sample, story, tile_features_mb=held_mb)


def _passes_by(geometry: dict[str, Any]) -> bool:
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    points = [point for polygon in polygons for ring in polygon for point in ring]
    return any(
        min(point[axis] for point in points) > 4096 + 8 or max(point[axis] for point in points) < -8 for axis in (0, 1)
    )


def test_a_piece_is_read_once_however_many_of_its_tiles_are_asked_for(sample: Engine) -> None:
    async def story(database: Database, tiles: Tiles) -> None:
        asked = []
        rows = database.rows

        async def listening(sql: Any, *arguments: Any, **ways: Any) -> Any:
            asked.append(sql)
            return await rows(sql, *arguments, **ways)

        (first, *_) = wanted_at(sample, HELD_ZOOM)
        inside = [Wanted(LAYER, 17, first.x * 4 + x, first.y * 4 + y, "all") for x in range(4) for y in range(4)]
        version = await tiles.version(first)
        database.rows = listening  # type: ignore[method-assign]
        made = await asyncio.gather(*(tiles.get(one, version) for one in inside))
        assert len(asked) == 1
        assert len(set(made)) > 10
        # Of another zoom, for somebody else, of another version: another piece.
        await tiles.get(Wanted(LAYER, 18, inside[0].x * 2, inside[0].y * 2, "all"), version)
        assert len(asked) == 2
        await tiles.get(Wanted(LAYER, 17, inside[0].x, inside[0].y, "320102"), version)
        assert len(asked) == 3
        await tiles.get(inside[0], "another")
        assert len(asked) == 4

    run(sample, story)


def test_pieces_take_no_more_memory_than_they_may(sample: Engine) -> None:
    async def story(_: Database, tiles: Tiles) -> None:
        version = await tiles.version(wanted_at(sample, 17)[0])
        largest = 0
        for z in (16, 17, 18):
            for wanted in wanted_at(sample, z, 200):
                await tiles.get(wanted, version)
                largest = max(largest, tiles.pieces.bytes)
                assert tiles.pieces.bytes <= 1_000_000
        assert largest > 500_000

    run(sample, story, tile_features_mb=1)
