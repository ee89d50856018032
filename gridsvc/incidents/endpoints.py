"""Incidents over HTTP: lists and single incidents, and the report that makes one."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from gridsvc.access.guard import Caller, allowed
from gridsvc.core.browse import Page, answer_item, answer_list
from gridsvc.core.errors import NotFound
from gridsvc.core.http import Hot, InTransaction
from gridsvc.core.idempotency import Sent, once
from gridsvc.incidents import layers, schemas
from gridsvc.incidents.intake import report

router = APIRouter(tags=["incidents"], dependencies=[Depends(allowed("incident.read"))])


@router.get("/incidents", responses={200: {"model": Page[schemas.Incident]}})
async def list_incidents(database: Hot, request: Request, asked: Annotated[schemas.IncidentQuery, Query()]) -> Response:
    """List incidents (事件), newest first."""
    return await answer_list(database, layers.INCIDENTS, asked, request.url)


@router.get("/incidents/{incident}", responses={200: {"model": schemas.Incident}})
async def read_incident(database: Hot, incident: str) -> Response:
    """Read one incident."""
    if not incident.isdecimal() or len(incident) > 18:
        raise NotFound(f"There is no incident {incident!r}.")
    return await answer_item(database, layers.INCIDENTS, int(incident))


@router.post("/incidents", status_code=201, responses={201: {"model": schemas.Incident}})
def report_incident(
    session: InTransaction,
    caller: Annotated[Caller, Depends(allowed("incident.report"))],
    given: schemas.Report,
    key: Annotated[str | None, Header(alias="Idempotency-Key", description="A UUIDv7 made on the device")] = None,
) -> Response:
    """Report an incident: located, linked to its grid version and responsible worker, and told to everybody.

    Sent again with the same key it answers the same incident and makes no second one.
    """
    sent = Sent(caller.username, key, "POST /incidents", given)
    status, incident = once(
        session, sent, lambda: (201, report(session, given, actor=caller.username, now=datetime.now(UTC)))
    )
    return JSONResponse(incident, status, headers={"Location": f"/api/v1/incidents/{incident['id']}"})
