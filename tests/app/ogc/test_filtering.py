"""Part 3 (filtering) and sorting: what is asked for is found, a walk along `next` sees everything once."""

import itertools
from datetime import UTC, datetime

import orjson
import psycopg
import pytest
from sqlalchemy import text

from gridsvc.access.guard import TOUCH, WHO
from gridsvc.app.ogc.asking import Question
from gridsvc.app.ogc.collections import COLLECTIONS
from gridsvc.app.ogc.statements import page_statement
from gridsvc.core.db import conninfo
from tests.app.ogc.conftest import Get, Served
from tests.town import BUILDINGS, JIA, JIA_1, YI_1


def ids(get: Get, collection: str = "buildings", **query: object) -> list[str]:
    return [one["id"] for one in get(f"/collections/{collection}/items", **query).json()["features"]]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_queryables_are_a_json_schema_of_what_may_be_filtered_by(get: Get, name: str) -> None:
    answer = get(f"/collections/{name}/queryables")
    assert answer.headers["content-type"] == "application/schema+json"
    body = answer.json()
    assert body["$schema"].endswith("2020-12/schema")
    assert body["$id"].endswith(f"/ogc/collections/{name}/queryables")
    assert body["type"] == "object"
    assert body["additionalProperties"] is False
    (feature, *_) = get(f"/collections/{name}/items").json()["features"]
    assert list(body["properties"]) == [*feature["properties"], "geometry"]
    assert all(one["title"] for one in body["properties"].values())
    for one in body["properties"]:
        get(f"/collections/{name}/items", filter=f'"{one}" is null')


FILTERS = {
    "levels = 6 and households > 100": ["b1", "b4"],
    "households between 60 and 80": ["b2", "b3"],
    "number in ('1', '4')": ["b1", "b4"],
    "name like '楼 b_' and not number = '2'": ["b1", "b3", "b4"],
    "casei(name) = casei('楼 B3')": ["b3"],
    "grid is null": [],
    f"grid = '{YI_1}'": ["b4"],
    f"community = '{JIA}'": ["b1", "b2", "b3"],
    "households > levels": ["b1", "b2", "b3", "b4"],
    "false": [],
    "s_intersects(geometry, POINT(118.78025 32.04125))": ["b1"],
    "s_within(geometry, BBOX(118.780, 32.041, 118.7805, 32.0415))": ["b1"],
    "s_disjoint(geometry, BBOX(118.780, 32.041, 118.782, 32.042))": ["b4"],
    "s_contains(geometry, POINT(118.78025 32.04125))": ["b1"],
    "s_touches(geometry, LINESTRING(118.7802 32.0412, 118.7802 32.0413))": ["b1"],
    "s_intersects(geometry, MULTIPOINT((118.78025 32.04125), (118.78065 32.04165)))": ["b1", "b2"],
    "s_intersects(geometry, GEOMETRYCOLLECTION(POINT(118.78025 32.04125)))": ["b1"],
    "s_crosses(geometry, LINESTRING(118.780 32.04125, 118.781 32.04125))": ["b1"],
    "s_overlaps(geometry, BBOX(118.78025, 32.041, 118.7805, 32.0415))": ["b1"],
    "s_equals(geometry, geometry)": ["b1", "b2", "b3", "b4"],
}


@pytest.mark.parametrize(("written", "expected"), FILTERS.items(), ids=list(FILTERS))
def test_a_filter_finds_what_it_says(get: Get, written: str, expected: list[str]) -> None:
    assert ids(get, filter=written) == expected


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("t_after(reported_at, TIMESTAMP('2026-01-01T00:00:00Z'))", 3),
        ("t_before(reported_at, DATE('2026-01-01'))", 0),
        ("t_during(reported_at, INTERVAL('2026-01-01T00:00:00Z', '..'))", 3),
        ("t_disjoint(INTERVAL(reported_at, closed_at), INTERVAL('..', '2026-01-01'))", 3),
        ("reported_at > TIMESTAMP('2026-01-01T00:00:00Z') and closed_at is null", 3),
        ("t_intersects(INTERVAL(reported_at, closed_at), TIMESTAMP('9000-01-01T00:00:00Z'))", 3),
        ("t_equals(reported_at, due_at)", 0),
    ],
)
def test_relations_in_time_hold(get: Get, written: str, count: int) -> None:
    assert len(ids(get, "incidents", filter=written)) == count


def test_json_says_the_same_as_text(get: Get) -> None:
    tree = {"op": "and", "args": [{"op": ">", "args": [{"property": "households"}, 100]}, True]}
    assert ids(get, filter=orjson.dumps(tree).decode(), filter_lang="cql2-json") == ["b1", "b4"]


def test_a_property_is_a_parameter_too(get: Get) -> None:
    assert ids(get, number="2") == ["b2"]
    assert ids(get, levels="6", households="60") == ["b3"]
    assert ids(get, "streets", bridge="false") == ["s1"]
    get("/collections/buildings/items", 400, levels="six")
    get("/collections/streets/items", 400, bridge="perhaps")


def test_filters_box_time_and_properties_hold_together(get: Get) -> None:
    query = {"bbox": "118.780,32.041,118.781,32.042", "datetime": "2026-06-01T00:00:00Z"}
    assert ids(get, filter="households > 100", levels="6", **query) == ["b1"]


BAD = {
    "colour = 1": "no property",
    "(" * 5000: "levels deep",
    "levels = 'six'": "compares",
    "levels = 1 -- x": "cannot be read",
    "levels = 1) or (1 = 1": "end of the filter is expected",
    "x" * 20_000: "characters",
}


