"""The door over HTTP: signing in and out, one's own sign-ins, password and second factor."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from gridsvc.access.accounts import account_of, change_password, profile
from gridsvc.access.credentials import (
    CodeNeeded,
    Given,
    Visitor,
    end_credential,
    end_others,
    held_by,
    renew_session,
    sign_in,
    sign_out,
)
from gridsvc.access.guard import COOKIE, SAFE_COOKIE, AnyCaller, Caller, cookie_of, doorkeeper_of, refuse_foreign_pages
from gridsvc.access.proof import again, factor, lockout
from gridsvc.access.proof.secrets import password_fits, token_hash
from gridsvc.access.schemas import (
    Confirmed,
    Factor,
    FactorCode,
    NewPassword,
    OwnSession,
    OwnSessions,
    Proof,
    ProofAgain,
    SignIn,
)
from gridsvc.access.tables import Account, Credential
from gridsvc.core.db import EVERYTHING, Database, looking
from gridsvc.core.errors import Forbidden, Unauthenticated
from gridsvc.core.http import Hot, InTransaction
from gridsvc.core.settings import settings

router = APIRouter(tags=["access"])


@contextmanager
def answering(database: Database, username: str, address: str) -> Iterator[Session]:
    """Give the transaction in which somebody answers who they are, for whom the database shows everything.

    Refused while the name or the address is locked out; a wrong answer counts, a right one starts to count anew.
    """
    rules, now = profile(), datetime.now(UTC)
    try:
        with looking(EVERYTHING), database.sessions.begin() as session:
            lockout.refuse_locked(session, username, address, rules, now)
            yield session
            lockout.forget_failures(session, username)
    except CodeNeeded:
        # What was answered is right as far as it goes.
        raise
    except Unauthenticated:
        # In a transaction of its own: the one of the answer is taken back.
        with looking(EVERYTHING), database.sessions.begin() as session:
            lockout.note_failure(session, username, address, now, rules)
        raise


@router.post("/session", status_code=204)
def open_page_session(database: Hot, request: Request, response: Response, given: SignIn) -> None:
    """Sign in: sets an HttpOnly cookie that the pages use.

    401 with one sentence for every reason, `second_factor: true` when only the code is missing, 429 after too many.
    """
    refuse_foreign_pages(request)
    visitor = Visitor(request.client.host if request.client else "", request.headers.get("user-agent", ""))
    with answering(database, given.username, visitor.address) as session:
        answered = Given(given.username, given.password, given.code)
        secret = sign_in(session, answered, visitor, profile(), settings().session_hours)
        if (old := cookie_of(request)) is not None:
            # Who was here before on this browser is gone: no secret outlives a sign-in.
            sign_out(session, old)
    set_session_cookie(request, response, secret)


def set_session_cookie(request: Request, response: Response, secret: str) -> None:
    """Hand the secret of a sign-in to the browser, out of reach of scripts and of other sites."""
    safe = request.url.scheme == "https"
    response.set_cookie(
        SAFE_COOKIE if safe else COOKIE,
        secret,
        max_age=settings().session_hours * 3600,
        httponly=True,
        samesite="strict",
        secure=safe,
    )


@router.delete("/session", status_code=204)
def close_page_session(session: InTransaction, request: Request, response: Response) -> None:
    """Sign out: ends the sign-in on the server and takes the cookie back."""
    refuse_foreign_pages(request)
    if secret := cookie_of(request):
        # Whoever holds the secret may end it; who that is need not be known.
        with looking(EVERYTHING):
            sign_out(session, secret)
        doorkeeper_of(request).forget(token_hash(secret))
    safe = request.url.scheme == "https"
    response.delete_cookie(SAFE_COOKIE if safe else COOKIE, httponly=True, samesite="strict", secure=safe)


def signed_in(caller: AnyCaller) -> Caller:
    """Let only a sign-in through: a token, which a script holds, changes no password and ends no sign-in."""
    if caller.kind != "session":
        raise Forbidden("Sign in with the password for this; a token may not.")
    return caller


SignedIn = Annotated[Caller, Depends(signed_in)]


@router.get("/me/sessions")
def list_own_sessions(session: InTransaction, caller: SignedIn) -> OwnSessions:
    """List one's own sign-ins, the one used last first."""
    return OwnSessions(
        items=[
            OwnSession(
                id=one.id,
                created_at=one.created_at,
                last_used_at=one.last_used_at,
                expires_at=one.expires_at,
                address=one.address,
                agent=one.agent,
                current=one.hash == caller.hash,
            )
            for one in held_by(session, caller.account, "session")
        ]
    )


