"""Who is who: an account and a subject of the issuer in, linked or parted; only an administrator does that."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gridsvc.access.issuer.tables import Identity
from gridsvc.access.tables import Account, Credential
from gridsvc.core.errors import Conflict, Invalid, NotFound
from gridsvc.core.events import record


def link(session: Session, account: Account, issuer: str, subject: str, *, actor: str) -> Identity:
    """Say who an account is at an issuer; another subject takes the place of the one before.

    Raises Invalid for what is no subject, Conflict for one that is somebody else's.
    """
    if not 0 < len(subject) <= 255 or subject != subject.strip() or not subject.isprintable():
        raise Invalid("A subject is 1 to 255 characters, as the issuer writes it.")
    present = identity_of(session, account.id, issuer)
    if present is not None and present.subject == subject:
        return present
    if session.get(Identity, (issuer, subject)) is not None:
        raise Conflict("This subject is linked to an account already.")
    if present is not None:
        unlink(session, account, issuer, actor=actor)
    made = Identity(issuer=issuer, subject=subject, account=account.id)
    session.add(made)
    session.flush()
    session.refresh(made)
    record(session, "identity.linked", f"account:{account.id}", actor=actor, issuer=issuer)
    return made


def unlink(session: Session, account: Account, issuer: str, *, actor: str) -> None:
    """Part an account from its subject, and end the sign-ins that came by it; raises NotFound when it has none."""
    present = identity_of(session, account.id, issuer)
    if present is None:
        raise NotFound(f"Account {account.id} is linked to nobody.")
    session.delete(present)
    session.execute(delete(Credential).where(Credential.account == account.id, Credential.proof.is_not(None)))
    session.flush()
    record(session, "identity.unlinked", f"account:{account.id}", actor=actor, issuer=issuer)


def identity_of(session: Session, account: int, issuer: str) -> Identity | None:
    """Find who an account is at an issuer; None when it is linked to nobody."""
    return session.scalar(select(Identity).where(Identity.account == account, Identity.issuer == issuer))
