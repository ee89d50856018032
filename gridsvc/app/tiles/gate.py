"""The short way to a tile: a request for one in, its answer out before the rest of the application is even entered.

A map asks for thousands of tiles, and the general way through routing, parameters and their checks costs several times
what a kept tile does. A tile that is kept, in a version known right now, for somebody who is remembered, is answered
from memory without waiting for anything. Whatever is not plainly a tile of now for somebody who may see it goes the
general way, which answers the same and knows every refusal.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from starlette.requests import Request, cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from gridsvc.access.guard import cookie_name, identify, refuse_unless_allowed, secret_in_header
from gridsvc.access.proof.secrets import token_hash
from gridsvc.app.edge.headers import SAFE
from gridsvc.app.tiles.endpoints import MEDIA_TYPE, VERB, asks_for_fresh, headers_of, names, takes_gzip
from gridsvc.app.tiles.layers import layer_of
from gridsvc.app.tiles.making import Tiles, Wanted, decompress, tag_of

TILE = re.compile(r"/tiles/([a-z]{1,20})/([0-9]{1,2})/([0-9]{1,7})/([0-9]{1,7})\.mvt")
# Whatever else is asked for, the general way understands.
PLAIN = re.compile(rb"(edition=[0-9]*)?")

PLAIN_BODY = ((b"content-type", MEDIA_TYPE.encode()),)
GZIP_BODY = (*PLAIN_BODY, (b"content-encoding", b"gzip"))

Sent = dict[bytes, str]
Headers = list[tuple[bytes, bytes]]


class TileGate:
    """Answers what it can by itself and passes everything else on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a tile, or pass the request on."""
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith("/tiles/"):
            try:
                # Read once and raw: the general way's friendlier headers cost as much as all the rest together.
                sent = {name: value.decode("latin-1") for name, value in scope["headers"]}
                if (asked := read(scope, sent)) is not None:
                    answer = answer_at_once(scope["app"].state, asked) or await _answer(scope, asked)
            except Exception:  # noqa: BLE001 - the general way meets the same and tells it properly
                answer = None
        if answer is None:
            await self._app(scope, receive, send)
            return
        length = [(b"content-length", b"%d" % len(answer.body))] if answer.body else []
        await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, *length]})
        await send({"type": "http.response.body", "body": answer.body})


class Answer(NamedTuple):
    """What is told: nothing new (304), nothing drawn (204) or a tile, compressed or not."""

    status: int
    tag: str
    body: bytes = b""
    gzip: bool = False

    @property
    def headers(self) -> Headers:
        """Give the headers, but for those of the body's length and the server's own."""
        return _headers(self.tag, (GZIP_BODY if self.gzip else PLAIN_BODY) if self.body else ())


@dataclass(frozen=True)
class Asked:
    """A request for a tile of now, by somebody with a secret, of which the hash is known."""

    path: str
    key: bytes
    if_none_match: str | None
    gzip: bool


def read(scope: Scope, sent: Sent) -> Asked | None:
    """Tell what is asked for, if it is plainly a tile and whatever is remembered will do."""
    if not (scope["method"] == "GET" and PLAIN.fullmatch(scope["query_string"]) and TILE.fullmatch(scope["path"])):
        return None
    secret = secret_in_header(sent.get(b"authorization"))
    if secret is None and (cookies := sent.get(b"cookie")):
        secret = cookie_parser(cookies).get(cookie_name(scope["scheme"]))
    if not secret or asks_for_fresh(sent.get(b"cache-control")):
        return None
    return Asked(
        scope["path"], token_hash(secret), sent.get(b"if-none-match"), takes_gzip(sent.get(b"accept-encoding"))
    )


def answer_at_once(state: Any, asked: Asked) -> Answer | None:
    """Answer from what is in memory, or not at all; raise what refuses it."""
    keeper, tiles = getattr(state, "doorkeeper", None), state.tiles
    caller = keeper.remembered(asked.key) if keeper else None
    if caller is None:
        return None
    refuse_unless_allowed(caller, VERB)
    wanted = _wanted(asked.path, caller.row_scope)
    version = tiles.versions.known(wanted.layer)
    if version is None:
        return None
    tag = tag_of(wanted.row_scope, wanted.layer, version)
    if _has_it(asked.if_none_match, tag):
        return Answer(304, tag)
    tile = tiles.at_once(wanted, version)
    return None if tile is None else _tell(tag, tile, gzip=asked.gzip)


async def _answer(scope: Scope, asked: Asked) -> Answer:
    request = Request(scope)
    caller = await identify(request)
    refuse_unless_allowed(caller, VERB)
    tiles: Tiles = request.app.state.tiles
    wanted = _wanted(asked.path, caller.row_scope)
    version = await tiles.version(wanted)
    tag = tag_of(wanted.row_scope, wanted.layer, version)
    if _has_it(asked.if_none_match, tag):
        return Answer(304, tag)
    return _tell(tag, await tiles.get(wanted, version), gzip=asked.gzip)


def _tell(tag: str, tile: bytes, *, gzip: bool) -> Answer:
    if not tile:
        return Answer(204, tag)
    return Answer(200, tag, tile if gzip else decompress(tile), gzip)


def _has_it(if_none_match: str | None, tag: str) -> bool:
    return if_none_match is not None and (if_none_match == tag or names(if_none_match, tag))


@lru_cache(maxsize=5000)
def _wanted(path: str, row_scope: str) -> Wanted:
    name, z, x, y = path.removeprefix("/tiles/").removesuffix(".mvt").split("/")
    return Wanted(layer_of(name), int(z), int(x), int(y), row_scope)


@lru_cache(maxsize=600)
def _headers(tag: str, body: tuple[tuple[bytes, bytes], ...] = ()) -> Headers:
    both = {**headers_of(tag), **SAFE}
    return [*((name.lower().encode(), value.encode()) for name, value in both.items()), *body]
