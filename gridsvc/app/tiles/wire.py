"""The shortest way to a tile: a request in that is byte for byte one that was asked before, its answer out before it is even read.

A map asks for the same tiles again and again, in the same words. What such a request means is remembered with its bytes;
whether it may be answered, and with what, is decided anew each time (`gate.answer_at_once`). Reading it, and all that an
application costs, is left out. Everything else, and whatever cannot be answered from memory, is read as ever.
"""

from collections import OrderedDict
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gridsvc.app.tiles.gate import Answer, Asked, answer_at_once, read

BEGINS, ENDS = b"GET /tiles/", b"\r\n\r\n"
LONGEST_BYTES = 2_000
"""Of a request that is remembered; no browser needs more."""
MOST = 2_000
"""Requests remembered."""
CLOSING_SET_EVERY_S = 1
STATUS = {200: b"HTTP/1.1 200 OK\r\n", 204: b"HTTP/1.1 204 No Content\r\n", 304: b"HTTP/1.1 304 Not Modified\r\n"}


class Repeated:
    """Requests for tiles by their bytes, those used last."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self._known: OrderedDict[bytes, Asked] = OrderedDict()

    def answer(self, request: bytes) -> Answer | None:
        """Answer a request that is known, from memory."""
        asked = self._known.get(request)
        if asked is None:
            return None
        self._known.move_to_end(request)
        try:
            return answer_at_once(self._state, asked)
        except Exception:  # noqa: BLE001 - the general way meets the same and tells it properly
            return None

    def learn(self, request: bytes, scope: Any) -> None:
        """Remember what a request means, if it is for a tile and nothing about it is special."""
        sent = {name: value.decode("latin-1") for name, value in scope["headers"]}
        plain = scope["http_version"] == "1.1" and b"connection" not in sent and len(sent) == len(scope["headers"])
        # Who this host is not, is refused before anything is answered.
        if not plain or self._state.hosts.refusal(scope) is not None:
            return
        asked = read(scope, sent)
        if asked is not None:
            self._known[request] = asked
            while len(self._known) > MOST:
                self._known.popitem(last=False)


class TileProtocol(HttpToolsProtocol):
    """The server's protocol, with the shortest way in front; one class for each application (`protocol_of`)."""

    repeated: Repeated
    _closing_set_at = 0.0
    _within = False  # a request has begun and not ended: what comes belongs to it

    def data_received(self, data: bytes) -> None:
        """Answer a repeated request, or read what has come."""
        whole = (
            data.startswith(BEGINS)
            and len(data) <= LONGEST_BYTES
            and data.endswith(ENDS)
            and not self._within
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
        )
        if not whole:
            super().data_received(data)
            return
        answer = self.repeated.answer(data)
        if answer is None:
            super().data_received(data)
            # Read whole, and nothing after it has begun.
            if not self._within and data.count(ENDS) == 1 and self.scheme == "http":
                self.repeated.learn(data, self.scope)
            return
        self.transport.write(_written(answer, self.server_state.default_headers))
        self.server_state.total_requests += 1
        # To set the clock after which an idle connection is closed costs more than all the rest: once a second will do.
        if self.loop.time() > self._closing_set_at + CLOSING_SET_EVERY_S:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
            self._closing_set_at = self.loop.time()

    def on_response_complete(self) -> None:
        """Note that the clock is set anew."""
        super().on_response_complete()
        self._closing_set_at = self.loop.time()

    def on_message_begin(self) -> None:
        """Note that a request has begun."""
        self._within = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Note that a request has come whole."""
        self._within = False
        super().on_message_complete()


def _written(answer: Answer, of_server: list[tuple[bytes, bytes]]) -> bytes:
    date = b"".join([b"%b: %b\r\n" % header for header in of_server])
    status, tag, body, gzip = answer
    length = b"content-length: %d\r\n" % len(body) if body else b""
    return b"".join((_head(status, tag, bool(body), gzip), date, length, b"\r\n", body))


@lru_cache(maxsize=MOST)
def _head(status: int, tag: str, body: bool, gzip: bool) -> bytes:  # noqa: FBT001 - parts of a key
    headers = Answer(status, tag, b"x" if body else b"", gzip).headers
    return STATUS[status] + b"".join([b"%b: %b\r\n" % header for header in headers])


def protocol_of(state: Any) -> type[TileProtocol]:
    """Make the protocol of an application, by its state."""
    return type("ProtocolOfTiles", (TileProtocol,), {"repeated": Repeated(state)})
