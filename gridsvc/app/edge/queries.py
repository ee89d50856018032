"""Addresses whose parameters say something twice: a request in, the same or a refusal out.

Of two values frameworks, proxies and people each take another one; whoever asks is told, and nothing is guessed.
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from gridsvc.core.http import problem

REPEATED = re.compile(r"/api/v\d+/search")
"""Where a parameter is a list."""


class Queries:
    """Refuses a parameter that is given twice."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and b"&" in scope["query_string"] and scope["path"].startswith("/api/"):
            names = [part.partition(b"=")[0] for part in scope["query_string"].split(b"&")]
            twice = next((name for at, name in enumerate(names) if name and name in names[:at]), None)
            if twice is not None and not REPEATED.fullmatch(scope["path"]):
                told = twice[:40].decode("latin-1")
                await problem(422, "invalid", f"The parameter {told!r} is given twice.")(scope, receive, send)
                return
        await self._app(scope, receive, send)
