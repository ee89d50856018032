"""How often somebody may ask: a request in, the same or a 429 with the time to wait out.

Counted in the memory of each server process, so that asking costs no way to the database: with N processes an office
allows up to N times as much. Guessing passwords is counted in the database besides (`access.proof.lockout`).
"""

import math
import time
from typing import Any

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from gridsvc.access.guard import cookie_name, secret_in_header
from gridsvc.core.http import problem
from gridsvc.core.settings import Settings

log = structlog.get_logger()

COUNTED = ("/api/", "/ogc", "/open311/", "/tiles/")
SIGN_IN = "/api/v1/session"
READING = ("GET", "HEAD", "OPTIONS")


class Rates:
    """Counts requests for each account, and for each address of those who are not known."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        # 0 is no limit.
        self._most = {
            name: RateLimitItemPerMinute(most)
            for name, most in (
                ("read", settings.rate_reads),
                ("write", settings.rate_writes),
                ("stranger", settings.rate_strangers),
                ("sign-in", settings.rate_sign_ins),
            )
            if most
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or tell when to ask again."""
        if scope["type"] == "http" and scope["path"].startswith(COUNTED) and (wait_s := await self._wait_s(scope)):
            log.warning("request.refused", kind="too_many", method=scope["method"], path=scope["path"], wait_s=wait_s)
            answer = problem(429, "too_many", f"That is too often; ask again in {wait_s} seconds.")
            answer.headers["Retry-After"] = str(wait_s)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _wait_s(self, scope: Scope) -> int:
        """Count a request; tell for how many seconds it comes too early, 0: it does not."""
        kind, who = _counted_as(scope)
        most = self._most.get(kind)
        if most is None or await self._limiter.hit(most, kind, who):
            return 0
        window = await self._limiter.get_window_stats(most, kind, who)
        return max(1, math.ceil(window.reset_time - time.time()))


def _counted_as(scope: Scope) -> tuple[str, str]:
    """Tell as what a request is counted, and for whom."""
    address = scope["client"][0] if scope["client"] else ""
    if _is_sign_in(scope["method"], scope["path"].rstrip("/")):
        return "sign-in", address
    account = _account(scope)
    if account is None:
        return "stranger", address
    return ("read" if scope["method"] in READING else "write"), str(account)


def _is_sign_in(method: str, path: str) -> bool:
    """Tell whether a request tries to sign in; coming back from the issuer is such a try, and makes us ask there."""
    return (method == "POST" and path == SIGN_IN) or path.startswith(f"{SIGN_IN}/issuer")


def _account(scope: Scope) -> int | None:
    """Tell whose secret is shown, if it was found to be somebody's before; anybody can show a new one each time."""
    state: Any = scope["app"].state
    sent = dict(scope["headers"])
    secret = secret_in_header(sent[b"authorization"].decode("latin-1")) if b"authorization" in sent else None
    if secret is None and b"cookie" in sent:
        secret = cookie_parser(sent[b"cookie"].decode("latin-1")).get(cookie_name(scope["scheme"]))
    keeper = getattr(state, "doorkeeper", None)
    return keeper.last_account(secret) if keeper and secret else None
