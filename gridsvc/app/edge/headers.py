"""Headers that keep a browser on this host, and answers out of caches: an application in, the same with them out."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # What the worker's page needs, and nothing else a browser has.
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ONLY_TLS = "max-age=31536000; includeSubDomains"
"""A browser that came by TLS once comes by nothing else for a year, to this name and those below it."""
DATA = ("/api/", "/ogc", "/open311/")
"""Where places, work and people are answered: no cache may keep them, unless the answer says how."""


class SafeHeaders:
    """Adds the headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; what comes back gets the headers."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SAFE)
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = ONLY_TLS
                if "cache-control" not in headers and scope["path"].startswith(DATA):
                    headers["Cache-Control"] = "private, no-cache" if "etag" in headers else "no-store"
            await send(message)

        await self._app(scope, receive, send_safely if scope["type"] == "http" else send)
