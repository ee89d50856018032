"""The floor: an ASGI application that does nothing but run our statement on a pool and answer the bytes."""

import os
from typing import Any

from psycopg_pool import AsyncConnectionPool

from gridsvc.app.tiles.layers import LAYERS
from gridsvc.core.mvt import tile_parameters

LAYER = LAYERS["buildings"]
PAGE = b"""
    select convert_to('{"type":"FeatureCollection","features":[' || string_agg(feature, ',') || ']}', 'UTF8') from (
    select feature from building_written where since <= now() and until > now() order by code limit 1000) page"""
pool: Any = AsyncConnectionPool(
    os.environ["BENCH_DATABASE"], min_size=8, max_size=8, open=False, kwargs={"autocommit": True}
)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer `/z/x/y` with a tile of buildings, and anything else with a page of them."""
    if scope["type"] == "lifespan":
        await receive()
        await pool.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await pool.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    statement, parameters = asked(scope["path"].strip("/").split("/"))
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, parameters, binary=True)
        body = (await cursor.fetchone())[0]
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/octet-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def asked(parts: list[str]) -> tuple[bytes, dict[str, Any] | None]:
    """Say which statement a path asks for."""
    if len(parts) != 3:
        return PAGE, None
    z, x, y = map(int, parts)
    band = LAYER.band(z)
    assert band
    return LAYER.statements[z], tile_parameters(z, x, y, band.buffer_units)
