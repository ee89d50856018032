"""The HTTP server of `gridsvc up` and `gridsvc serve`: a database and an open socket in, everything served until a signal out.

Loaded by these two alone: the whole application takes longer to load than most commands to run.
"""

import socket
import sys

import uvicorn

from gridsvc.app.console import answers
from gridsvc.app.main import create_app
from gridsvc.app.tiles.wire import protocol_of
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings


class Server(uvicorn.Server):
    """The HTTP server, which says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and then print the line that scripts wait for."""
        await super().startup(sockets)
        if not self.should_exit:
            answers.print(self._ready)
            sys.stdout.flush()


def serve(database: Database, chosen: Settings, listener: socket.socket, *, web: bool, ready: str) -> None:
    """Serve one application on an open socket until a signal says stop; requests under way are finished first."""
    app = create_app(database, chosen, web=web)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        # What a client says of itself is believed only where the office runs a proxy of its own.
        proxy_headers=bool(chosen.trusted_proxies),
        forwarded_allow_ips=chosen.trusted_proxies or None,
        loop="uvloop",
        http=protocol_of(app.state),
    )
    Server(config, ready).run([listener])
