"""The door: a request in, who is asking out, or a refusal; every endpoint but health stands behind it."""

import base64
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from gridsvc.access.permissions import may
from gridsvc.access.proof.profiles import PROFILES
from gridsvc.access.proof.secrets import token_hash
from gridsvc.access.territory import ALL, covers, key_of, narrowed
from gridsvc.core.db import EVERYTHING, Database, Seen, look_as
from gridsvc.core.errors import Forbidden, Unauthenticated
from gridsvc.core.http import database_of
from gridsvc.core.settings import settings

COOKIE = "gridsvc_session"
SAFE_COOKIE = "__Host-gridsvc"
"""With TLS the cookie has this name, which a browser takes from no other host, path or plain connection."""

REMEMBERED_S = 3.0
"""How long an answer of the database about a secret is trusted: the longest a disabled account still gets in."""
REMEMBERED_MOST = 10_000
NEEDING_FACTOR = frozenset({"admin", "planner"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})

WHO = """
    select a.id, a.username, a.role, c.kind, c.scopes,
           a.totp_confirmed_at is not null or c.proof is not distinct from 'issuer_factor',
           case when c.proof is null then a.password_changed_at end,
           c.last_used_at < now() - interval '1 minute', territory_of(a.id), c.territory,
           a.first_password_until is not null and c.proof is null
    from credential c join account a on a.id = c.account
    where c.hash = %(hash)s and c.expires_at > now() and (c.idle is null or c.last_used_at > now() - c.idle)
      and a.disabled_at is null"""

TOUCH = "update credential set last_used_at = now() where hash = %(hash)s returning 1"


@dataclass(frozen=True)
class Caller:
    """Who is asking, and by what: a sign-in (`session`) or a `token`, which may be limited to some verbs (`scopes`).

    `territory` are the prefixes of all codes that may be seen; the empty one is everywhere.
    """

    account: int
    username: str
    role: str
    kind: str = "token"
    scopes: frozenset[str] | None = None
    has_factor: bool = False
    password_changed_at: datetime | None = None
    hash: bytes = field(default=b"", repr=False)
    territory: tuple[str, ...] = ()
    first_password: bool = False

    @property
    def row_scope(self) -> str:
        """Name the rows that may be seen: two callers share what is kept for them only if they have one scope."""
        return key_of(self.territory)

    @property
    def is_everywhere(self) -> bool:
        """Tell whether nothing of the ground is hidden."""
        return covers(self.territory, ALL)

    @property
    def sees(self) -> Seen:
        """Say whose rows the database shows to a request of theirs."""
        return Seen(self.row_scope, self.username)

    def may(self, verb: str) -> bool:
        """Tell whether the role may do a verb, and the token is not kept from it."""
        return may(self.role, verb) and (self.scopes is None or verb in self.scopes)


class Doorkeeper:
    """Knows callers by the hash of their secret, and remembers them for a moment."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()

    def remembered(self, key: bytes) -> Caller | None:
        """Tell who holds a secret, by its hash, if that is remembered, asking nobody."""
        known = self._known.get(key)
        return known[1] if known and known[0] > self._clock() else None

    def last_account(self, secret: str) -> int | None:
        """Tell whose a secret was when it was last looked up, asking nobody; that may be no longer so."""
        known = self._known.get(token_hash(secret))
        return known[1].account if known and known[1] else None

    async def recognise(self, secret: str) -> Caller | None:
        """Tell who holds a secret, or None; what the request reads from then on are the rows they see."""
        caller = await self._found(secret)
        look_as(caller.sees if caller else None)
        return caller

    async def _found(self, secret: str) -> Caller | None:
        key = token_hash(secret)
        known = self._known.get(key)
        if known and known[0] > self._clock():
            return known[1]
        rows = await self._database.rows(WHO, {"hash": key}, seen=EVERYTHING)
        caller = None
        if rows:
            account, username, role, kind, scopes, has_factor, changed_at, unnoted, territory, narrower, first = rows[0]
            verbs = frozenset(scopes) if scopes is not None else None
            seen = narrowed(territory, narrower)
            caller = Caller(account, username, role, kind, verbs, has_factor, changed_at, key, seen, first)
            if unnoted:
                await self._database.rows(TOUCH, {"hash": key}, seen=EVERYTHING)
        self._known[key] = (self._clock() + REMEMBERED_S, caller)
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED_MOST:
            self._known.popitem(last=False)
        return caller

    def forget(self, key: bytes) -> None:
        """Forget a secret, by its hash, at once (sign-out)."""
        self._known.pop(key, None)

    def forget_account(self, account: int) -> None:
        """Forget every secret of an account at once (disabled, password changed)."""
        for key in [key for key, (_, caller) in self._known.items() if caller and caller.account == account]:
            del self._known[key]


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
    if secret is None and (secret := cookie_of(request)) is not None:
        refuse_foreign_pages(request)
    caller = await doorkeeper_of(request).recognise(secret) if secret else None
    if caller is None:
        raise Unauthenticated("Sign in, or send a valid token.")
    return caller


AnyCaller = Annotated[Caller, Depends(identify)]
"""Whoever is known, also one who must first add a second factor or change a password."""


async def settle(caller: AnyCaller) -> Caller:
    """Let those through who have nothing to do first; raise Forbidden for the others."""
    refuse_unfinished(caller)
    return caller


CallerNow = Annotated[Caller, Depends(settle)]


def allowed(verb: str) -> Callable[[Caller], Awaitable[Caller]]:
    """Make the dependency that lets only those through who may do `verb`."""

    async def check(caller: CallerNow) -> Caller:
        refuse_unless_allowed(caller, verb)
        return caller

    return check


def allowed_everywhere(verb: str) -> Callable[[Caller], Awaitable[Caller]]:
    """Make the dependency for what concerns the whole office: only those who may do `verb` and see everything."""

    async def check(caller: CallerNow) -> Caller:
        refuse_unless_allowed(caller, verb)
        refuse_unless_everywhere(caller, verb)
        return caller

    return check


def refuse_unless_everywhere(caller: Caller, verb: str) -> None:
    """Refuse who does not see the whole of the ground."""
    if not caller.is_everywhere:
        raise Forbidden(f"This concerns the whole office ({verb}); your territory is a part of it.")


def refuse_unless_allowed(caller: Caller, verb: str) -> None:
    """Refuse who may not do a verb."""
    if not caller.may(verb):
        raise Forbidden(f"The role {caller.role}, or this token, may not do this ({verb}).")
    refuse_unfinished(caller)


def refuse_unfinished(caller: Caller) -> None:
    """Refuse who must first add a second factor, or change a password that is too old; tokens were given before that."""
    if caller.kind != "session":
        return
    if caller.first_password:
        raise Forbidden("Change your password first: somebody else has chosen it.", todo="password")
    demanded = settings().second_factor
    needed = demanded == "everybody" or (demanded == "required" and caller.role in NEEDING_FACTOR)
    if needed and not caller.has_factor:
        raise Forbidden("Add a second factor first: your role needs one.", todo="factor")
    lasts = PROFILES[settings().security_profile].password_lasts
    if lasts and caller.password_changed_at and datetime.now(UTC) - caller.password_changed_at > lasts:
        raise Forbidden("Change your password first: it is too old.", todo="password")


def cookie_of(request: Request) -> str | None:
    """Take the secret out of the cookie; with TLS only the cookie that no other host can set counts."""
    return request.cookies.get(cookie_name(request.url.scheme))


def cookie_name(scheme: str) -> str:
    """Name the cookie that counts for requests by a scheme."""
    return SAFE_COOKIE if scheme == "https" else COOKIE


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
