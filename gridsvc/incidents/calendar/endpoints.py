"""The calendar over HTTP: read with its ETag, changed as a whole by an administrator."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from gridsvc.access.guard import Caller, allowed
from gridsvc.core.http import IfMatch, InTransaction, etag, require_match
from gridsvc.incidents.calendar import schemas
from gridsvc.incidents.calendar.keeping import current_version, read_calendar, write_calendar

router = APIRouter(tags=["incidents"])


@router.get("/calendar", dependencies=[Depends(allowed("incident.read"))])
def read(session: InTransaction, response: Response) -> schemas.Calendar:
    """Read when the office works: holidays, make-up working days, office hours by season, and until when that is known."""
    response.headers["ETag"] = etag(current_version(session))
    return read_calendar(session)


@router.put("/calendar")
def change(
    session: InTransaction,
    response: Response,
    caller: Annotated[Caller, Depends(allowed("calendar.change"))],
    given: schemas.CalendarGiven,
    if_match: IfMatch = None,
) -> schemas.Calendar:
    """Put another calendar in place of the one that is; needs the ETag of that in If-Match."""
    require_match(if_match, current_version(session), "the calendar")
    write_calendar(session, given, actor=caller.username)
    response.headers["ETag"] = etag(current_version(session))
    return read_calendar(session)
