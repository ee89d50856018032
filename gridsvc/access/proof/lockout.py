"""Wrong answers at the door in, whether a name or an address has to wait out; the same for names that do not exist."""

import hashlib
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gridsvc.access.proof.profiles import Profile
from gridsvc.access.tables import SignInFailure
from gridsvc.core.errors import TooMany


def refuse_locked(session: Session, username: str, address: str, profile: Profile, now: datetime) -> None:
    """Raise TooMany while a name or an address has answered wrongly too often; nothing about the name is told."""
    since = now - profile.window
    for subject, most in (
        (of_name(username), profile.failures),
        (of_address(address), profile.failures_of_address),
    ):
        times = session.scalars(
            select(SignInFailure.at)
            .where(SignInFailure.subject == subject, SignInFailure.at > since)
            .order_by(SignInFailure.at.desc())
            .limit(most)
        ).all()
        if len(times) == most:
            wait_s = max(1, int((times[-1] + profile.window - now).total_seconds()) + 1)
            raise TooMany("Too many wrong answers; try again later.", retry_after_s=wait_s)


def note_failure(session: Session, username: str, address: str, now: datetime, profile: Profile) -> None:
    """Note a wrong answer, in a transaction of its own that lasts; what is too old to count is swept out."""
    session.execute(delete(SignInFailure).where(SignInFailure.at < now - profile.window))
    session.add_all(SignInFailure(subject=subject, at=now) for subject in (of_name(username), of_address(address)))


def forget_failures(session: Session, username: str) -> None:
    """Start to count anew for a name that has answered right; its address still counts."""
    session.execute(delete(SignInFailure).where(SignInFailure.subject == of_name(username)))


def failures_noted(session: Session) -> int:
    """Count what is noted."""
    return session.scalar(select(func.count()).select_from(SignInFailure)) or 0


def of_name(username: str) -> bytes:
    """Name a user name without keeping it: somebody may have typed the password there."""
    return hashlib.sha256(f"name {username.strip().casefold()}".encode("utf-8", "surrogatepass")).digest()


def of_address(address: str) -> bytes:
    """Name a network address without keeping it."""
    return hashlib.sha256(f"address {address}".encode()).digest()
