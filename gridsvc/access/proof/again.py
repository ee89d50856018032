"""Proof given once more before something that matters: a sign-in in, a refusal that names what will do, or nothing.

A cookie that was taken, or a screen that was left open, is older than its owner's last proof.
"""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.orm import Session

from gridsvc.access.proof import factor
from gridsvc.access.proof.secrets import password_fits
from gridsvc.access.tables import Account, Credential
from gridsvc.core.errors import Forbidden, Unauthenticated

FRESH = timedelta(minutes=10)
"""So long after it was given a proof still counts."""
WRONG = "The password or the code is wrong."
Way = Literal["password", "code", "issuer"]


def refuse_stale(present: Credential | None, account: Account, now: datetime) -> None:
    """Raise Forbidden, with the `proof` that will do, when the present sign-in was proved more than ten minutes ago."""
    if present is None or now - present.created_at >= FRESH:
        raise Forbidden("Prove again who you are: you did so more than 10 minutes ago.", proof=ways_of(account))


def ways_of(account: Account) -> list[Way]:
    """Say by what an account proves itself again: what it has here, and by the issuer when it has no password."""
    ways: list[Way] = ["issuer"] if account.password_hash is None else ["password"]
    return [*ways, "code"] if account.totp_confirmed_at is not None else ways


def check(session: Session, account: Account, password: str | None, code: str | None, now: datetime) -> None:
    """Check what is given again, a password or a code or both; raises Unauthenticated when one is wrong, or none given."""
    fits = password is not None or code is not None
    if password is not None:
        fits = password_fits(password, account.password_hash)
    if fits and code is not None:
        fits = account.totp_confirmed_at is not None and factor.fits(session, account, code, now)
    if not fits:
        raise Unauthenticated(WRONG)
