"""The catalogue as others read it: the current version, an old one, and one numbering in the words of another."""

from sqlalchemy import text

from gridsvc.incidents.catalogue.crosswalk import Named, crosswalk, plain
from tests.conftest import Service
from tests.town import LAMP, RUBBISH


def test_the_catalogue_says_what_the_contract_says(service: Service) -> None:
    said = service.client.get("/api/v1/catalogue", headers=service.as_("viewer")).json()
    assert (said["version"], said["scheme"]) == ("town", "example")
    lamp = said["classes"][0]
    assert (lamp["class"], lamp["kind"], lamp["name"]) == (LAMP, "asset", "路灯")
    condition = lamp["conditions"][0]
    assert {key: condition[key] for key in ("code", "text", "closing", "limit", "unit", "department")} == {
        "code": "01",
        "text": "损坏",
        "closing": "恢复",
        "limit": 2,
        "unit": "working_day",
        "department": "示例部门",
    }


def test_an_incident_keeps_the_text_it_was_filed_under_when_the_catalogue_changes(service: Service) -> None:
    given = {"class": LAMP, "condition": "01", "asset": "a1", "source": "worker"}
    incident = service.client.post("/api/v1/incidents", json=given, headers=service.as_("worker")).json()
    with service.engine.begin() as connection:
        for statement in (
            "update catalogue set current = false",
            "insert into catalogue (version, scheme, current) values ('newer', 'example', true)",
            f"insert into catalogue_class (version, class, kind, name, name_en) values ('newer', '{LAMP}', 'asset', '照明', 'Light')",
        ):
            connection.execute(text(statement))
    again = service.client.get(f"/api/v1/incidents/{incident['id']}", headers=service.as_("viewer")).json()
    assert (again["catalogue"], again["class_name"], again["condition_text"]) == ("town", "路灯", "损坏")
    versions = service.client.get("/api/v1/catalogue/versions", headers=service.as_("viewer")).json()["items"]
    assert {(one["version"], one["current"]) for one in versions} == {("town", False), ("newer", True)}
    old = service.client.get("/api/v1/catalogue?version=town", headers=service.as_("viewer")).json()
    assert [one["class"] for one in old["classes"]] == [LAMP, RUBBISH]
    walked = service.client.get("/api/v1/catalogue/crosswalk?from=town&to=newer", headers=service.as_("viewer")).json()
    assert [(one["class"], one["to"]) for one in walked["items"]] == [(LAMP, None), (RUBBISH, None)]
    assert service.client.get("/api/v1/catalogue?version=no", headers=service.as_("viewer")).status_code == 404


def test_numbers_that_a_city_has_swapped_are_told_apart_by_name() -> None:
    old = [
        Named("matter:01", "matter", "暴露垃圾"),
        Named("matter:02", "matter", "积存 渣土（新）"),
        Named("asset:01", "asset", "旧物"),
    ]
    new = [
        Named("matter:06011", "matter", "积存渣土"),
        Named("matter:06010", "matter", "暴露垃圾"),
        Named("asset:9", "asset", "暴露垃圾"),
    ]
    assert [one.to for one in crosswalk(old, new)] == ["matter:06010", "matter:06011", None]


def test_a_name_that_two_classes_have_is_left_to_a_person() -> None:
    new = [Named("asset:1", "asset", "井盖"), Named("asset:2", "asset", "井 盖")]
    (match,) = crosswalk([Named("asset:01", "asset", "井盖")], new)
    assert (match.to, match.candidates) == (None, ("asset:1", "asset:2"))
    assert plain("Street Lamp (old)") == "streetlamp"
