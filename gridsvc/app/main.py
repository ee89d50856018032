"""The HTTP application: settings and a database address in, everything that is served out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

import gridsvc.access.administration
import gridsvc.access.audit.endpoints
import gridsvc.access.consent.endpoints
import gridsvc.access.endpoints
import gridsvc.access.issuer.endpoints
import gridsvc.app.open311.endpoints
import gridsvc.app.search.endpoints
import gridsvc.exchange.endpoints
import gridsvc.exchange.uploads.endpoints
import gridsvc.incidents.board.endpoints
import gridsvc.incidents.calendar.endpoints
import gridsvc.incidents.catalogue.endpoints
import gridsvc.incidents.contact.endpoints
import gridsvc.incidents.endpoints
import gridsvc.incidents.hooks.endpoints
import gridsvc.incidents.photos.endpoints
import gridsvc.patrol.endpoints
import gridsvc.territory.endpoints
import gridsvc.workforce.endpoints
from gridsvc.app import grids, health, jobs, locate, tiles
from gridsvc.app.edge.bodies import Bodies
from gridsvc.app.edge.headers import SafeHeaders
from gridsvc.app.edge.hosts import Hosts
from gridsvc.app.edge.queries import Queries
from gridsvc.app.edge.rates import Rates
from gridsvc.app.ogc import described, items, landing
from gridsvc.app.pages import serve_pages
from gridsvc.app.tiles.gate import TileGate
from gridsvc.app.tiles.making import Tiles
from gridsvc.core.db import Database
from gridsvc.core.http import REFUSALS, answer_problems
from gridsvc.core.settings import Settings

API = "/api/v1"


class Gated(FastAPI):
    """The application behind the short way to a tile: what that answers enters nothing else, FastAPI included."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take every request at the gate."""
        scope["app"] = self
        if (refusal := self.state.hosts.refusal(scope)) is not None:
            await refusal(scope, receive, send)
            return
        await self._gate(scope, receive, send)

    @cached_property
    def _gate(self) -> TileGate:
        return TileGate(super().__call__)


def create_app(database: Database, settings: Settings, *, web: bool = True) -> FastAPI:
    """Put the service together over one database; `web` adds the pages."""

    @asynccontextmanager
    async def open_and_close(_: FastAPI) -> AsyncIterator[None]:
        await database.pool.open()
        yield
        await database.pool.close()
        database.engine.dispose()

    app = Gated(
        title="gridsvc",
        version=version("gridsvc"),
        summary="Community grid management (网格化): places, work and events; never dossiers on people",
        lifespan=open_and_close,
        responses=REFUSALS,
        # The documentation page is built with the other pages: the stock one would fetch from another host.
        docs_url=None,
        redoc_url=None,
    )
    app.state.database = database
    app.state.settings = settings
    app.state.hosts = Hosts(settings.allowed_hosts)
    app.state.tiles = Tiles(database, settings)
    answer_problems(app)
    app.add_middleware(GZipMiddleware, minimum_size=2048, compresslevel=1)
    app.add_middleware(Bodies, settings=settings)
    app.add_middleware(Queries)
    app.add_middleware(Rates, settings=settings)
    app.add_middleware(SafeHeaders)

    _include_routes(app)
    if web:
        serve_pages(app)
    return app


def _include_routes(app: FastAPI) -> None:
    """Put the endpoints of every part under their addresses."""
    # Flat, and what is asked most first: finding a route costs as much as answering from it, level by level.
    app.include_router(locate.router, prefix=API)
    app.include_router(items.router)
    app.include_router(gridsvc.incidents.endpoints.router, prefix=API)
    for part in (
        gridsvc.access.endpoints,
        gridsvc.access.administration,
        gridsvc.access.issuer.endpoints,
        gridsvc.access.audit.endpoints,
        gridsvc.access.consent.endpoints,
        grids,
        gridsvc.app.search.endpoints,
        gridsvc.territory.endpoints,
        gridsvc.workforce.endpoints,
        gridsvc.patrol.endpoints,
        gridsvc.incidents.board.endpoints,
        gridsvc.incidents.calendar.endpoints,
        gridsvc.incidents.catalogue.endpoints,
        gridsvc.incidents.photos.endpoints,
        gridsvc.incidents.contact.endpoints,
        gridsvc.incidents.hooks.endpoints,
        gridsvc.exchange.endpoints,
        gridsvc.exchange.uploads.endpoints,
        jobs,
    ):
        app.include_router(part.router, prefix=API)
    for router in (*tiles.ROUTERS, landing.router, landing.assets, described.router):
        app.include_router(router)
    app.include_router(gridsvc.app.open311.endpoints.router)
    app.include_router(health.router)
