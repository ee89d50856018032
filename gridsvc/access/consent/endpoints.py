"""The notice over HTTP: read it, agree to it, see what one said, withdraw."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gridsvc.access.consent import agreeing
from gridsvc.access.guard import CallerNow
from gridsvc.access.schemas import Asked
from gridsvc.core.http import InTransaction

router = APIRouter(tags=["access"])


class Agreed(Asked):
    """A yes to one version of the notice."""

    version: Annotated[str, Field(min_length=1, max_length=100)]


class OwnConsent(BaseModel):
    """What one said last; `holds`: it is a yes to the notice in force."""

    holds: bool
    agreed: bool
    version: str | None
    at: datetime | None


@router.get("/consent")
def read_notice(caller: CallerNow) -> agreeing.Notice:
    """Read the notice in force before one's position is taken, in Chinese and English."""
    del caller
    return agreeing.in_force()


@router.get("/me/consent")
def read_own_consent(session: InTransaction, caller: CallerNow) -> OwnConsent:
    """Read what one said to the notice."""
    said = agreeing.last_said(session, caller.account)
    if said is None:
        return OwnConsent(holds=False, agreed=False, version=None, at=None)
    return OwnConsent(holds=agreeing.holds(said), agreed=said.agreed, version=said.version, at=said.at)


@router.post("/me/consent")
def give_consent(session: InTransaction, caller: CallerNow, given: Agreed) -> OwnConsent:
    """Agree to the notice in force, by its version; 409 for another one. Without it no position is taken."""
    agreeing.agree(session, caller.account, given.version, actor=caller.username)
    return read_own_consent(session, caller)


@router.delete("/me/consent", status_code=204)
def withdraw_consent(session: InTransaction, caller: CallerNow) -> None:
    """Withdraw: from now on no position is taken. 404 when one has not agreed."""
    agreeing.withdraw(session, caller.account, actor=caller.username)
