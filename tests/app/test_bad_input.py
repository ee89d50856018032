"""Bad input to what everybody reads: a sentence, at once, and the database is never asked for it."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from gridsvc.access.guard import TOUCH, WHO
from gridsvc.app.main import create_app
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings
from tests.conftest import Service, Town, copy_database
from tests.cost import least_s

# Four times what is promised, and the processor's time, not the clock's: tests run beside other work.
PROMISED_S = 4 * 0.05
ITEMS = "/ogc/collections/buildings/items"
POINT = b'{"lon": 118.7801, "lat": 32.0411}'
BOMB = "(" * 5_000 + "true" + ")" * 5_000
DEEP = '{"op":"not","args":[' * 500 + "true" + "]}" * 500


def asked(path: str, **query: str) -> str:
    return f"{path}?{urlencode({name.replace('_', '-'): value for name, value in query.items()})}"


def many_points(size: int) -> bytes:
    count = size // (len(POINT) + 1)
    return b'{"points": [' + b",".join([POINT] * count) + b"]}"


BAD: dict[str, tuple[str, bytes | None, int, str]] = {
    "a column right of the map": ("/tiles/grids/15/32768/0.mvt", None, 404, "zoom"),
    "a row below the map": ("/tiles/grids/15/0/32768.mvt", None, 404, "zoom"),
    "a row of many digits": ("/tiles/grids/15/0/99999999999999999999999.mvt", None, 404, "zoom"),
    "a column before the map": ("/tiles/grids/15/-1/0.mvt", None, 404, ""),
    "zoom 99": ("/tiles/grids/99/0/0.mvt", None, 404, "zoom"),
    "zoom 99 at a moment": ("/tiles/grids/99/0/0.mvt?at=2026-06-01T00:00:00Z", None, 404, "zoom"),
    "zoom 99 by the standard": ("/ogc/collections/grids/tiles/WebMercatorQuad/99/0/0", None, 404, ""),
    "a row below the map by the standard": ("/ogc/collections/grids/tiles/WebMercatorQuad/15/32768/0", None, 404, ""),
    "a filter with an unknown column": (asked(ITEMS, filter="colour = 'red'"), None, 400, "colour"),
    "the same in JSON": (
        asked(ITEMS, filter='{"op":"=","args":[{"property":"colour"},1]}', filter_lang="cql2-json"),
        None,
        400,
        "colour",
    ),
    "a property that is none": (asked(ITEMS, colour="red"), None, 400, "colour"),
    "an unknown column to sort by": (asked(ITEMS, sortby="colour"), None, 400, "colour"),
    "a bomb of parentheses": (asked(ITEMS, filter=BOMB), None, 400, "levels deep"),
    "a bomb that never closes": (asked(ITEMS, filter="(" * 15_000), None, 400, "levels deep"),
    "a bomb of JSON": (asked(ITEMS, filter=DEEP, filter_lang="cql2-json"), None, 400, ""),
    "a bomb of conditions": (asked(ITEMS, filter=" or ".join(["levels=1"] * 1_400)), None, 400, ""),
    "a box across the 180th meridian": (asked(ITEMS, bbox="170,-10,-170,10"), None, 400, "180th meridian"),
    "a box that is inverted": (asked(ITEMS, bbox="118,33,119,32"), None, 400, "inverted"),
    "a box across the 180th meridian in a list": (
        asked("/api/v1/incidents", bbox="170,-10,-170,10"),
        None,
        422,
        "not a box",
    ),
    "a box that is inverted in a list": (asked("/api/v1/incidents", bbox="118,33,119,32"), None, 422, "not a box"),
    "an unknown system": (asked(ITEMS, crs="EPSG:27700"), None, 400, "not offered"),
    "an unknown system of the box": (asked(ITEMS, bbox="1,2,3,4", bbox_crs="EPSG:0"), None, 400, "not offered"),
    "an unknown system of the filter": (asked(ITEMS, filter="true", filter_crs="EPSG:x"), None, 400, "not offered"),
    "an unknown system of one feature": (asked(f"{ITEMS}/b1", crs="EPSG:27700"), None, 400, "not offered"),
    "a cursor of nobody": (asked(ITEMS, cursor="AAAA"), None, 400, "cursor"),
    "a point off the earth": (asked("/api/v1/locate", lon="200", lat="0"), None, 422, "lon"),
    "10 MB of points": ("/api/v1/locate", many_points(10_000_000), 413, "10,000 points"),
    "10,001 points": ("/api/v1/locate", b'{"points": [' + b",".join([POINT] * 10_001) + b"]}", 422, "points"),
    "a search from half a place": (asked("/api/v1/search", q="路", lon="118"), None, 422, "both"),
}


@pytest.fixture(scope="module")
def reading(town: Town) -> Iterator[Service]:
    """Serve the town as it is; nothing here writes."""
    database = Database.at(copy_database(town.url), Settings(pool_size=2))
    with TestClient(create_app(database, Settings())) as client:
        yield Service(client, database.engine, town.tokens)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note every statement that this process sends by the driver, but who is asking."""
    sent: list[Any] = []

    def listened(execute: Any) -> Any:
        def listen(cursor: object, query: object, *values: object, **ways: object) -> Any:
            if query not in (WHO, TOUCH, WHO.encode(), TOUCH.encode()):
                sent.append(query)
            return execute(cursor, query, *values, **ways)

        return listen

    for driver in (psycopg.Cursor, psycopg.AsyncCursor):
        monkeypatch.setattr(driver, "execute", listened(driver.execute))
    return sent


def ask(service: Service, path: str, body: bytes | None) -> Response:
    header = service.as_("viewer")
    answer: Response = (
        service.client.get(path, headers=header)
        if body is None
        else service.client.post(path, content=body, headers={**header, "Content-Type": "application/json"})
    )
    return answer


@pytest.mark.parametrize(("path", "body", "status", "word"), BAD.values(), ids=list(BAD))
def test_it_is_refused_at_once_by_a_sentence_and_no_query_is_run(
    reading: Service, statements: list[Any], path: str, body: bytes | None, status: int, word: str
) -> None:
    # That statements are heard at all.
    assert ask(reading, f"{ITEMS}?limit=1", None).status_code == 200
    assert statements
    statements.clear()

    def refused() -> None:
        answer = ask(reading, path, body)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        detail = answer.json()["detail"]
        assert len(detail) > 15, detail
        assert len(detail) < 600, "the sentence repeats what was sent"
        assert word in detail

    # The service answers in a thread of its own.
    assert least_s(refused, clock=time.process_time) <= PROMISED_S
    assert statements == []


def test_points_that_come_in_pieces_are_refused_before_they_have_all_come(
    reading: Service, statements: list[Any]
) -> None:
    body = many_points(10_000_000)
    header = {**reading.as_("viewer"), "Content-Type": "application/json"}
    pieces = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    answer = reading.client.post("/api/v1/locate", content=pieces, headers=header)
    assert answer.status_code == 413
    assert "10,000 points" in answer.json()["detail"]
    assert statements == []
