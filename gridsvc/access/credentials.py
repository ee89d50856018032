"""Sign-ins and API tokens: an account in, a secret that is shown once out; listed, and ended one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from gridsvc.access.permissions import PERMISSIONS, may
from gridsvc.access.proof import factor
from gridsvc.access.proof.profiles import Profile
from gridsvc.access.proof.secrets import new_token, password_fits, token_hash
from gridsvc.access.tables import Account, Credential
from gridsvc.access.territory import prefixes_of
from gridsvc.core.errors import Invalid, NotFound, Unauthenticated
from gridsvc.core.events import record

TOKEN_DAYS = 365
WRONG = "The user name, the password or the code is wrong."
"""One sentence for every reason: nobody learns which names there are."""


class CodeNeeded(Unauthenticated):
    """The password was right, and the account has a second factor: a code is asked for."""

    def __init__(self) -> None:
        super().__init__("Enter the code of the second factor.", second_factor=True)


@dataclass(frozen=True)
class Visitor:
    """Where a sign-in comes from, for its owner to recognise it by."""

    address: str
    agent: str = ""


@dataclass(frozen=True)
class Given:
    """What somebody answers at the door."""

    username: str
    password: str
    code: str | None = None


def sign_in(session: Session, given: Given, visitor: Visitor, rules: Profile, hours: int) -> str:
    """Check a password (and code) and give the secret for the cookie.

    Raises Unauthenticated with the same sentence for every reason, and CodeNeeded when only the code is missing.
    """
    account = session.scalar(select(Account).where(Account.username == given.username, Account.disabled_at.is_(None)))
    if not password_fits(given.password, account.password_hash if account else None) or account is None:
        raise Unauthenticated(WRONG)
    now = datetime.now(UTC)
    if account.first_password_until is not None and account.first_password_until < now:
        raise Unauthenticated(WRONG)
    if account.totp_confirmed_at is not None:
        if not given.code:
            raise CodeNeeded
        if not factor.fits(session, account, given.code, now):
            raise Unauthenticated(WRONG)
    return open_session(session, account, visitor, rules, hours)


def open_session(
    session: Session, account: Account, visitor: Visitor, rules: Profile, hours: int, proof: str | None = None
) -> str:
    """Begin a sign-in for an account that has proved who it is; its secret is always a new one.

    `proof` is null for a password, and else says that the issuer proved it.
    """
    secret = new_token()
    session.add(
        Credential(
            hash=token_hash(secret),
            account=account.id,
            kind="session",
            expires_at=datetime.now(UTC) + min(timedelta(hours=hours), rules.longest),
            idle=rules.idle,
            address=visitor.address,
            agent=visitor.agent[:200],
            proof=proof,
        )
    )
    session.flush()
    told = {"by": proof} if proof else {}
    record(session, "account.signed_in", f"account:{account.id}", actor=account.username, **told)
    return secret


def renew_session(session: Session, account: Account, present: bytes, now: datetime) -> str:
    """Give a sign-in that has been proved again a new secret; the one before opens nothing, and its end stays the same.

    Raises Unauthenticated when it has ended meanwhile.
    """
    secret = new_token()
    key = session.execute(
        update(Credential)
        .where(Credential.hash == present, Credential.account == account.id, Credential.kind == "session")
        .values(hash=token_hash(secret), created_at=now, last_used_at=now)
        .returning(Credential.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    if key is None:
        raise Unauthenticated("Sign in, or send a valid token.")
    record(session, "session.renewed", f"account:{account.id}", actor=account.username, id=key)
    return secret


def sign_out(session: Session, secret: str) -> None:
    """End the sign-in that holds this secret; nothing happens when there is none."""
    session.execute(delete(Credential).where(Credential.hash == token_hash(secret), Credential.kind == "session"))


def issue_token(
    session: Session,
    account: Account,
    label: str,
    *,
    actor: str,
    days: int = TOKEN_DAYS,
    scopes: Sequence[str] | None = None,
    codes: Sequence[str] | None = None,
) -> str:
    """Issue an API token; it is shown this once and kept only as its hash.

    `scopes` limits it to some verbs of the account's role, `codes` to what of them lies in the account's territory at
    the time. Raises Invalid for a verb that the role has not, and for what is no territory.
    """
    if foreign := [verb for verb in scopes or () if verb not in PERMISSIONS or not may(account.role, verb)]:
        raise Invalid(f"The role {account.role} may not do {', '.join(foreign)}.")
    token = new_token()
    session.add(
        Credential(
            hash=token_hash(token),
            account=account.id,
            kind="token",
            label=label,
            scopes=list(scopes) if scopes is not None else None,
            territory=list(prefixes_of(codes)) if codes is not None else None,
            expires_at=datetime.now(UTC) + timedelta(days=days),
        )
    )
    session.flush()
    record(session, "token.issued", f"account:{account.id}", actor=actor, label=label, scopes=scopes, territory=codes)
    return token


def end_credential(session: Session, account: int, key: int, kind: str, *, actor: str) -> bytes:
    """End one sign-in or token of an account; answer its hash. Raises NotFound when the account has no such one."""
    gone = session.execute(
        delete(Credential)
        .where(Credential.id == key, Credential.account == account, Credential.kind == kind)
        .returning(Credential.hash)
    ).scalar()
    if gone is None:
        raise NotFound(f"There is no {kind} {key}.")
    record(session, f"{kind}.ended", f"account:{account}", actor=actor, id=key)
    return gone


def end_others(session: Session, account: int, keep: bytes, *, actor: str) -> int:
    """End every sign-in of an account but one; answer how many."""
    gone = session.execute(
        delete(Credential)
        .where(Credential.account == account, Credential.kind == "session", Credential.hash != keep)
        .returning(Credential.id)
    ).all()
    if gone:
        record(session, "session.ended", f"account:{account}", actor=actor, ids=[row.id for row in gone])
    return len(gone)


def held_by(session: Session, account: int, kind: str) -> list[Credential]:
    """List the sign-ins or tokens of an account that hold, the one used last first."""
    return list(
        session.scalars(
            select(Credential)
            .where(Credential.account == account, Credential.kind == kind, Credential.expires_at > datetime.now(UTC))
            .order_by(Credential.last_used_at.desc(), Credential.id)
        )
    )
