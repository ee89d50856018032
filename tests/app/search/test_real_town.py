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


def first(connection: Connection, q: str) -> tuple[str, str, str]:
    asked: dict[str, Any] = {"lon": None, "lat": None, "at": datetime.now(UTC), "limit": 5}
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
