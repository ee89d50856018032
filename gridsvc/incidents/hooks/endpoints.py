"""Webhooks over HTTP, for administrators: where what is told goes, and how that went."""

import secrets
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select

from gridsvc.access.guard import Caller, allowed_everywhere
from gridsvc.core.errors import NotFound
from gridsvc.core.events import record
from gridsvc.core.http import InTransaction
from gridsvc.core.sealing import seal
from gridsvc.core.settings import settings
from gridsvc.incidents.hooks.delivering import target_of
from gridsvc.incidents.tables import Webhook, WebhookDelivery

Manager = Annotated[Caller, Depends(allowed_everywhere("webhook.manage"))]
router = APIRouter(tags=["incidents"])
SHOWN = 200


class NewWebhook(BaseModel):
    """Where to, and which kinds of events (`incident.closed`; none: all of incidents)."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=500)]
    kinds: Annotated[list[Annotated[str, Field(pattern=r"^incident\.[a-z_]{1,40}$")]], Field(max_length=50)] = []


class Hook(BaseModel):
    """A webhook."""

    id: int
    url: str
    kinds: list[str]
    created_by: str
    created_at: datetime


class MadeHook(Hook):
    """A webhook that was just made, with the secret its signatures are checked by; it is shown this once."""

    secret: str


class Hooks(BaseModel):
    """All webhooks."""

    items: list[Hook]


class Delivery(BaseModel):
    """One event on its way to a webhook; `error` and `next_at` after a failure, `done_at` when it is over."""

    id: int
    event: int
    attempts: int
    next_at: datetime
    done_at: datetime | None
    error: str | None


class Deliveries(BaseModel):
    """The latest deliveries of a webhook."""

    items: list[Delivery]


@router.get("/webhooks", dependencies=[Depends(allowed_everywhere("webhook.manage"))])
def list_webhooks(session: InTransaction) -> Hooks:
    """List the webhooks; secrets are never shown again."""
    rows = session.scalars(select(Webhook).order_by(Webhook.id))
    return Hooks(items=[Hook.model_validate(one, from_attributes=True) for one in rows])


@router.post("/webhooks", status_code=201)
def make_webhook(session: InTransaction, caller: Manager, given: NewWebhook) -> MadeHook:
    """Have events of incidents told to another system; its host must be on the office's list."""
    target_of(given.url, settings().webhook_hosts)
    secret = secrets.token_urlsafe(32)
    made = Webhook(
        url=given.url,
        kinds=given.kinds,
        secret=seal(secret.encode(), f"webhook {given.url}"),
        created_by=caller.username,
    )
    session.add(made)
    session.flush()
    session.refresh(made)
    record(session, "webhook.made", f"webhook:{made.id}", actor=caller.username, url=given.url, kinds=given.kinds)
    shown = Hook.model_validate(made, from_attributes=True)
    return MadeHook(**shown.model_dump(), secret=secret)


@router.delete("/webhooks/{webhook}", status_code=204)
def end_webhook(session: InTransaction, caller: Manager, webhook: int) -> None:
    """End a webhook; what still waited for it is not told."""
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook == webhook))
    if session.execute(delete(Webhook).where(Webhook.id == webhook).returning(Webhook.id)).first() is None:
        raise NotFound(f"There is no webhook {webhook}.")
    record(session, "webhook.ended", f"webhook:{webhook}", actor=caller.username)


@router.get("/webhooks/{webhook}/deliveries", dependencies=[Depends(allowed_everywhere("webhook.manage"))])
def list_deliveries(session: InTransaction, webhook: int) -> Deliveries:
    """List the latest deliveries of a webhook, the newest first, with what went wrong."""
    rows = session.scalars(
        select(WebhookDelivery)
        .where(WebhookDelivery.webhook == webhook)
        .order_by(WebhookDelivery.id.desc())
        .limit(SHOWN)
    )
    return Deliveries(items=[Delivery.model_validate(one, from_attributes=True) for one in rows])
