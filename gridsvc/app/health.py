"""Health over HTTP: is the process there, and can it serve; the only endpoints without a door."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from gridsvc.core.http import Hot

router = APIRouter(tags=["health"])


@router.get("/healthz", response_class=Response)
async def alive() -> Response:
    """Answer 200 while the process runs."""
    return Response("ok\n", media_type="text/plain")


@router.get("/readyz")
async def ready(database: Hot) -> JSONResponse:
    """Answer 200 when the database does; a database that is away answers 503 (see core.http)."""
    await database.rows("select 1 from alembic_version", {})
    return JSONResponse({"ready": True})
