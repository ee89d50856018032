"""Signing in through the issuer over HTTP, and who is who there for administrators."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from gridsvc.access.accounts import profile
from gridsvc.access.administration import Administrator, within
from gridsvc.access.credentials import Visitor, sign_out
from gridsvc.access.endpoints import answering, set_session_cookie
from gridsvc.access.guard import cookie_of, doorkeeper_of, refuse_foreign_pages
from gridsvc.access.issuer import schemas
from gridsvc.access.issuer.asking import Issuer, issuer_set, refused
from gridsvc.access.issuer.entering import Entered, begin, enter, enter_with_code, refuse_mixed_up, take, waiting_for
from gridsvc.access.issuer.linking import identity_of, link, unlink
from gridsvc.access.issuer.proving import prove
from gridsvc.core.db import EVERYTHING, Database, looking
from gridsvc.core.errors import NotFound, Unauthenticated, Unavailable
from gridsvc.core.http import Hot, InTransaction
from gridsvc.core.settings import settings

router = APIRouter(tags=["access"])

ATTEMPT = "gridsvc_attempt"
SAFE_ATTEMPT = "__Host-gridsvc-attempt"
LASTS_S = 600
Text = Annotated[str | None, Query(max_length=2000)]


def issuer_of(request: Request) -> Issuer:
    """Give the application's issuer; raises NotFound when none is set."""
    issuer = issuer_set()
    if issuer is None:
        raise NotFound("No sign-in service of the office is set here; sign in with a password.")
    kept: Issuer | None = getattr(request.app.state, "issuer", None)
    if kept is not None and kept.chosen == issuer.chosen:
        # It remembers what it was told.
        return kept
    request.app.state.issuer = issuer
    return issuer


@router.get("/session/ways")
def list_ways(request: Request) -> schemas.Ways:
    """Tell how one may sign in besides a password."""
    try:
        return schemas.Ways(issuer=schemas.IssuerWay(label=issuer_of(request).label))
    except NotFound:
        return schemas.Ways(issuer=None)


@router.post("/session/issuer")
def begin_at_issuer(database: Hot, request: Request, response: Response, given: schemas.Onward) -> schemas.Departure:
    """Begin to sign in through the issuer: sets a cookie for ten minutes, and answers the address to go to.

    503 when the issuer cannot be reached.
    """
    refuse_foreign_pages(request)
    issuer = issuer_of(request)
    # Asked outside of the transaction, which waits for nobody.
    issuer.announced()
    back = str(request.url.replace(path=request.url.path.rstrip("/") + "/return", query="", fragment=""))
    with looking(EVERYTHING), database.sessions.begin() as session:
        begun = begin(session, issuer, given.next, back)
    _set_attempt(request, response, begun.secret)
    return schemas.Departure(address=begun.address)


@router.get("/session/issuer/return", response_class=RedirectResponse, status_code=303)
def come_back_from_issuer(
    database: Hot, request: Request, state: Text = None, code: Text = None, iss: Text = None, error: Text = None
) -> RedirectResponse:
    """Come back from the issuer: signs in and goes on to the page that was asked for.

    401 with one sentence for every reason, 503 when the issuer fails; a browser is led to the sign-in page instead.
    """
    try:
        entered = _enter(database, request, {"state": state, "code": code, "iss": iss, "error": error})
    except (Unauthenticated, Unavailable) as reason:
        if request.headers.get("sec-fetch-mode") != "navigate":
            raise
        told = "refused" if isinstance(reason, Unauthenticated) else "unavailable"
        return RedirectResponse(f"/?{urlencode({'sign-in': told})}", 303)
    if entered.due:
        answer = RedirectResponse(f"/?{urlencode({'sign-in': 'code', 'next': entered.onward})}", 303)
        _set_attempt(request, answer, entered.secret)
        return answer
    answer = RedirectResponse(entered.onward, 303)
    set_session_cookie(request, answer, entered.secret)
    _take_attempt(request, answer)
    return answer