@pytest.mark.parametrize(("written", "why"), BAD.items(), ids=[key[:20] for key in BAD])
def test_a_filter_that_makes_no_sense_is_refused_and_no_query_is_run(
    get: Get, served: Served, monkeypatch: pytest.MonkeyPatch, written: str, why: str
) -> None:
    get("/collections")  # so that the doorkeeper knows us
    real = served.service.client.app.state.database.rows  # type: ignore[attr-defined]

    async def none(sql: object, *values: object, **ways: object) -> object:
        # He asks again who we are after three seconds; that is no query of the filter.
        assert sql in (WHO, TOUCH), "a query was run"
        return await real(sql, *values, **ways)

    monkeypatch.setattr(served.service.client.app.state.database, "rows", none)  # type: ignore[attr-defined]
    assert why in get("/collections/buildings/items", 400, filter=written).json()["detail"]


def test_the_language_of_a_filter_must_be_one_of_two(get: Get) -> None:
    get("/collections/buildings/items", 400, filter="true", filter_lang="ecql")
    get("/collections/buildings/items", 400, filter_lang="cql2-text")
    get("/collections/buildings/items", 400, filter="{", filter_lang="cql2-json")


EVIL = ["'; drop table building; --", "1) or 1=1", "%(at)s", "%s", "\\", "'' or ''", "a'||pg_sleep(5)||'"]


@pytest.mark.parametrize("evil", EVIL)
def test_no_way_in_for_statements(get: Get, served: Served, evil: str) -> None:
    assert ids(get, name=evil) == []
    quoted = evil.replace("'", "''")
    get("/collections/buildings/items", 400 if evil == "\\" else 200, filter=f"name = '{quoted}'")
    tree = {"op": "like", "args": [{"property": "name"}, f"{evil}%"]}
    assert ids(get, filter=orjson.dumps(tree).decode(), filter_lang="cql2-json") == []
    for parameter in ("sortby", "properties", "datetime", "crs", "bbox", "cursor", "limit", "f"):
        get("/collections/buildings/items", 400, **{parameter: evil})
    get(f"/collections/buildings/items/{evil.replace('%', '%25')}", 404)
    with served.service.engine.connect() as connection:
        assert connection.execute(text("select count(*) from building")).scalar() == len(BUILDINGS)


def walk(get: Get, path: str, **query: object) -> list[list[str]]:
    """Follow `next` from the first page; answer the ids page by page."""
    answer = get(path, **query)
    pages = []
    for _ in range(50):
        body = answer.json()
        pages.append([one["id"] for one in body["features"]])
        following = [link["href"] for link in body["links"] if link["rel"] == "next"]
        if not following:
            return pages
        answer = get(following[0])
    raise AssertionError("the walk does not end")


@pytest.mark.parametrize("name", COLLECTIONS)
@pytest.mark.parametrize("time_asked", [None, "2026-01-01T00:00:00Z/.."])
def test_a_walk_sees_every_feature_once_and_ends(get: Get, name: str, time_asked: str | None) -> None:
    query = {"datetime": time_asked} if time_asked else {}
    whole = ids(get, name, **query)
    pages = walk(get, f"/collections/{name}/items", limit=1, **query)
    assert list(itertools.chain(*pages)) == whole
    assert all(len(page) == 1 for page in pages)


@pytest.mark.parametrize(
    "order",
    ["households", "-households", "use,-number", "-name_is_null", "levels,-households", "grid,+number", "-grid"],
)
def test_a_sorted_walk_is_the_sorted_list(get: Get, order: str) -> None:
    if "name_is_null" in order:
        get("/collections/buildings/items", 400, sortby=order)
        return
    whole = ids(get, sortby=order)
    assert sorted(whole) == sorted(BUILDINGS)
    assert list(itertools.chain(*walk(get, "/collections/buildings/items", limit=1, sortby=order))) == whole
    if order == "-households":
        assert whole == ["b4", "b1", "b2", "b3"]


def test_nulls_are_sorted_as_the_largest_and_walked_over(get: Get) -> None:
    for order in ("closed_at,-number", "-closed_at,number", "grid", "-queue,id"):
        whole = ids(get, "incidents", sortby=order)
        assert len(whole) == 3
        assert list(itertools.chain(*walk(get, "/collections/incidents/items", limit=1, sortby=order))) == whole


def test_a_walk_keeps_the_moment_of_its_first_page(get: Get) -> None:
    body = get("/collections/buildings/items", limit=1).json()
    (following,) = [link["href"] for link in body["links"] if link["rel"] == "next"]
    assert f"datetime={body['timeStamp'].replace(':', '%3A')}" in following


CURSORS = ["x", "W10", "WzFd", "bnVsbA", "WyJhIiwiYiJd", "WyJcdTAwMDAiXQ", "é", "", "W251bGxd"]


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_cursor_that_no_page_gave_is_refused(get: Get, cursor: str) -> None:
    get("/collections/buildings/items", 400, cursor=cursor)


def test_a_page_is_found_by_the_key_and_not_by_counting(served: Served) -> None:
    collection = COLLECTIONS["buildings"]
    asked = Question(limit=10, properties=("code",), after=("b1",))
    statement = page_statement(collection, asked, datetime.now(UTC))
    assert b"offset" not in statement.sql.lower()
    with psycopg.connect(conninfo(served.url)) as connection:
        connection.execute("set enable_seqscan = off")
        rows = connection.execute(b"explain " + statement.sql, statement.parameters).fetchall()
    plan = "\n".join(row[0] for row in rows)
    assert "Index Cond: (code > " in plan
    assert "Seq Scan" not in plan


def test_one_grid_is_found_by_its_code_alone(get: Get) -> None:
    assert ids(get, "grids", filter=f"code = '{JIA_1}'") == [JIA_1]
