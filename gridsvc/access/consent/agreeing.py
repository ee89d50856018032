"""An account in; whether it has agreed to the notice in force out, and its yes or no written down.

Whoever takes positions asks `has_consent` first: a yes to an older notice is none to the one in force.
"""

import json
from functools import lru_cache

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from gridsvc.access.consent.tables import Consent
from gridsvc.core.errors import Conflict, NotFound
from gridsvc.core.events import record
from gridsvc.core.settings import shipped_data


class Wording(BaseModel):
    """The notice in one language."""

    title: str
    text: str


class Notice(BaseModel):
    """One version of the notice, in Chinese and English."""

    version: str
    zh: Wording
    en: Wording


@lru_cache(maxsize=1)
def notices() -> tuple[Notice, ...]:
    """Read every version of the notice, the one in force last."""
    written = (shipped_data() / "consent" / "notice.json").read_text(encoding="utf-8")
    return tuple(TypeAdapter(list[Notice]).validate_python(json.loads(written)))


def in_force() -> Notice:
    """Give the notice in force."""
    return notices()[-1]


def last_said(session: Session, account: int) -> Consent | None:
    """Give what an account said last; None when it never said anything."""
    return session.scalar(select(Consent).where(Consent.account == account).order_by(Consent.id.desc()).limit(1))


def has_consent(session: Session, account: int) -> bool:
    """Tell whether an account agrees to the notice in force."""
    return holds(last_said(session, account))


def holds(said: Consent | None) -> bool:
    """Decide whether what was said last is a yes to the notice in force; pure."""
    return said is not None and said.agreed and said.version == in_force().version


def agree(session: Session, account: int, version: str, *, actor: str) -> None:
    """Write down that somebody agrees; said twice it is written once.

    Raises Conflict for another version than the one in force: it is another text.
    """
    if version != in_force().version:
        raise Conflict(f"The notice in force is {in_force().version}; read that one and agree to it.")
    if not has_consent(session, account):
        _say(session, account, version, agreed=True)
        record(session, "consent.given", f"account:{account}", actor=actor, version=version)


def withdraw(session: Session, account: int, *, actor: str) -> None:
    """Write down that somebody does not agree any more; raises NotFound when there is nothing to withdraw."""
    said = last_said(session, account)
    if said is None or not said.agreed:
        raise NotFound("There is no consent to withdraw.")
    _say(session, account, said.version, agreed=False)
    record(session, "consent.withdrawn", f"account:{account}", actor=actor, version=said.version)


def _say(session: Session, account: int, version: str, *, agreed: bool) -> None:
    session.add(Consent(account=account, version=version, agreed=agreed))
    session.flush()
