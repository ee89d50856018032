"""Search in the real sample town: what a dispatcher would type, and what must come first."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from gridsvc.app.demo import load_town
from gridsvc.app.search.corners import pairs_of
from gridsvc.app.search.endpoints import could_be_a_code, parameters_of
from gridsvc.app.search.statements import CORNERS, KINDS, THINGS
from gridsvc.core.db import conninfo, open_engine, transaction
from gridsvc.core.settings import Settings
from tests.conftest import copy_database

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def xinjiekou(empty_url: str) -> Iterator[Connection]:
    url = copy_database(empty_url)
    engine = open_engine(url)
    with transaction(engine) as session:
        load_town(session, Settings())
    engine.dispose()
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        yield connection


def first(connection: Connection, q: str, lon: float | None = None, lat: float | None = None) -> tuple[str, str, str]:
    asked: dict[str, Any] = {"lon": lon, "lat": lat, "at": datetime.now(UTC), "limit": 5}
    pairs = pairs_of(q)
    rows = connection.execute(CORNERS.encode(), asked | parameters_of(pairs)).fetchall() if pairs.lefts else []
    if not rows:
        code = q if could_be_a_code(q) else None
        rows = connection.execute(THINGS.encode(), asked | {"q": q, "kinds": list(KINDS), "code": code}).fetchall()
    found = json.loads(rows[0][0])
    return found["kind"], found["name"], found["match"]


@pytest.mark.parametrize(
    ("q", "kind", "name", "match"),
    [
        ("新街口", "building", "新街口", "exact"),
        ("xinjiekou", "building", "新街口", "exact"),
        ("xjk", "building", "新街口", "exact"),
        ("xinjeikou", "building", "新街口", "similar"),
        ("新接口", "building", "新街口", "similar"),
        ("新街", "street", "新街口转盘", "prefix"),
        ("中山路", "street", "中山路", "exact"),
        ("Zhongshan Road", "street", "中山路", "exact"),
        ("zhongshnlu", "street", "中山路", "similar"),
        ("玄武区", "division", "玄武区", "exact"),
        ("示例东箭道社区", "community", "示例·东箭道社区", "exact"),
        ("金陵中学", "grid", "金陵中学网格", "prefix"),
        ("金鹰a座", "building", "金鹰A座", "exact"),
        ("良友里7栋", "building", "良友里7栋", "exact"),
        ("中山路112号", "building", "凯润金城6栋", "contains"),
        ("中山路18号", "building", "德基广场二期", "contains"),
        ("中山路 18", "building", "德基广场二期", "contains"),
        ("zhongshanlu112hao", "building", "凯润金城6栋", "contains"),
        ("中山南路122号", "building", "大洋百货", "exact"),
        ("中山南路12", "building", "大洋百货", "prefix"),
        ("洪武路23号", "building", "隆盛大厦", "exact"),
        ("仁寿里30号", "building", "南京市秦淮区仁寿里30号", "contains"),
        ("管家桥85号", "building", "华荣大厦", "contains"),
        # A number that nobody has: the street it would be in, before other numbers and other things.
        ("中山南路1号", "street", "中山南路", "similar"),
        ("汉中路1号", "street", "汉中路", "similar"),
        ("洪武路29号", "street", "洪武路", "similar"),
        ("Zhongshan Road 99999", "street", "中山路", "similar"),
        ("路灯37号", "asset", "中山路路灯37号", "contains"),
        ("320104007901001", "grid", "新街口百货专属网格", "exact"),
        ("中山路与汉中路", "corner", "中山路与汉中路", "corner"),
        ("中山路/珠江路", "corner", "中山路与珠江路", "corner"),
        ("太平南路 淮海路路口", "corner", "太平南路与淮海路", "corner"),
        ("zhongshanlu & hanzhonglu", "corner", "中山路与汉中路", "corner"),
    ],
)
def test_the_first_answer_is_the_one_that_is_meant(
    xinjiekou: Connection, q: str, kind: str, name: str, match: str
) -> None:
    assert first(xinjiekou, q) == (kind, name, match)


@pytest.mark.parametrize(
    "q", ["中山路18号", "中山路112号", "中山南路122号", "洪武路29号", "汉中路1号", "320104007901001", "w265043743"]
)
@pytest.mark.parametrize("place", [(118.78, 32.04), (118.7895, 32.0445)])
def test_an_address_or_code_has_the_same_first_answer_wherever_it_is_asked(
    xinjiekou: Connection, q: str, place: tuple[float, float]
) -> None:
    assert first(xinjiekou, q, *place) == first(xinjiekou, q)


def test_a_code_comes_before_what_is_called_like_it(xinjiekou: Connection) -> None:
    with xinjiekou.transaction(force_rollback=True):
        xinjiekou.execute("update building set name = 'w265043743' where code = 'w187714512'")
        for place in ((None, None), (118.7848, 32.0435)):
            asked = {"lon": place[0], "lat": place[1], "at": datetime.now(UTC), "limit": 5, "q": "w265043743"}
            rows = xinjiekou.execute(THINGS.encode(), asked | {"kinds": list(KINDS), "code": "w265043743"}).fetchall()
            assert [json.loads(row[0])["code"] for row in rows][:2] == ["w265043743", "w187714512"]


def test_every_name_number_and_address_that_is_kept_can_be_found(xinjiekou: Connection) -> None:
    # Made anew from the tables, the entries are those that the triggers kept.
    fresh = "select t.id, s.tail, s.kind, s.code from search_spelling s join search_term t on t.text = s.stem"
    kept = "select term, tail, kind, code from search_entry"
    for one, other in ((fresh, kept), (kept, fresh)):
        assert xinjiekou.execute(f"{one} except {other}".encode()).fetchall() == []
    (unread,) = xinjiekou.execute(
        "select count(*) from search_term t where not exists (select from search_key k where k.term = t.id)"
    ).fetchone() or (None,)
    assert unread == 0
