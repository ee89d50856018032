"""The ground over HTTP: lists and single things of every layer, as of any moment, and a grid's history."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from gridsvc.access.guard import allowed
from gridsvc.core.browse import Layer, ListQuery, Page, answer_item, answer_list
from gridsvc.core.errors import NotFound
from gridsvc.core.http import Hot
from gridsvc.territory import layers, schemas
from gridsvc.territory.schemas import At

router = APIRouter(tags=["territory"], dependencies=[Depends(allowed("territory.read"))])

GRID_EVER = "select from grid where code = %(code)s"


@router.get("/divisions", responses={200: {"model": Page[schemas.Division]}})
async def list_divisions(database: Hot, request: Request, asked: Annotated[schemas.DivisionQuery, Query()]) -> Response:
    """List counties and streets (行政区划) by code."""
    return await answer_list(database, layers.DIVISIONS, asked, request.url)


@router.get("/divisions/{code}", responses={200: {"model": schemas.Division}})
async def read_division(database: Hot, code: str, at: At = None) -> Response:
    """Read one division as of a moment, with its geometry, where that is known."""
    return await answer_item(database, layers.DIVISIONS, code, at)


@router.get("/communities", responses={200: {"model": Page[schemas.Community]}})
async def list_communities(
    database: Hot, request: Request, asked: Annotated[schemas.CommunityQuery, Query()]
) -> Response:
    """List communities (社区) by code."""
    return await answer_list(database, layers.COMMUNITIES, asked, request.url)


@router.get("/communities/{code}", responses={200: {"model": schemas.Community}})
async def read_community(database: Hot, code: str, at: At = None) -> Response:
    """Read one community as of a moment."""
    return await answer_item(database, layers.COMMUNITIES, code, at)


@router.get("/grids", responses={200: {"model": Page[schemas.Grid]}})
async def list_grids(database: Hot, request: Request, asked: Annotated[schemas.GridQuery, Query()]) -> Response:
    """List grids (网格) by code, as of a moment."""
    return await answer_list(database, layers.GRIDS, asked, request.url)


@router.get("/grids/{code}/history", responses={200: {"model": Page[schemas.Version]}})
async def list_versions(database: Hot, request: Request, code: str, asked: Annotated[ListQuery, Query()]) -> Response:
    """List every version a grid has had, the newest first."""
    return await _answer_past(database, layers.HISTORY, request, code, asked)


@router.get("/grids/{code}/lineage", responses={200: {"model": Page[schemas.Descent]}})
async def list_lineage(database: Hot, request: Request, code: str, asked: Annotated[ListQuery, Query()]) -> Response:
    """List where a grid's ground came from and where it went, the newest first."""
    return await _answer_past(database, layers.LINEAGE, request, code, asked)


async def _answer_past(database: Hot, layer: Layer, request: Request, code: str, asked: ListQuery) -> Response:
    """Answer a page of what is known of a grid; raise NotFound for a code that was never given."""
    answer = await answer_list(database, layer, asked, request.url, grid=code)
    # Only where there is nothing to tell is it asked whether there is such a grid: one may be without lineage.
    if bytes(answer.body).startswith(b'{"items": []') and not await database.rows(GRID_EVER, {"code": code}):
        raise NotFound(f"There is no grid {code!r}.")
    return answer


@router.get("/buildings", responses={200: {"model": Page[schemas.Building]}})
async def list_buildings(database: Hot, request: Request, asked: Annotated[schemas.ThingQuery, Query()]) -> Response:
    """List buildings (楼栋) by code; `kind` is the use."""
    return await answer_list(database, layers.BUILDINGS, asked, request.url)


@router.get("/buildings/{code}", responses={200: {"model": schemas.Building}})
async def read_building(database: Hot, code: str, at: At = None) -> Response:
    """Read one building as of a moment."""
    return await answer_item(database, layers.BUILDINGS, code, at)


@router.get("/streets", responses={200: {"model": Page[schemas.Street]}})
async def list_streets(database: Hot, request: Request, asked: Annotated[schemas.ThingQuery, Query()]) -> Response:
    """List pieces of street by code; with a grid or community, those that touch it."""
    return await answer_list(database, layers.STREETS, asked, request.url)


@router.get("/streets/{code}", responses={200: {"model": schemas.Street}})
async def read_street(database: Hot, code: str, at: At = None) -> Response:
    """Read one piece of street as of a moment."""
    return await answer_item(database, layers.STREETS, code, at)


@router.get("/assets", responses={200: {"model": Page[schemas.Asset]}})
async def list_assets(database: Hot, request: Request, asked: Annotated[schemas.ThingQuery, Query()]) -> Response:
    """List public assets (部件) by code; `kind` is the class key."""
    return await answer_list(database, layers.ASSETS, asked, request.url)


@router.get("/assets/{code}", responses={200: {"model": schemas.Asset}})
async def read_asset(database: Hot, code: str, at: At = None) -> Response:
    """Read one asset as of a moment."""
    return await answer_item(database, layers.ASSETS, code, at)
