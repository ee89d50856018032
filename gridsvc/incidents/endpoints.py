"""Incidents over HTTP: lists, single incidents with their log, clocks and reasons, the report that makes one, and actions."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from gridsvc.access.guard import Caller, allowed
from gridsvc.core.browse import Page, answer_list
from gridsvc.core.db import seeing_everything
from gridsvc.core.errors import Invalid, NotFound
from gridsvc.core.geo import snap_numbers
from gridsvc.core.http import Hot, IfMatch, InTransaction, etag
from gridsvc.core.idempotency import Sent, once
from gridsvc.core.settings import settings
from gridsvc.incidents import layers, schemas, telling
from gridsvc.incidents.actions import Moment, act, actor_of, read
from gridsvc.incidents.calendar.keeping import work_calendar
from gridsvc.incidents.intake.duplicates import ASKED
from gridsvc.incidents.intake.report import Reporter, read_incident, report
from gridsvc.incidents.journal import Kept
from gridsvc.incidents.reasons import RETURNS
from gridsvc.incidents.workflow import allowed_next

router = APIRouter(tags=["incidents"])
READ = [Depends(allowed("incident.read"))]
Key = Annotated[str | None, Header(alias="Idempotency-Key", description="A UUIDv7 made on the device")]
Lon = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)]
Lat = Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)]


@router.get("/incidents", responses={200: {"model": Page[schemas.Incident]}}, dependencies=READ)
async def list_incidents(database: Hot, request: Request, asked: Annotated[schemas.IncidentQuery, Query()]) -> Response:
    """List incidents (事件), newest first."""
    return await answer_list(database, layers.INCIDENTS, asked, request.url)


@router.get(
    "/incidents/duplicates",
    responses={200: {"model": schemas.Duplicates}},
    dependencies=READ,
)
async def find_duplicates(
    database: Hot,
    lon: Lon,
    lat: Lat,
    class_: Annotated[str, Query(alias="class", max_length=100)],
    asset: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Find open incidents of a class near a place, or of the same asset, before reporting another one."""
    lon, lat = (float(number) for number in snap_numbers([lon, lat]))
    since = datetime.now(UTC) - timedelta(days=settings().duplicate_days)
    given = {"lon": lon, "lat": lat, "class": class_, "asset": asset, "since": since}
    rows = await database.rows(ASKED.encode(), given)
    if not rows:
        raise Invalid(f"The catalogue has no class {class_!r}.")
    return Response(f'{{"items": {rows[0][0]}}}'.encode(), media_type="application/json")


@router.get("/incidents/reasons", dependencies=READ)
def list_reasons() -> schemas.Reasons:
    """List the codes with which an incident is sent back (回退)."""
    told = [schemas.Reason(code=code, name=name, name_en=name_en) for code, (name, name_en) in RETURNS.items()]
    return schemas.Reasons(returns=told)


@router.get("/incidents/{incident}", responses={200: {"model": schemas.OneIncident}})
def read_one(
    session: InTransaction, caller: Annotated[Caller, Depends(allowed("incident.read"))], incident: str
) -> Response:
    """Read one incident, with its ETag and what the caller may do next (`actions`)."""
    kept = read(session, key_of(incident))
    return _answer(_shown(session, kept, caller), kept)


@router.get("/incidents/{incident}/log", response_model_exclude_defaults=True, dependencies=READ)
def read_log(session: InTransaction, incident: str) -> schemas.Log:
    """Read the log of an incident: every step, by whom, when and with what reason; it is only ever added to."""
    kept = read(session, key_of(incident))
    lines = [telling.line(number, step) for number, step in enumerate(kept.log, 1)]
    return schemas.Log.model_validate({"items": lines})


@router.get("/incidents/{incident}/clocks", dependencies=READ)
def read_clocks(session: InTransaction, incident: str) -> dict[str, Any]:
    """Read what the total clock and that of the stage say, with every pause and what it counted."""
    kept = read(session, key_of(incident))
    return telling.clocks(kept, work_calendar(session), settings(), datetime.now(UTC))


@router.get("/incidents/{incident}/why", dependencies=READ)
def read_why(session: InTransaction, incident: str) -> dict[str, Any]:
    """Read why it went to whom: the stored reasons of the first choice, and every step that sent it on."""
    kept = read(session, key_of(incident))
    return telling.why(read_incident(session, kept.id)["why"], kept)


@router.post("/incidents", status_code=201, responses={201: {"model": schemas.Reported}})
def report_incident(
    session: InTransaction,
    caller: Annotated[Caller, Depends(allowed("incident.report"))],
    given: schemas.Report,
    key: Key = None,
) -> Response:
    """Report an incident: located, linked to its grid version and responsible worker, clocked, and told to everybody.

    Sent again with the same key it answers the same incident and makes no second one.
    """
    sent = Sent(caller.username, key, "POST /incidents", given, given.contact)
    by = Reporter(caller, datetime.now(UTC), settings())
    status, incident = once(session, sent, lambda: (201, report(session, given, by)))
    headers = {"Location": f"/api/v1/incidents/{incident['id']}", "ETag": etag(incident["version"])}
    return JSONResponse(incident, status, headers=headers)


@router.post("/incidents/{incident}/actions", responses={200: {"model": schemas.OneIncident}})
def act_on_incident(
    session: InTransaction,
    caller: Annotated[Caller, Depends(allowed("incident.act"))],
    incident: str,
    given: schemas.Action,
    if_match: IfMatch = None,
    key: Key = None,
) -> Response:
    """Do something with an incident; which actions are open to the caller is in its `actions`.

    Needs its ETag in If-Match: 428 without, 412 when somebody was quicker.
    """
    number = key_of(incident)
    moment = Moment(datetime.now(UTC), settings())

    def do() -> tuple[int, Any]:
        return 200, _shown(session, act(session, number, given, caller, moment, if_match), caller)

    status, shown = once(session, Sent(caller.username, key, f"POST /incidents/{number}/actions", given), do)
    return JSONResponse(shown, status, headers={"ETag": etag(shown["version"])})


def key_of(incident: str) -> int:
    """Read the key of an incident; raises NotFound for what is none."""
    if not incident.isdecimal() or not incident.isascii() or len(incident) > 18:
        raise NotFound(f"There is no incident {incident[:80]!r}.")
    return int(incident)


def _shown(session: Session, kept: Kept, caller: Caller) -> dict[str, Any]:
    actions = allowed_next(kept.case, actor_of(session, caller), datetime.now(UTC))
    shown = read_incident(session, kept.id)
    if not shown:
        # What was done has handed it out of sight: who did it is told of it this once, and not of what lies near it there.
        with seeing_everything(session):
            shown = read_incident(session, kept.id)
        shown["why"].pop("duplicates", None)
    return {**shown, "actions": actions}


def _answer(shown: dict[str, Any], kept: Kept) -> Response:
    return JSONResponse(shown, headers={"ETag": etag(kept.version)})