@router.post("/session/issuer/code", status_code=204)
def give_code(database: Hot, request: Request, response: Response, given: schemas.IssuerCode) -> None:
    """Give the code of the second factor, where the issuer asked for none itself; signs in."""
    refuse_foreign_pages(request)
    issuer_of(request)
    attempt, visitor = _attempt_of(request), _visitor(request)
    with looking(EVERYTHING), database.sessions.begin() as session:
        name = waiting_for(session, attempt).username
    with answering(database, name, visitor.address) as session:
        secret = enter_with_code(session, attempt or "", given.code, visitor, profile(), settings().session_hours)
        _end_former(session, request)
    set_session_cookie(request, response, secret)
    _take_attempt(request, response)


@router.get("/accounts/{key}/identity")
def read_identity(session: InTransaction, request: Request, caller: Administrator, key: int) -> schemas.Identity:
    """Read who an account is at the issuer."""
    account = within(session, caller, key)
    found = identity_of(session, account.id, issuer_of(request).address)
    if found is None:
        raise NotFound(f"Account {key} is linked to nobody.")
    return schemas.Identity(issuer=found.issuer, subject=found.subject, linked_at=found.linked_at)


@router.put("/accounts/{key}/identity")
def link_identity(
    session: InTransaction, request: Request, caller: Administrator, key: int, given: schemas.Subject
) -> schemas.Identity:
    """Say who an account is at the issuer; its sign-ins by another subject end."""
    account = within(session, caller, key)
    made = link(session, account, issuer_of(request).address, given.subject, actor=caller.username)
    doorkeeper_of(request).forget_account(key)
    return schemas.Identity(issuer=made.issuer, subject=made.subject, linked_at=made.linked_at)


@router.delete("/accounts/{key}/identity", status_code=204)
def unlink_identity(session: InTransaction, request: Request, caller: Administrator, key: int) -> None:
    """Part an account from its subject; the sign-ins that came by it end."""
    unlink(session, within(session, caller, key), issuer_of(request).address, actor=caller.username)
    doorkeeper_of(request).forget_account(key)


def _enter(database: Database, request: Request, told: dict[str, str | None]) -> Entered:
    issuer, state, code = issuer_of(request), told["state"], told["code"]
    # Used up at once, in a transaction of its own: whatever comes of it, there is no second try.
    with looking(EVERYTHING), database.sessions.begin() as session:
        kept = take(session, state or "", _attempt_of(request))
    refuse_mixed_up(issuer, told["iss"])
    if told["error"] is not None or not code:
        raise refused(f"the issuer answers {(told['error'] or 'without a code')[:100]!r}")
    proved = prove(issuer, issuer.exchange(code, kept["verifier"], kept["back"]), kept["nonce"])
    with looking(EVERYTHING), database.sessions.begin() as session:
        entered = enter(session, issuer, proved, _visitor(request), profile(), settings().session_hours)
        if not entered.due:
            _end_former(session, request)
    return Entered(entered.secret, kept["onward"], entered.due)


def _end_former(session: InTransaction, request: Request) -> None:
    """End who was here before on this browser: no secret outlives a sign-in."""
    if (old := cookie_of(request)) is not None:
        sign_out(session, old)


def _visitor(request: Request) -> Visitor:
    return Visitor(request.client.host if request.client else "", request.headers.get("user-agent", ""))


def _attempt_of(request: Request) -> str | None:
    return request.cookies.get(SAFE_ATTEMPT if request.url.scheme == "https" else ATTEMPT)


def _set_attempt(request: Request, response: Response, secret: str) -> None:
    # Lax, because the issuer's page leads back here; it opens nothing by itself.
    safe = request.url.scheme == "https"
    name = SAFE_ATTEMPT if safe else ATTEMPT
    response.set_cookie(name, secret, max_age=LASTS_S, httponly=True, samesite="lax", secure=safe)


def _take_attempt(request: Request, response: Response) -> None:
    safe = request.url.scheme == "https"
    response.delete_cookie(SAFE_ATTEMPT if safe else ATTEMPT, httponly=True, samesite="lax", secure=safe)
