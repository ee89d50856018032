"""Accounts and API tokens over HTTP: for administrators, and everybody's own tokens."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gridsvc.access import schemas
from gridsvc.access.accounts import (
    FIRST_PASSWORD_LASTS,
    account_of,
    add_account,
    disable_account,
    enable_account,
    end_sessions,
    set_password,
    territory_for,
    told_territory,
    unlock_account,
)
from gridsvc.access.credentials import end_credential, held_by, issue_token
from gridsvc.access.guard import Caller, CallerNow, allowed, doorkeeper_of
from gridsvc.access.proof import factor
from gridsvc.access.proof.secrets import token_hash
from gridsvc.access.tables import Account, Credential
from gridsvc.access.territory import covers, shown
from gridsvc.core.errors import Conflict, Forbidden, NotFound
from gridsvc.core.events import record
from gridsvc.core.http import InTransaction

router = APIRouter(tags=["access"])

Administrator = Annotated[Caller, Depends(allowed("account.manage"))]


@router.get("/accounts")
def list_accounts(session: InTransaction, caller: Administrator) -> schemas.Accounts:
    """List accounts by name: those whose territory lies in the caller's own."""
    rows = session.execute(select(Account, func.territory_of(Account.id)).order_by(Account.username))
    return schemas.Accounts(items=[_shown(one) for one, territory in rows if covers(caller.territory, territory)])


@router.post("/accounts", status_code=201)
def create_account(session: InTransaction, caller: Administrator, given: schemas.NewAccount) -> schemas.Account:
    """Make an account; nobody gives a territory that is not their own.

    A password that is given lasts 7 days, and must be changed at the first sign-in.
    """
    codes = given.territory
    if codes is None and given.role != "worker":
        codes = shown(caller.territory)
    account = add_account(
        session,
        given.username,
        given.role,
        given.password,
        actor=caller.username,
        department=given.department,
        codes=codes,
    )
    if given.password is not None:
        account.first_password_until = datetime.now(UTC) + FIRST_PASSWORD_LASTS
        session.flush()
    _refuse_wider(caller, account)
    session.refresh(account)
    return _shown(account)


@router.get("/accounts/{key}")
def read_account(session: InTransaction, caller: Administrator, key: int) -> schemas.Account:
    """Read one account."""
    return _shown(within(session, caller, key))


@router.patch("/accounts/{key}")
def change_account(
    session: InTransaction, request: Request, caller: Administrator, key: int, given: schemas.AccountChange
) -> schemas.Account:
    """Change an account: role, department, password, disabled or not; its sign-ins know of it at once."""
    account = within(session, caller, key)
    if key == caller.account and (given.disabled or (given.role and given.role != account.role)):
        raise Conflict("Nobody takes away their own access; another administrator does.")
    told: dict[str, Any] = {}
    if given.role is not None and given.role != account.role:
        told["role"] = account.role = given.role
    if given.department is not None and given.department != account.department:
        told["department"] = account.department = given.department
    if given.territory is not None or given.follows_posts:
        account.territory = None if given.follows_posts else territory_for(account.role, given.territory)
        _refuse_wider(caller, account)
        told["territory"] = told_territory(account)
    if told:
        session.flush()
        record(session, "account.changed", f"account:{key}", actor=caller.username, **told)
    _change_door(session, caller, account, given)
    session.flush()
    session.refresh(account)
    doorkeeper_of(request).forget_account(key)
    return _shown(account)


def _change_door(session: Session, caller: Caller, account: Account, given: schemas.AccountChange) -> None:
    """Do what is asked about how an account comes in, or whether it does."""
    if given.password is not None:
        set_password(session, account, given.password, actor=caller.username)
    if given.remove_factor:
        factor.remove(session, account, actor=caller.username)
    if given.end_sessions:
        end_sessions(session, account, actor=caller.username)
    if given.unlock:
        unlock_account(session, account, actor=caller.username)
    if given.disabled and account.disabled_at is None:
        disable_account(session, account.username, actor=caller.username)
    if given.disabled is False and account.disabled_at is not None:
        enable_account(session, account, actor=caller.username)


@router.get("/tokens")
def list_tokens(session: InTransaction, caller: CallerNow) -> schemas.Tokens:
    """List one's own API tokens; secrets are never shown again."""
    return schemas.Tokens(items=[_told(one) for one in held_by(session, caller.account, "token")])


@router.post("/tokens", status_code=201)
def create_token(session: InTransaction, caller: CallerNow, given: schemas.NewToken) -> schemas.IssuedToken:
    """Issue a token for oneself; its secret is shown this once."""
    if caller.kind != "session":
        raise Forbidden("Sign in with the password for this; a token makes no tokens.")
    account = account_of(session, caller.account)
    secret = issue_token(
        session,
        account,
        given.label,
        actor=caller.username,
        days=given.days,
        scopes=given.scopes,
        codes=given.territory,
    )
    kept = _kept(session, secret)
    return schemas.IssuedToken(id=kept.id, token=secret, expires_at=kept.expires_at)


@router.delete("/tokens/{key}", status_code=204)
def end_token(session: InTransaction, request: Request, caller: CallerNow, key: int) -> None:
    """End one of one's own tokens; 404 for one that is somebody else's, or none."""
    doorkeeper_of(request).forget(end_credential(session, caller.account, key, "token", actor=caller.username))


def within(session: Session, caller: Caller, key: int) -> Account:
    """Find an account whose territory lies in the caller's own; any other is as one that does not exist."""
    account = account_of(session, key)
    if not covers(caller.territory, session.scalar(select(func.territory_of(key))) or ()):
        raise NotFound(f"There is no account {key}.")
    return account


def _refuse_wider(caller: Caller, account: Account) -> None:
    if not covers(caller.territory, account.territory or ()):
        raise Forbidden("Nobody gives a territory that is not their own.")


def _kept(session: Session, secret: str) -> Credential:
    return session.get_one(Credential, token_hash(secret))


def _shown(account: Account) -> schemas.Account:
    return schemas.Account(
        id=account.id,
        username=account.username,
        role=account.role,
        department=account.department,
        territory=told_territory(account),
        has_factor=account.totp_confirmed_at is not None,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
    )


def _told(credential: Credential) -> schemas.Token:
    return schemas.Token(
        id=credential.id,
        label=credential.label,
        scopes=credential.scopes,
        territory=None if credential.territory is None else shown(credential.territory),
        created_at=credential.created_at,
        expires_at=credential.expires_at,
        last_used_at=credential.last_used_at,
    )
