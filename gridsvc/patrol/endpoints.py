"""The planned walks over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from gridsvc.access.guard import allowed
from gridsvc.core.browse import Page, answer_item, answer_list
from gridsvc.core.http import Hot
from gridsvc.patrol import layers, schemas
from gridsvc.territory.schemas import At

router = APIRouter(tags=["patrol"], dependencies=[Depends(allowed("patrol.read"))])


@router.get("/routes", responses={200: {"model": Page[schemas.Route]}})
async def list_routes(database: Hot, request: Request, asked: Annotated[schemas.RouteQuery, Query()]) -> Response:
    """List patrol routes (巡查路线) by id."""
    return await answer_list(database, layers.ROUTES, asked, request.url)


@router.get("/routes/{route}", responses={200: {"model": schemas.Route}})
async def read_route(database: Hot, route: str, at: At = None) -> Response:
    """Read one route with its checkpoints, its line, and who walks it at a moment."""
    return await answer_item(database, layers.ROUTES, route, at)
