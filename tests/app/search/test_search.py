"""Search in the small town: what is found, by which name, when, and that nonsense gets an answer."""

from typing import Any

import pytest
from sqlalchemy import text

from gridsvc.access.accounts import find_account
from gridsvc.access.credentials import issue_token
from gridsvc.core.db import transaction
from tests.conftest import Service
from tests.town import GRIDS, JIA, JIA_1, LAMP, YI_1, YI_2, spot

Item = dict[str, Any]


def find(service: Service, **asked: object) -> list[Item]:
    answer = service.client.get("/api/v1/search", params=asked, headers=service.as_("viewer"))  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["next"] is None
    items: list[Item] = body["items"]
    return items


def change(service: Service, *statements: str) -> None:
    with transaction(service.engine) as session:
        for statement in statements:
            session.execute(text(statement))


@pytest.mark.parametrize(
    ("q", "kind", "code", "match"),
    [
        ("甲社区", "community", JIA, "exact"),
        ("甲一", "grid", JIA_1, "prefix"),
        ("网格", "grid", JIA_1, "contains"),
        ("示例路", "street", "s1", "exact"),
        ("示例路2号", "building", "b2", "exact"),
        ("示例路 ３ 号", "building", "b3", "exact"),
        ("4", "building", "b4", "exact"),
        ("楼b1", "building", "b1", "exact"),
        ("b1", "building", "b1", "exact"),
        ("示例街道", "division", "320102003000", "exact"),
        (JIA_1, "grid", JIA_1, "exact"),
        (JIA, "community", JIA, "exact"),
        ("shililu", "street", "s1", "exact"),
        ("shili lu 2", "building", "b2", "exact"),
        ("sll", "street", "s1", "exact"),
        ("Sample Road", "street", "s1", "exact"),
        ("sampel road", "street", "s1", "similar"),
        ("shilillu", "street", "s1", "similar"),
        ("事例路", "street", "s1", "similar"),
        ("示例路99号", "street", "s1", "similar"),
    ],
)
def test_the_first_answer_is_the_one_that_is_meant(service: Service, q: str, kind: str, code: str, match: str) -> None:
    first = find(service, q=q)[0]
    assert (first["kind"], first["code"], first["match"]) == (kind, code, match)


def test_an_answer_says_what_it_is_and_where(service: Service) -> None:
    lon, lat = spot(0.25, 1.25)
    (found,) = find(service, q="楼b1", lon=lon, lat=lat, kind="building")
    assert (found.pop("lon"), found.pop("lat")) == pytest.approx((lon, lat), abs=0.00005)
    assert found == {
        "kind": "building",
        "code": "b1",
        "name": "楼 b1",
        "detail": "示例路 1 号",
        "community": JIA,
        "grid": JIA_1,
        "distance_m": 0,
        "match": "exact",
    }


def test_the_nearest_is_first_within_a_way_to_match(service: Service) -> None:
    for near, first in ((spot(0.2, 1.2), "b1"), (spot(2.4, 1.4), "b4"), (spot(1.3, 1.3), "b3")):
        found = find(service, q="示例路", lon=near[0], lat=near[1])
        assert [(one["kind"], one["match"]) for one in found[:2]] == [("street", "exact"), ("building", "prefix")]
        assert found[1]["code"] == first
        distances = [one["distance_m"] for one in found[1:]]
        assert len(distances) == 4
        assert distances == sorted(distances)


def test_only_the_kinds_asked_for_are_found(service: Service) -> None:
    assert {one["kind"] for one in find(service, q="示例")} == {"division", "street", "building"}
    assert {one["kind"] for one in find(service, q="示例", kind=["street", "division"])} == {"division", "street"}
    assert len(find(service, q="示例", limit=2)) == 2


