"""Accounts in, accounts out: made, found, given another password, disabled, opened again."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gridsvc.access.permissions import ROLES
from gridsvc.access.proof.lockout import forget_failures
from gridsvc.access.proof.passwords import check_password
from gridsvc.access.proof.profiles import PROFILES, Profile
from gridsvc.access.proof.secrets import password_fits, password_hash
from gridsvc.access.tables import Account, Credential
from gridsvc.access.territory import ALL, prefixes_of, shown
from gridsvc.core.db import seeing_everything
from gridsvc.core.errors import Conflict, Invalid, NotFound, Unauthenticated
from gridsvc.core.events import record
from gridsvc.core.settings import settings


def profile() -> Profile:
    """Give the rules of the office's security profile."""
    return PROFILES[settings().security_profile]


def territory_for(role: str, codes: Sequence[str] | None) -> list[str] | None:
    """Decide where an account may look: where it is said, else a worker follows the posts (None), and others see all."""
    if codes is not None:
        return list(prefixes_of(codes))
    return None if role == "worker" else list(ALL)


FIRST_PASSWORD_LASTS = timedelta(days=7)
"""How long a password that an administrator has given opens the door, to choose another one."""


def add_account(
    session: Session,
    username: str,
    role: str,
    password: str | None,
    *,
    actor: str,
    department: str | None = None,
    codes: Sequence[str] | None = None,
) -> Account:
    """Make an account; `codes` say its territory (`territory_for` when they are left out).

    Raises Invalid for an unknown role, a weak password or what is no territory, Conflict for a name that is taken.
    """
    if not username.strip() or len(username) > 100:
        raise Invalid("A user name needs 1 to 100 characters.")
    if role not in ROLES:
        raise Invalid(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")
    if password is not None:
        check_password(password, username, profile())
    if session.scalar(select(Account.id).where(Account.username == username)):
        raise Conflict(f"The user name {username!r} is taken.")
    account = Account(
        username=username,
        role=role,
        department=department,
        territory=territory_for(role, codes),
        password_hash=password and password_hash(password),
    )
    session.add(account)
    session.flush()
    told = {"username": username, "role": role, "territory": told_territory(account)}
    record(session, "account.created", f"account:{account.id}", actor=actor, **told)
    return account


def told_territory(account: Account) -> list[str] | None:
    """Write the territory of an account as people read it; None follows the posts."""
    return None if account.territory is None else shown(account.territory)


def find_account(session: Session, username: str) -> Account:
    """Find an account by name; raise Invalid when there is none."""
    account = session.scalar(select(Account).where(Account.username == username))
    if account is None:
        raise Invalid(f"There is no account {username!r}.")
    return account


def account_of(session: Session, key: int) -> Account:
    """Find an account by its number; raise NotFound when there is none."""
    account = session.get(Account, key)
    if account is None:
        raise NotFound(f"There is no account {key}.")
    return account


def change_password(session: Session, account: Account, old: str, new: str, *, keep: bytes | None) -> None:
    """Give an account another password and end its other sign-ins; `keep` is the hash of the one that asks.

    Raises Unauthenticated when the old password is wrong, Invalid when the new one will not do.
    """
    if not password_fits(old, account.password_hash):
        raise Unauthenticated("The old password is wrong.")
    if password_fits(new, account.password_hash):
        raise Invalid("The new password is the old one.")
    set_password(session, account, new, actor=account.username, keep=keep)


def set_password(session: Session, account: Account, new: str, *, actor: str, keep: bytes | None = None) -> None:
    """Set a password and end every sign-in but `keep`; tokens stay. One that somebody else sets is a first one."""
    check_password(new, account.username, profile())
    account.password_hash = password_hash(new)
    account.password_changed_at = func.now()
    account.first_password_until = None if actor == account.username else func.now() + FIRST_PASSWORD_LASTS
    gone = delete(Credential).where(Credential.account == account.id, Credential.kind == "session")
    session.execute(gone.where(Credential.hash != keep) if keep else gone)
    session.flush()
    record(session, "account.password_changed", f"account:{account.id}", actor=actor)


def end_sessions(session: Session, account: Account, *, actor: str) -> None:
    """Sign an account out everywhere; its tokens stay."""
    session.execute(delete(Credential).where(Credential.account == account.id, Credential.kind == "session"))
    record(session, "account.signed_out", f"account:{account.id}", actor=actor)


def unlock_account(session: Session, account: Account, *, actor: str) -> None:
    """Let a name that was locked by wrong answers try again at once."""
    # Wrong answers are kept by hashes that say nothing of where: only who sees everything sees them.
    with seeing_everything(session):
        forget_failures(session, account.username)
        session.flush()
    record(session, "account.unlocked", f"account:{account.id}", actor=actor)


def disable_account(session: Session, username: str, *, actor: str) -> None:
    """Disable an account and end every token and sign-in it holds."""
    account = find_account(session, username)
    account.disabled_at = func.now()
    session.execute(delete(Credential).where(Credential.account == account.id))
    record(session, "account.disabled", f"account:{account.id}", actor=actor)


def enable_account(session: Session, account: Account, *, actor: str) -> None:
    """Let a disabled account sign in again; its old tokens stay ended."""
    account.disabled_at = None
    session.flush()
    record(session, "account.enabled", f"account:{account.id}", actor=actor)
