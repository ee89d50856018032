"""The audit over HTTP: who did what to which thing, newest first, for those who may read it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from gridsvc.access.guard import Caller, allowed
from gridsvc.core.browse import Layer, ListQuery, Page, answer_list
from gridsvc.core.http import Hot, Moment

router = APIRouter(tags=["access"])

AUDIT = Layer(
    name="audit",
    one="event",
    source="event e left join event_seal s on s.event = e.id",
    key="e.id",
    fields={
        "id": "e.id::text",
        "at": "e.at",
        "actor": "e.actor",
        "kind": "e.kind",
        "subject": "e.subject",
        "community": "e.community",
        "grid": "e.grid",
        "facts": "e.facts",
        "seal": "encode(s.hash, 'hex')",
    },
    filters={
        "actor": "e.actor = %(actor)s",
        "kind": "e.kind = %(kind)s",
        "subject": "e.subject = %(subject)s",
        "community": "e.community = %(community)s",
        "grid": "e.grid = %(grid)s",
        "from": "e.at >= %(from)s",
        "to": "e.at < %(to)s",
    },
    newest_first=True,
)

Named = Annotated[str | None, Query(min_length=1, max_length=200)]


class AuditQuery(ListQuery):
    """Which events."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    actor: Named = None
    kind: Named = None
    subject: Annotated[str | None, Query(min_length=1, max_length=200, description="As incident:17, account:3")] = None
    community: Named = None
    grid: Named = None
    from_: Annotated[Moment | None, Query(alias="from", description="What happened from then")] = None
    to: Annotated[Moment | None, Query(description="What happened before then")] = None


class Audited(BaseModel):
    """One event; `seal` is its hash in the chain, null for the moment until it is sealed."""

    id: str
    at: datetime
    actor: str
    kind: str
    subject: str
    community: str | None
    grid: str | None
    facts: dict[str, Any]
    seal: str | None


@router.get("/audit", responses={200: {"model": Page[Audited]}})
async def list_audit(
    database: Hot,
    request: Request,
    caller: Annotated[Caller, Depends(allowed("audit.read"))],
    asked: Annotated[AuditQuery, Query()],
) -> Response:
    """List what was done, newest first."""
    del caller
    return await answer_list(database, AUDIT, asked, request.url)