def test_a_renamed_thing_is_found_by_its_new_name_at_once_and_by_the_old_one_only_in_its_time(service: Service) -> None:
    change(
        service,
        "update building set name = '紫金大厦', address = '紫金路8号' where code = 'b1'",
        "update street set name = '紫金路' where code = 's1'",
    )
    assert [one["code"] for one in find(service, q="紫金大厦")] == ["b1"]
    assert find(service, q="zijindasha")[0]["code"] == "b1"
    assert find(service, q="zjds")[0]["code"] == "b1"
    assert find(service, q="紫金路8号")[0]["code"] == "b1"
    assert all(one["code"] != "b1" for one in find(service, q="楼b1"))
    assert [one["code"] for one in find(service, q="示例路", kind="street")] == []
    then = find(service, q="示例路", kind="street", at="2026-03-01T00:00:00Z")
    assert [(one["code"], one["name"]) for one in then] == [("s1", "示例路")]
    assert find(service, q="紫金大厦", at="2026-03-01T00:00:00Z") == []


def test_what_else_changes_about_a_thing_leaves_its_name_found(service: Service) -> None:
    change(service, "update building set households = 7 where code = 'b1'")
    found = find(service, q="楼b1", kind="building")
    assert [(one["code"], one["match"]) for one in found] == [("b1", "exact")]


def test_a_thing_that_is_gone_is_not_found(service: Service) -> None:
    assert find(service, q="示例路4号")[0]["code"] == "b4"
    change(service, "delete from building where code = 'b4'")
    assert all(one["code"] != "b4" for one in find(service, q="示例路4号"))


def test_a_retired_grid_is_found_only_in_its_time(service: Service) -> None:
    change(
        service,
        "update grid_version set valid = tstzrange(lower(valid), '2026-06-01Z') where grid like '320102003902%'",
        "update community_version set valid = tstzrange(lower(valid), '2026-06-01Z') where community = '320102003902'",
    )
    assert find(service, q="乙一网格") == []
    assert find(service, q=YI_1) == []
    assert [one["code"] for one in find(service, q="乙一网格", at="2026-05-01T00:00:00Z")] == [YI_1]
    assert [one["code"] for one in find(service, q=YI_1, at="2026-05-01T00:00:00Z")] == [YI_1]
    assert find(service, q="乙", kind="grid") == []


def test_every_code_with_a_beginning_is_found(service: Service) -> None:
    found = find(service, q="320102003902", kind="grid")
    assert [one["code"] for one in found] == [YI_1, YI_2]
    assert len(find(service, q="320102003", kind="grid")) == len(GRIDS)


def test_two_streets_find_the_place_where_they_meet(service: Service) -> None:
    lon, lat = spot(2, 1)
    change(
        service,
        "insert into street (code, name, name_en, kind, length_m, geometry) values ('s2', '样板路', 'Model Road',"
        f" 'residential', 1, 'SRID=4326;MULTILINESTRING(({lon} {lat - 0.001}, {lon} {lat + 0.001}))')",
        "insert into street (code, name, kind, length_m, geometry) values ('s3', '远路',"
        f" 'residential', 1, 'SRID=4326;MULTILINESTRING((118.9 {lat}, 118.91 {lat}))')",
    )
    for q in ("示例路与样板路", "样板路/示例路", "示例路 样板路路口", "Sample Road & Model Road", "shililu/yangbanlu"):
        (corner,) = find(service, q=q)
        assert (corner["kind"], corner["code"], corner["match"]) == ("corner", None, "corner"), q
        assert (corner["lon"], corner["lat"]) == pytest.approx((lon, lat), abs=1e-7)
        assert set(corner["name"].split("与")) == {"示例路", "样板路"}
        assert corner["grid"] in GRIDS
    assert all(one["kind"] != "corner" for one in find(service, q="示例路与远路"))
    assert find(service, q="示例路与样板路", kind="street", limit=1)[0]["kind"] == "street"


def test_an_office_reads_a_name_in_its_own_way_from_the_moment_it_says_so(service: Service) -> None:
    change(service, "update building set name = '六合大楼' where code = 'b1'")
    assert all(one["match"] == "similar" for one in find(service, q="luhedalou"))
    change(service, "insert into pinyin_own values ('六合', '{lu he}')")
    assert [(one["code"], one["match"]) for one in find(service, q="luhedalou")] == [("b1", "exact")]
    assert find(service, q="lhdl")[0]["code"] == "b1"
    change(service, "delete from pinyin_own")
    assert find(service, q="liuhedalou")[0]["match"] == "exact"


