"""The door: a request in, who is asking out, or a refusal; every endpoint but health stands behind it."""

import base64
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gridsvc.access.permissions import may
from gridsvc.access.secrets import token_hash
from gridsvc.core.db import Database
from gridsvc.core.errors import Forbidden, Unauthenticated
from gridsvc.core.http import database_of

COOKIE = "gridsvc_session"
REMEMBERED_S = 3.0
"""How long an answer of the database about a secret is trusted: the longest a disabled account still gets in."""
REMEMBERED_MOST = 10_000
READING = frozenset({"GET", "HEAD", "OPTIONS"})

WHO = """
    select a.id, a.username, a.role from credential c join account a on a.id = c.account
    where c.hash = %(hash)s and c.expires_at > now() and a.disabled_at is null"""


@dataclass(frozen=True)
class Caller:
    """Who is asking."""

    account: int
    username: str
    role: str


class Doorkeeper:
    """Knows callers by the hash of their secret, and remembers them for a moment."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()

    async def recognise(self, secret: str) -> Caller | None:
        """Tell who holds a secret, or None."""
        key = token_hash(secret)
        known = self._known.get(key)
        if known and known[0] > self._clock():
            return known[1]
        rows = await self._database.rows(WHO, {"hash": key})
        caller = Caller(*rows[0]) if rows else None
        self._known[key] = (self._clock() + REMEMBERED_S, caller)
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED_MOST:
            self._known.popitem(last=False)
        return caller

    def forget(self, secret: str) -> None:
        """Forget a secret at once (sign-out)."""
        self._known.pop(token_hash(secret), None)


def doorkeeper_of(request: Request) -> Doorkeeper:
    """Give the application's doorkeeper, made with its database at the first request."""
    state = request.app.state
    if getattr(state, "doorkeeper", None) is None:
        state.doorkeeper = Doorkeeper(database_of(request))
    keeper: Doorkeeper = state.doorkeeper
    return keeper


async def identify(request: Request) -> Caller:
    """Find out who is asking: Bearer token, Basic with the token as password, or the cookie of a sign-in.

    Raises Unauthenticated without a valid secret, and Forbidden for a change made with the cookie from another site.
    """
    secret = secret_in_header(request.headers.get("authorization"))
    if secret is None and (secret := request.cookies.get(COOKIE)) is not None:
        refuse_foreign_pages(request)
    caller = await doorkeeper_of(request).recognise(secret) if secret else None
    if caller is None:
        raise Unauthenticated("Sign in, or send a valid token.")
    return caller


CallerNow = Annotated[Caller, Depends(identify)]


def allowed(verb: str) -> Callable[[Caller], Awaitable[Caller]]:
    """Make the dependency that lets only those through who may do `verb`."""

    async def check(caller: CallerNow) -> Caller:
        if not may(caller.role, verb):
            raise Forbidden(f"The role {caller.role} may not do this ({verb}).")
        return caller

    return check


def secret_in_header(header: str | None) -> str | None:
    """Take the token out of an Authorization header; None when there is no header, "" when it holds no token."""
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    return ""


def refuse_foreign_pages(request: Request) -> None:
    """Refuse a change that a page of another site makes with this browser's cookie (CSRF).

    Browsers say where a request comes from (`Sec-Fetch-Site`); older ones at least send `Origin` with every change.
    """
    if request.method in READING:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = site in ("same-origin", "none") if site else origin is None or origin.split("://")[-1] == request.url.netloc
    if not own:
        raise Forbidden("A change must come from this service's own pages.")
