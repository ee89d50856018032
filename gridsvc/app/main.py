"""The HTTP application: settings and a database address in, everything that is served out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware

import gridsvc.access.endpoints
import gridsvc.exchange.endpoints
import gridsvc.incidents.endpoints
import gridsvc.patrol.endpoints
import gridsvc.territory.endpoints
import gridsvc.workforce.endpoints
from gridsvc.app import grids, health, locate, tiles
from gridsvc.app.pages import SafeHeaders, serve_pages
from gridsvc.core.db import Database
from gridsvc.core.http import answer_problems
from gridsvc.core.settings import Settings

API = "/api/v1"


def create_app(database: Database, settings: Settings, *, web: bool = True) -> FastAPI:
    """Put the service together over one database; `web` adds the pages."""

    @asynccontextmanager
    async def open_and_close(_: FastAPI) -> AsyncIterator[None]:
        await database.pool.open()
        yield
        await database.pool.close()
        database.engine.dispose()

    app = FastAPI(
        title="gridsvc",
        version=version("gridsvc"),
        summary="Community grid management (网格化): places, work and events; never dossiers on people",
        lifespan=open_and_close,
        # The documentation page is built with the other pages: the stock one would fetch from another host.
        docs_url=None,
        redoc_url=None,
    )
    app.state.database = database
    app.state.settings = settings
    answer_problems(app)
    app.add_middleware(GZipMiddleware, minimum_size=2048, compresslevel=1)
    app.add_middleware(SafeHeaders)

    api = APIRouter(prefix=API)
    for part in (
        gridsvc.access.endpoints,
        locate,
        grids,
        gridsvc.territory.endpoints,
        gridsvc.workforce.endpoints,
        gridsvc.patrol.endpoints,
        gridsvc.incidents.endpoints,
        gridsvc.exchange.endpoints,
    ):
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(tiles.router)
    app.include_router(health.router)
    if web:
        serve_pages(app)
    return app