@pytest.mark.parametrize(
    ("name", "typed"),
    [("重庆路", "chongqinglu"), ("厦门街", "xiamenjie"), ("长江路", "changjianglu"), ("长生巷", "changshengxiang"),
     ("绿地中心", "lvdizhongxin"), ("绿地中心", "ludizhongxin"), ("银行街", "yinhangjie"), ("A座", "azuo")],
)  # fmt: skip
def test_characters_of_several_readings_are_found_by_the_right_one(service: Service, name: str, typed: str) -> None:
    change(service, f"update street set name = '{name}' where code = 's1'")
    assert [(one["code"], one["match"]) for one in find(service, q=typed, kind="street")] == [("s1", "exact")]


def test_no_person_is_ever_found(service: Service) -> None:
    for q in ("示例网格员1", "示例网格员", "网格员", "W1", "10000000001", "wgy", "viewer"):
        assert all("网格员" not in str(one) and one["code"] not in ("W1", "W2", "W3") for one in find(service, q=q)), q


def test_an_incident_is_found_by_its_number_and_tells_nobody(service: Service) -> None:
    lon, lat = spot(0.5, 1.5)
    report = {
        "class": "matter:06010",
        "condition": "01",
        "place": {"lon": lon, "lat": lat},
        "text": "张三打来电话",
        "source": "hotline",
    }
    made = service.client.post("/api/v1/incidents", json=report, headers=service.as_("dispatcher")).json()
    (found,) = find(service, q=made["number"])
    assert (found["kind"], found["code"], found["name"], found["detail"]) == (
        "incident",
        made["id"],
        made["number"],
        "暴露垃圾",
    )
    assert find(service, q="张三") == []


@pytest.mark.parametrize(
    "q",
    ["%", "_", "%%%", "'", "\"'; drop table street; --", "\\", "/", "与", "路" * 200, "😀", "\u202e", " ", "", "0" * 200,
     "a\tb", "ﷺ" * 200, "1", "路", "(", "[[:alnum:]]", "\U0010ffff", "%s %(q)s", "-", "１２－３号", "../../etc"],
)  # fmt: skip
def test_nonsense_finds_nothing_or_something_and_breaks_nothing(service: Service, q: str) -> None:
    found = find(service, q=q, lon=118.78, lat=32.04)
    if not any(letter.isalnum() for letter in q):
        assert found == []


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("q=a%00b", "NUL"),
        (f"q={'x' * 201}", "q:"),
        ("", "q:"),
        ("q=a&lon=1", "both lon and lat"),
        ("q=a&lon=nan&lat=1", "lon"),
        ("q=a&lon=1&lat=91", "lat"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=51", "limit"),
        ("q=a&kind=worker", "kind"),
        ("q=a&at=yesterday", "at"),
        ("q=a&surname=b", "surname"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(service: Service, query: str, word: str) -> None:
    answer = service.client.get(f"/api/v1/search?{query}", headers=service.as_("viewer"))
    assert answer.status_code == 422
    assert word in answer.json()["detail"]


def test_nobody_searches_without_signing_in(service: Service) -> None:
    assert service.client.get("/api/v1/search?q=a").status_code == 401


def test_a_token_that_may_not_read_incidents_finds_none(service: Service) -> None:
    report = {"class": LAMP, "condition": "01", "place": {"lon": 118.7805, "lat": 32.0415}, "source": "dispatcher"}
    number = service.client.post("/api/v1/incidents", json=report, headers=service.as_("dispatcher")).json()["number"]
    with transaction(service.engine) as session:
        token = issue_token(
            session, find_account(session, "dispatcher"), "map", actor="test", scopes=["territory.read"]
        )
    asked = {"params": {"q": number}, "headers": {"Authorization": f"Bearer {token}"}}
    assert service.client.get("/api/v1/search", **asked).json()["items"] == []  # type: ignore[arg-type]
    whole = service.client.get("/api/v1/search", params={"q": number}, headers=service.as_("dispatcher"))
    assert [one["code"] for one in whole.json()["items"]] != []
