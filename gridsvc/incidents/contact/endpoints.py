"""Contacts over HTTP: whether one was left, and what it is, for few roles and with a reason that is written down."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gridsvc.access.guard import Caller, allowed
from gridsvc.core.http import InTransaction
from gridsvc.core.settings import settings
from gridsvc.incidents.contact.keeping import State, look, reveal
from gridsvc.incidents.endpoints import key_of

router = APIRouter(tags=["incidents"])
MayReveal = Annotated[Caller, Depends(allowed("contact.reveal"))]


class Left(BaseModel):
    """Whether a contact is kept, and until when; no date while the incident is open."""

    state: State
    until: datetime | None


class Reason(BaseModel):
    """Why the contact is needed; it is written down with who asked."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=2, max_length=500),
        Field(description="Why, in a few words; who audits reads it"),
    ]


class Revealed(BaseModel):
    """A phone number or a mail address, only to call back about this report."""

    contact: str
    until: datetime | None


@router.get("/incidents/{incident}/contact")
def read_contact_state(session: InTransaction, caller: MayReveal, incident: str) -> Left:
    """Tell whether a contact was left and is still kept; what it is, is only revealed."""
    del caller
    found = look(session, key_of(incident), datetime.now(UTC), settings().contact_days)
    return Left(state=found.state, until=found.until if found.state == "kept" else None)


@router.post("/incidents/{incident}/contact/reveal")
def reveal_contact(
    session: InTransaction, response: Response, caller: MayReveal, incident: str, given: Reason
) -> Revealed:
    """Reveal the contact somebody left with a report. Every time it is written down: who, when and with what reason.

    404 where none was left, 410 where it has been deleted. An Idempotency-Key means nothing here: no answer is kept.
    """
    number = key_of(incident)
    found = look(session, number, datetime.now(UTC), settings().contact_days)
    contact = reveal(session, number, given.reason, actor=caller.username, found=found)
    response.headers["Cache-Control"] = "no-store"
    return Revealed(contact=contact, until=found.until)
