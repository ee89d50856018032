"""The pages: the built front end in, HTML and assets out."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

BUILT = Path(__file__).resolve().parent / "static"

PAGES = {"/": "index.html", "/docs": "docs.html", "/account": "account.html"}
"""Address of each page, and the file Vite builds for it."""


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
