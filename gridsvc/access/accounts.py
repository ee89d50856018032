"""Accounts and what they hold: people in, accounts, tokens and sign-ins out."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gridsvc.access.permissions import ROLES
from gridsvc.access.secrets import new_token, password_fits, password_hash, token_hash
from gridsvc.access.tables import Account, Credential
from gridsvc.core.errors import Conflict, Invalid, Unauthenticated
from gridsvc.core.events import record

TOKEN_DAYS = 365
SHORTEST_PASSWORD = 12


def add_account(session: Session, username: str, role: str, password: str | None, *, actor: str) -> Account:
    """Make an account; raise Invalid for an unknown role or short password, Conflict for a name that is taken."""
    if not username.strip() or len(username) > 100:
        raise Invalid("A user name needs 1 to 100 characters.")
    if role not in ROLES:
        raise Invalid(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise Invalid(f"A password needs at least {SHORTEST_PASSWORD} characters.")
    if session.scalar(select(Account.id).where(Account.username == username)):
        raise Conflict(f"The user name {username!r} is taken.")
    account = Account(username=username, role=role, password_hash=password and password_hash(password))
    session.add(account)
    session.flush()
    record(session, "account.created", f"account:{account.id}", actor=actor, username=username, role=role)
    return account


def issue_token(session: Session, account: Account, label: str, *, actor: str) -> str:
    """Issue an API token that holds for a year; it is shown this once and kept only as its hash."""
    token = new_token()
    _keep(session, account, token, kind="token", label=label, lasts=timedelta(days=TOKEN_DAYS))
    record(session, "token.issued", f"account:{account.id}", actor=actor, label=label)
    return token


def find_account(session: Session, username: str) -> Account:
    """Find an account by name; raise Invalid when there is none."""
    account = session.scalar(select(Account).where(Account.username == username))
    if account is None:
        raise Invalid(f"There is no account {username!r}.")
    return account


def disable_account(session: Session, username: str, *, actor: str) -> None:
    """Disable an account and end every token and sign-in it holds."""
    account = find_account(session, username)
    account.disabled_at = func.now()
    session.execute(delete(Credential).where(Credential.account == account.id))
    record(session, "account.disabled", f"account:{account.id}", actor=actor)


def sign_in(session: Session, username: str, password: str, hours: int) -> str:
    """Check a password and give the secret for the cookie; raise Unauthenticated, the same for every reason."""
    account = session.scalar(select(Account).where(Account.username == username, Account.disabled_at.is_(None)))
    if not password_fits(password, account.password_hash if account else None) or account is None:
        raise Unauthenticated("The user name or the password is wrong.")
    secret = new_token()
    _keep(session, account, secret, kind="session", label="", lasts=timedelta(hours=hours))
    record(session, "account.signed_in", f"account:{account.id}", actor=username)
    return secret


def sign_out(session: Session, secret: str) -> None:
    """End the sign-in that holds this secret; nothing happens when there is none."""
    session.execute(delete(Credential).where(Credential.hash == token_hash(secret), Credential.kind == "session"))


def _keep(session: Session, account: Account, secret: str, *, kind: str, label: str, lasts: timedelta) -> None:
    session.add(
        Credential(
            hash=token_hash(secret),
            account=account.id,
            kind=kind,
            label=label,
            expires_at=datetime.now(UTC) + lasts,
        )
    )
    session.flush()
