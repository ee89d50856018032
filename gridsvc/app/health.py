"""Health over HTTP: is the process there, and can it serve; the only endpoints without a door."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from gridsvc.core.http import Hot
from gridsvc.core.jobs.worker import ALIVE_S

router = APIRouter(tags=["health"])

STATE = """
    select (select count(*) from procrastinate_workers where last_heartbeat > now() - make_interval(secs => %(seconds)s)),
        array(select distinct derived from derive_due order by 1)"""


@router.get("/healthz", response_class=Response)
async def alive() -> Response:
    """Answer 200 while the process runs."""
    return Response("ok\n", media_type="text/plain")


@router.get("/readyz")
async def ready(database: Hot) -> JSONResponse:
    """Answer 200 when the database does; a database that is away answers 503.

    Also tells how many job workers live, and what catches up with a large change: `drawn` (tiles), `search`, `written`
    (features, which are right meanwhile, and slower).
    """
    ((workers, catching_up),) = await database.rows(STATE, {"seconds": ALIVE_S})
    return JSONResponse({"ready": True, "workers": workers, "catching_up": catching_up})
