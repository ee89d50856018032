"""The calendar over HTTP: read with its ETag, changed as a whole by an administrator."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from gridsvc.access.guard import Caller, allowed, allowed_everywhere
from gridsvc.core.http import IfMatch, InTransaction, etag, require_match
from gridsvc.incidents.calendar import schemas
from gridsvc.incidents.calendar.keeping import current_version, read_calendar
from gridsvc.incidents.calendar.moving import change_calendar, moves

router = APIRouter(tags=["incidents"])
SHOWN = 1000


@router.get("/calendar", dependencies=[Depends(allowed("incident.read"))])
def read(session: InTransaction, response: Response) -> schemas.Calendar:
    """Read when the office works: holidays, make-up working days, office hours by season, and until when that is known."""
    response.headers["ETag"] = etag(current_version(session))
    return read_calendar(session)


@router.put("/calendar")
def change(
    session: InTransaction,
    response: Response,
    caller: Annotated[Caller, Depends(allowed_everywhere("calendar.change"))],
    given: schemas.CalendarGiven,
    if_match: IfMatch = None,
) -> schemas.Calendar:
    """Put another calendar in place of the one that is; needs the ETag of that in If-Match.

    Open incidents that fall due otherwise by it are moved, each with an event; ask for a preview first.
    """
    require_match(if_match, current_version(session), "the calendar")
    change_calendar(session, given, actor=caller.username)
    response.headers["ETag"] = etag(current_version(session))
    return read_calendar(session)


@router.post("/calendar/preview", dependencies=[Depends(allowed_everywhere("calendar.change"))])
def preview(session: InTransaction, given: schemas.CalendarGiven) -> schemas.Moves:
    """Tell which open incidents a calendar would move, and by how much; nothing is changed."""
    found = [one.told() for one in moves(session, given)]
    return schemas.Moves.model_validate({"moved": len(found), "items": found[:SHOWN]})