@router.post("/me/proof", status_code=204)
def prove_again(database: Hot, request: Request, response: Response, caller: SignedIn, given: ProofAgain) -> None:
    """Prove again who one is: the sign-in gets a new secret, and counts as proved for ten minutes.

    401 for what is wrong, 429 after too many.
    """
    now = datetime.now(UTC)
    with answering(database, caller.username, request.client.host if request.client else "") as session:
        account = account_of(session, caller.account)
        again.check(session, account, given.password, given.code, now)
        secret = renew_session(session, account, caller.hash, now)
    doorkeeper_of(request).forget(caller.hash)
    set_session_cookie(request, response, secret)


def refuse_stale(session: Session, caller: Caller) -> None:
    """Refuse who has proved too long ago who they are."""
    present = session.get(Credential, caller.hash)
    again.refuse_stale(present, account_of(session, caller.account), datetime.now(UTC))


@router.delete("/me/sessions", status_code=204)
def end_other_sessions(session: InTransaction, request: Request, caller: SignedIn) -> None:
    """End all of one's own sign-ins but this one; 403 with `proof` when that must be given again first."""
    refuse_stale(session, caller)
    end_others(session, caller.account, caller.hash, actor=caller.username)
    doorkeeper_of(request).forget_account(caller.account)


@router.delete("/me/sessions/{key}", status_code=204)
def end_own_session(session: InTransaction, request: Request, caller: SignedIn, key: int) -> None:
    """End one of one's own sign-ins; 404 for one that is somebody else's, or none.

    403 with `proof` when that must be given again first, which the present sign-in never needs to end itself.
    """
    present = session.get(Credential, caller.hash)
    if present is None or present.id != key:
        refuse_stale(session, caller)
    gone = end_credential(session, caller.account, key, "session", actor=caller.username)
    doorkeeper_of(request).forget(gone)


@router.put("/me/password", status_code=204)
def change_own_password(session: InTransaction, request: Request, caller: SignedIn, given: NewPassword) -> None:
    """Change one's own password; every other sign-in ends."""
    change_password(session, account_of(session, caller.account), given.old, given.new, keep=caller.hash)
    doorkeeper_of(request).forget_account(caller.account)


@router.post("/me/factor")
def begin_factor(session: InTransaction, caller: SignedIn, given: Proof) -> Factor:
    """Begin to add a second factor (TOTP): an address to scan, which counts once it is confirmed by a code."""
    address, drawing = factor.begin(session, _proved(session, caller, given))
    return Factor(address=address, svg=drawing)


@router.post("/me/factor/confirm")
def confirm_factor(session: InTransaction, request: Request, caller: SignedIn, given: FactorCode) -> Confirmed:
    """Take the second factor into use; answers recovery codes, which are shown this once."""
    codes = factor.confirm(session, account_of(session, caller.account), given.code, datetime.now(UTC))
    doorkeeper_of(request).forget_account(caller.account)
    return Confirmed(recovery_codes=codes)


@router.post("/me/factor/remove", status_code=204)
def remove_own_factor(session: InTransaction, request: Request, caller: SignedIn, given: Proof) -> None:
    """Take one's own second factor away; needs the password and a code."""
    account = _proved(session, caller, given)
    if account.totp_confirmed_at and not factor.fits(session, account, given.code or "", datetime.now(UTC)):
        raise Unauthenticated("The password or the code is wrong.")
    factor.remove(session, account, actor=caller.username)
    doorkeeper_of(request).forget_account(caller.account)


def _proved(session: InTransaction, caller: Caller, given: Proof) -> Account:
    """Find one's own account, when its password is given again."""
    account = account_of(session, caller.account)
    if not password_fits(given.password, account.password_hash):
        raise Unauthenticated("The password or the code is wrong.")
    return account
