"""What is asked again byte for byte is answered as before, at once, and never to anybody or with anything it should not be."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx2
import pytest
from sqlalchemy import text

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.app.main import create_app
from gridsvc.app.tiles.gate import Answer
from gridsvc.app.tiles.wire import LONGEST_BYTES, Repeated
from gridsvc.core.db import Database, open_engine, transaction
from gridsvc.core.settings import Settings
from tests.conftest import Town, copy_database, served
from tests.loopback import serving
from tests.town import JIA, RUBBISH, spot

PATH = "/tiles/grids/15/27195/13302.mvt"


@dataclass
class Line:
    """One connection to a server, and how many of its answers came the shortest way."""

    socket: socket.socket
    short: list[bytes]
    waiting: bytes = b""

    def ask(self, *pieces: bytes) -> tuple[int, dict[str, str], bytes]:
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(0.05)
            self.socket.sendall(piece)
        return self.read()

    def read(self) -> tuple[int, dict[str, str], bytes]:
        while b"\r\n\r\n" not in self.waiting:
            more = self.socket.recv(65536)
            assert more, "the server has closed the connection"
            self.waiting += more
        head, _, rest = self.waiting.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = int(headers.get("content-length", 0))
        while len(rest) < size:
            rest += self.socket.recv(65536)
        body, self.waiting = rest[:size], rest[size:]
        return int(first.split(" ")[1]), headers, body


@dataclass
class Site:
    """A server over a town of its own."""

    port: int
    url: str
    town: Town
    short: list[bytes]
    open: ExitStack

    def line(self) -> Line:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        return Line(self.open.enter_context(made), self.short)

    def request(self, token: str, *headers: str, path: str = PATH, host: str = "127.0.0.1") -> bytes:
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Accept-Encoding: gzip",
            f"Authorization: Bearer {token}",
            *headers,
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.fixture
def site(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    short: list[bytes] = []
    answer = Repeated.answer

    def listening(self: Repeated, request: bytes) -> Answer | None:
        found = answer(self, request)
        if found is not None:
            short.append(request)
        return found

    monkeypatch.setattr(Repeated, "answer", listening)
    url = copy_database(town.url)
    settings = Settings(pool_size=2, allowed_hosts="127.0.0.1")
    app = create_app(Database.at(served(url), settings), settings, web=False)
    with serving(app) as address, ExitStack() as lines:
        yield Site(int(address.rpartition(":")[2]), url, town, short, lines)


def test_a_repeated_request_is_answered_as_before_without_being_read(site: Site) -> None:
    line, request = site.line(), site.request(site.town.tokens["viewer"])
    first, second = line.ask(request), line.ask(request)
    assert first[0] == second[0] == 200
    third = line.ask(request)
    assert site.short, "nothing was answered at once"
    for answer in (first, second, third):
        assert {name: value for name, value in answer[1].items() if name != "date"} == {
            name: value for name, value in first[1].items() if name != "date"
        }
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer[1]["date"])
        assert answer[2] == first[2] != b""
    known = site.request(site.town.tokens["viewer"], f"If-None-Match: {first[1]['etag']}")
    assert [line.ask(known)[0] for _ in range(3)] == [304] * 3
    assert known in site.short
    empty = site.request(site.town.tokens["viewer"], path="/tiles/grids/15/0/0.mvt")
    assert [line.ask(empty)[0] for _ in range(3)] == [204] * 3
    assert empty in site.short


def test_who_is_no_longer_known_gets_nothing_with_the_same_bytes(site: Site) -> None:
    line, request = site.line(), site.request(site.town.tokens["viewer"])
    assert [line.ask(request)[0] for _ in range(3)] == [200] * 3
    engine = open_engine(site.url)
    with transaction(engine) as session:
        session.execute(text("update account set disabled_at = now()"))
    engine.dispose()
    time.sleep(3.2)
    answers = [line.ask(request)[0] for _ in range(3)]
    assert answers == [401] * 3


def test_what_has_changed_is_told_and_each_is_told_their_own(site: Site) -> None:
    engine = open_engine(site.url)
    with transaction(engine) as session:
        account = add_account(session, "of-jia", "viewer", None, actor="test", codes=[JIA])
        narrow = issue_token(session, account, "", actor="test")
    line = site.line()
    wide = site.request(site.town.tokens["viewer"])
    whole = [line.ask(wide)[2] for _ in range(3)]
    part = [line.ask(site.request(narrow))[2] for _ in range(3)]
    assert len(set(whole)) == len(set(part)) == 1
    assert whole[0] != part[0]
    before = line.ask(wide)[1]["etag"]
    engine.dispose()
    lon, lat = spot(0.5, 1.5)
    report = {"class": RUBBISH, "condition": "01", "place": {"lon": lon, "lat": lat}, "source": "worker"}
    worker = {"Authorization": f"Bearer {site.town.tokens['worker']}"}
    assert httpx2.post(f"http://127.0.0.1:{site.port}/api/v1/incidents", json=report, headers=worker).status_code == 201
    after = [line.ask(wide) for _ in range(3)]
    assert all(answer[1]["etag"] != before and answer[2] != whole[0] for answer in after)


def test_bytes_of_a_request_inside_another_are_not_taken_for_one(site: Site) -> None:
    line, request = site.line(), site.request(site.town.tokens["viewer"])
    assert [line.ask(request)[0] for _ in range(3)] == [200] * 3
    site.short.clear()
    token = site.town.tokens["viewer"]
    head = f"POST /api/v1/locate HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    post = f"{head}Content-Length: {len(request)}\r\n\r\n".encode()
    # The body is what was asked before: whole and in a packet of its own.
    assert line.ask(post, request)[0] in (400, 422)
    refused = f"{head.replace('/api/v1/locate', '/nothing')}Content-Length: {len(request)}\r\n\r\n".encode()
    assert line.ask(refused, request)[0] == 404
    line.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        line.socket.recv(1)
    assert site.short == []
    # The head of another begins, and goes on with the same bytes: they are its header then, and no request.
    line = site.line()
    assert line.ask(b"GET /healthz HTTP/1.1\r\nX-", request)[0] != 200 or site.short == []
    assert site.short == []


def test_requests_in_one_packet_and_in_pieces_are_answered_one_after_another(site: Site) -> None:
    line, request = site.line(), site.request(site.town.tokens["viewer"])
    assert [line.ask(request)[0] for _ in range(3)] == [200] * 3
    empty = site.request(site.town.tokens["viewer"], path="/tiles/grids/15/0/0.mvt")
    line.socket.sendall(request + empty + request)
    assert [line.read()[0] for _ in range(3)] == [200, 204, 200]
    assert line.ask(request[:40], request[40:-2], request[-2:])[0] == 200
    line.socket.sendall(request[:40])
    time.sleep(0.05)
    line.socket.sendall(request[40:] + request)
    assert [line.read()[0] for _ in range(2)] == [200, 200]


def test_what_is_special_goes_the_general_way(site: Site) -> None:
    token = site.town.tokens["viewer"]
    asked = {
        "another host": site.request(token, host="elsewhere.example"),
        "a fresh tile": site.request(token, "Cache-Control: no-cache"),
        "another moment": site.request(token, path=f"{PATH}?at=2026-01-01T00:00:00Z"),
        "twice the same header": site.request(token, f"Authorization: Bearer {token}"),
        "a long header": site.request(token, f"X-Long: {'x' * LONGEST_BYTES}"),
    }
    line = site.line()
    assert [line.ask(site.request(token))[0] for _ in range(3)] == [200] * 3
    site.short.clear()
    for name, request in asked.items():
        statuses = [line.ask(request)[0] for _ in range(3)]
        assert site.short == [], name
        assert len(set(statuses)) == 1, name
    assert line.ask(asked["another host"])[0] in (400, 421)
    # Who wants the connection closed gets it closed, each time.
    closing = site.request(token, "Connection: close")
    for _ in range(3):
        once = site.line()
        assert once.ask(closing)[0] == 200
        assert once.socket.recv(1) == b""
    old = site.request(token).replace(b"HTTP/1.1", b"HTTP/1.0")
    for _ in range(3):
        once = site.line()
        assert once.ask(old)[0] == 200
        assert once.socket.recv(1) == b""
    assert site.short == []
