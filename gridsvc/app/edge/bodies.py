"""How much may be sent, and as what: a request in, the same or a refusal (413, 415) before any of it is understood."""

import re
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gridsvc.core.http import problem
from gridsvc.core.settings import Settings

KIB = 1024
MIB = 1024 * KIB
ANY = ("",)
JSON = ("application/json",)
FORM = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Body:
    """What is taken at an address: media types, and bytes at most."""

    address: re.Pattern[str]
    kinds: tuple[str, ...]
    most: int


def bodies_of(settings: Settings) -> tuple[Body, ...]:
    """List what is taken where; the first that fits counts."""
    return (
        # These three count for themselves and say more of it; this is the wall behind them.
        Body(re.compile("/api/v1/imports/?"), ("multipart/form-data",), (settings.upload_mb + 16) * MIB),
        # What a photo is called says nothing; its bytes are looked at.
        Body(re.compile("/api/v1/incidents/[^/]+/photos/[^/]+/?"), ANY, (settings.photo_mb + 16) * MIB),
        Body(re.compile("/api/v1/locate/?"), JSON, 16 * MIB),
        Body(re.compile("/api/v1/(session|me|tokens|accounts)(/.*)?", re.DOTALL), JSON, 64 * KIB),
        Body(re.compile("/open311/.*", re.DOTALL), (*FORM, *JSON), MIB),
        Body(re.compile(".*", re.DOTALL), JSON, MIB),
    )


class Bodies:
    """Refuses what is too large or of another kind than the address takes."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._bodies = bodies_of(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and stop it when more comes than may."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        sent = {name: value.decode("latin-1") for name, value in scope["headers"]}
        length = sent.get(b"content-length", "")
        if length == "0" or (not length and b"transfer-encoding" not in sent):
            await self._app(scope, receive, send)
            return
        taken = next(one for one in self._bodies if one.address.fullmatch(scope["path"]))
        kind = sent.get(b"content-type", "").partition(";")[0].strip().lower()
        too_large = problem(413, "too_large", f"More than {taken.most:,} bytes are not taken here.")
        if not kind.startswith(taken.kinds):
            named = " or ".join(taken.kinds)
            answer = problem(
                415, "unsupported", f"Send {named} here and say so in Content-Type; {kind or 'none'} came."
            )
            await answer(scope, receive, send)
        elif length.isdigit() and int(length) > taken.most:
            await too_large(scope, receive, send)
        else:
            counted = _Counted(receive, send, taken.most)
            try:
                await self._app(scope, counted.receive, counted.send)
            except ClientDisconnect:
                if not counted.over:
                    raise
            if counted.over:
                await too_large(scope, receive, send)


class _Counted:
    """Counts what comes in; when it is too much, nothing more is read and what the application answers is dropped."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive, self._send, self._left = receive, send, most
        self._answering = False
        self.over = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0 and not self._answering:
            self.over = True
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        if not self.over:
            self._answering = True
            await self._send(message)
