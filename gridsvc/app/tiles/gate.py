"""The short way to a tile: a request for one in, its answer out before the rest of the application is even entered.

A map asks for thousands of tiles, and the general way through routing, parameters and their checks costs several times
what a kept tile does. A tile that is kept, in a version known right now, for somebody who is remembered, is answered
from memory without waiting for anything. Whatever is not plainly a tile of now for somebody who may see it goes the
general way, which answers the same and knows every refusal.
"""

import re
from functools import lru_cache
from typing import Any

from starlette.requests import Request, cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from gridsvc.access.guard import cookie_name, identify, refuse_unless_allowed, secret_in_header
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
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class TileGate:
    """Answers what it can by itself and passes everything else on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a tile, or pass the request on."""
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith("/tiles/"):
            try:
                if PLAIN.fullmatch(scope["query_string"]) and TILE.fullmatch(scope["path"]):
                    # Read once and raw: the general way's friendlier headers cost as much as all the rest together.
                    sent = {name: value.decode("latin-1") for name, value in scope["headers"]}
                    answer = _at_once(scope, sent) or await _answer(scope, sent)
            except Exception:  # noqa: BLE001 - the general way meets the same and tells it properly
                answer = None
        if answer is None:
            await self._app(scope, receive, send)
            return
        status, headers, body = answer
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _at_once(scope: Scope, sent: Sent) -> Answer | None:
    """Answer from what is in memory, or not at all."""
    state: Any = scope["app"].state
    keeper, tiles = getattr(state, "doorkeeper", None), state.tiles
    secret = secret_in_header(sent.get(b"authorization"))
    if secret is None and (cookies := sent.get(b"cookie")):
        secret = cookie_parser(cookies).get(cookie_name(scope["scheme"]))
    caller = keeper.remembered(secret) if keeper and secret else None
    if caller is None or asks_for_fresh(sent.get(b"cache-control")):
        return None
    refuse_unless_allowed(caller, VERB)
    wanted = _wanted(scope["path"], caller.row_scope)
    version = tiles.versions.known(wanted.layer)
    if version is None:
        return None
    tag = tag_of(wanted.row_scope, wanted.layer, version)
    if _has_it(sent.get(b"if-none-match"), tag):
        return 304, _headers(tag), b""
    tile = tiles.memory.get(wanted.key(version))
    return None if tile is None else _tell(tag, tile, sent)


async def _answer(scope: Scope, sent: Sent) -> Answer:
    request = Request(scope)
    caller = await identify(request)
    refuse_unless_allowed(caller, VERB)
    tiles: Tiles = request.app.state.tiles
    wanted = _wanted(scope["path"], caller.row_scope)
    version = await tiles.version(wanted, fresh=asks_for_fresh(sent.get(b"cache-control")))
    tag = tag_of(wanted.row_scope, wanted.layer, version)
    if _has_it(sent.get(b"if-none-match"), tag):
        return 304, _headers(tag), b""
    return _tell(tag, await tiles.get(wanted, version), sent)


def _tell(tag: str, tile: bytes, sent: Sent) -> Answer:
    if not tile:
        return 204, _headers(tag), b""
    gzip = takes_gzip(sent.get(b"accept-encoding"))
    if not gzip:
        tile = decompress(tile)
    return 200, [*_headers(tag, GZIP_BODY if gzip else PLAIN_BODY), (b"content-length", b"%d" % len(tile))], tile


def _has_it(if_none_match: str | None, tag: str) -> bool:
    return if_none_match is not None and (if_none_match == tag or names(if_none_match, tag))


@lru_cache(maxsize=5000)
def _wanted(path: str, row_scope: str) -> Wanted:
    name, z, x, y = path.removeprefix("/tiles/").removesuffix(".mvt").split("/")
    return Wanted(layer_of(name), int(z), int(x), int(y), row_scope)


@lru_cache(maxsize=600)
def _headers(tag: str, body: tuple[tuple[bytes, bytes], ...] = ()) -> list[tuple[bytes, bytes]]:
    both = {**headers_of(tag), **SAFE}
    return [*((name.lower().encode(), value.encode()) for name, value in both.items()), *body]
