"""The pages: the built front end in, HTML and assets out, under a policy that lets nothing leave the host."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUILT = Path(__file__).resolve().parent / "static"

PAGES = {"/": "index.html", "/docs": "docs.html"}
"""Address of each page, and the file Vite builds for it."""

SAFE = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class SafeHeaders:
    """Adds the headers that keep a browser on this host to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; what comes back gets the headers."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SAFE)
            await send(message)

        await self._app(scope, receive, send_safely if scope["type"] == "http" else send)


def serve_pages(app: FastAPI, built: Path = BUILT) -> None:
    """Serve every page and its assets; a page that was not built says how to build it."""
    router = APIRouter(include_in_schema=False)

    def answer(file: Path) -> Response:
        if not file.is_file():
            return PlainTextResponse("The pages are not built yet: run `make setup`.\n", 503)
        return FileResponse(file, headers={"Cache-Control": "no-cache"})

    for address, name in PAGES.items():
        router.add_api_route(address, lambda file=built / name: answer(file), methods=["GET"])
    app.include_router(router)
    app.mount("/assets", StaticFiles(directory=built / "assets", check_dir=False), name="assets")
