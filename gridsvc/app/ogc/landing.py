"""The way in: landing page, conformance and the API's definition, as JSON and as pages."""

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse

from gridsvc.access.guard import CallerNow, settle
from gridsvc.app.ogc import pages
from gridsvc.app.ogc.asking import read_parameters
from gridsvc.app.ogc.collections import open_to
from gridsvc.app.ogc.conformance import CLASSES, HTML, JSON, OF_THE_SERVICE, OPENAPI
from gridsvc.app.ogc.definition import definition
from gridsvc.app.ogc.links import link, root_of, table
from gridsvc.app.ogc.negotiation import PAGES, form_of, language_of, refuse_long_query
from gridsvc.core.errors import NotFound
from gridsvc.core.http import answer_json

router = APIRouter(
    prefix="/ogc",
    include_in_schema=False,
    route_class=pages.PageRoute,
    dependencies=[Depends(refuse_long_query), Depends(settle)],
)
assets = APIRouter(prefix="/ogc", include_in_schema=False)


@router.get("")
@router.get("/")
async def read_landing(request: Request) -> Response:
    """Say what this is and where everything is."""
    read_parameters(request.query_params.multi_items(), {"f", "lang"})
    root = root_of(request)
    form = form_of(request, PAGES)
    body = {
        "title": "gridsvc 网格图",
        "description": "Community grid management (网格化): places, work and events; never dossiers on people",
        "links": [
            link(f"{root}/", "self" if form == "json" else "alternate", JSON, "This page as JSON"),
            link(f"{root}/?f=html", "alternate" if form == "json" else "self", HTML, "This page for people"),
            *table(root, OF_THE_SERVICE),
        ],
    }
    if form == "html":
        return pages.landing_page(body, language_of(request))
    return answer_json(body)


@router.get("/conformance")
async def read_conformance(request: Request) -> Response:
    """List the conformance classes."""
    read_parameters(request.query_params.multi_items(), {"f", "lang"})
    body = {"conformsTo": CLASSES}
    if form_of(request, PAGES) == "html":
        return pages.conformance_page(body, root_of(request), language_of(request))
    return answer_json(body)


@router.get("/api")
async def read_definition(request: Request, caller: CallerNow) -> Response:
    """Define this API in OpenAPI 3.0."""
    read_parameters(request.query_params.multi_items(), {"f", "lang"})
    body = definition(open_to(caller), root_of(request))
    if form_of(request, PAGES) == "html":
        return pages.definition_page(body, root_of(request), language_of(request))
    return answer_json(body, OPENAPI)


@assets.get("/assets/{name}")
async def read_asset(name: str) -> Response:
    """Give a script or a style of the pages; they hold nothing of the town."""
    if (file := pages.ASSETS.get(name)) is None or not file.is_file():
        raise NotFound(f"There is no file {name[:60]!r}.")
    return FileResponse(file, headers={"Cache-Control": "no-cache"})
