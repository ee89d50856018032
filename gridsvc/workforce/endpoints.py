"""The people on duty over HTTP: workers, posts, and who I am."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from gridsvc.access.guard import Caller, CallerNow, allowed
from gridsvc.access.permissions import verbs_of
from gridsvc.access.territory import shown
from gridsvc.core.browse import Layer, Page, answer_item, answer_list, item_sql
from gridsvc.core.errors import NotFound
from gridsvc.core.http import Hot
from gridsvc.core.settings import settings
from gridsvc.territory.schemas import At
from gridsvc.workforce import layers, schemas

router = APIRouter(tags=["workforce"], dependencies=[Depends(allowed("workforce.read"))])


@router.get("/workers", responses={200: {"model": Page[schemas.Worker]}})
async def list_workers(
    database: Hot, request: Request, caller: CallerNow, asked: Annotated[schemas.WorkerQuery, Query()]
) -> Response:
    """List workers (网格员) by staff number, with the posts of a moment; phones are masked but for who calls workers."""
    return await answer_list(database, _for(caller), asked, request.url)


@router.get("/workers/{worker}", responses={200: {"model": schemas.Worker}})
async def read_worker(database: Hot, caller: CallerNow, worker: str, at: At = None) -> Response:
    """Read one worker, with the posts of a moment."""
    return await answer_item(database, _for(caller), worker, at)


def _for(caller: Caller) -> Layer:
    return layers.WITH_PHONE if caller.may("worker.phone") else layers.WORKERS


@router.get("/posts", responses={200: {"model": Page[schemas.Post]}})
async def list_posts(database: Hot, request: Request, asked: Annotated[schemas.PostQuery, Query()]) -> Response:
    """List the posts that hold at a moment, newest first."""
    return await answer_list(database, layers.POSTS, asked, request.url)


@router.get("/posts/{post}", responses={200: {"model": schemas.Post}})
async def read_post(database: Hot, post: int, at: At = None) -> Response:
    """Read one post that holds at a moment; now, when none is named."""
    if not 0 <= post < 2**63:
        raise NotFound(f"There is no post {post}.")
    return await answer_item(database, layers.POSTS, post, at)


@router.get("/me", responses={200: {"model": schemas.Me}})
async def read_me(database: Hot, caller: CallerNow) -> Response:
    """Tell who is signed in, what they may do, and which worker they are."""
    mine = replace(layers.WORKERS, key="w.account")
    rows = await database.rows(item_sql(mine).encode(), {"key": caller.account, "at": datetime.now(UTC)})
    me = {
        "username": caller.username,
        "role": caller.role,
        "permissions": [verb for verb in verbs_of(caller.role) if caller.may(verb)],
        "territory": shown(caller.territory),
        "worker": json.loads(rows[0][0]) if rows else None,
        "timezone": settings().timezone,
        "has_factor": caller.has_factor,
    }
    return Response(json.dumps(me, ensure_ascii=False).encode(), media_type="application/json")
