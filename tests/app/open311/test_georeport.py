"""Open311 GeoReport v2 as the specification has it: services, their attributes, requests, reports and errors, both forms."""

from typing import Any
from xml.etree import ElementTree

import pytest

from gridsvc.app.open311 import endpoints
from gridsvc.core.settings import Settings
from tests.conftest import Service
from tests.town import JIA_1, LAMP, RUBBISH, spot

V2 = "/open311/v2"


def parsed(content: bytes) -> ElementTree.Element:
    """Read what the service itself has written."""
    return ElementTree.fromstring(content)  # noqa: S314


def fields(**more: str) -> dict[str, str]:
    lon, lat = spot(0.5, 1.5)
    return {
        "service_code": RUBBISH,
        "lat": str(lat),
        "long": str(lon),
        "attribute[condition]": "01",
        "description": "垃圾 <堆> & more",
        **more,
    }


def post(service: Service, form: str, given: dict[str, str], role: str = "intake") -> Any:
    return service.client.post(f"{V2}/requests.{form}", data=given, headers=service.as_(role))


def test_services_are_the_classes_and_their_attribute_is_the_condition(service: Service) -> None:
    viewer = service.as_("viewer")
    listed = service.client.get(f"{V2}/services.json", headers=viewer).json()
    assert [one["service_code"] for one in listed] == [LAMP, RUBBISH]
    assert {"service_code", "service_name", "description", "metadata", "type", "keywords", "group"} <= set(listed[0])
    xml = parsed(service.client.get(f"{V2}/services.xml", headers=viewer).content)
    assert (xml.tag, [one.findtext("service_code") for one in xml.findall("service")]) == ("services", [LAMP, RUBBISH])
    told = service.client.get(f"{V2}/services/{LAMP}.json", headers=viewer).json()
    assert told["attributes"][0]["values"] == [{"key": "01", "name": "损坏"}]
    xml = parsed(service.client.get(f"{V2}/services/{LAMP}.xml", headers=viewer).content)
    assert xml.tag == "service_definition"
    assert xml.findtext("attributes/attribute/values/value/key") == "01"


def test_a_report_becomes_an_incident_and_is_read_again(service: Service) -> None:
    made = post(service, "json", fields(first_name="Somebody", phone="123", email="a@b"))
    assert made.status_code == 201, made.text
    number = made.json()[0]["service_request_id"]
    read = service.client.get(f"{V2}/requests/{number}.json", headers=service.as_("viewer")).json()[0]
    assert (read["status"], read["service_code"], read["description"]) == ("open", RUBBISH, "垃圾 <堆> & more")
    assert (read["extended_attributes"]["status"], read["extended_attributes"]["grid"]) == ("reported", JIA_1)
    assert read["requested_datetime"].endswith("Z")
    assert "Somebody" not in str(read)
    xml = service.client.get(f"{V2}/requests/{number}.xml", headers=service.as_("viewer"))
    assert xml.headers["content-type"] == "text/xml; charset=utf-8"
    request = parsed(xml.content).find("request")
    assert request is not None
    assert (request.findtext("description"), request.findtext("service_request_id")) == ("垃圾 <堆> & more", number)
    assert float(request.findtext("lat") or 0) == spot(0.5, 1.5)[1]
    second = parsed(post(service, "xml", fields()).content)
    assert second.tag == "service_requests"
    assert second.findtext("request/service_request_id") != number


def test_requests_are_listed_by_status_service_and_span(service: Service) -> None:
    numbers = [post(service, "json", fields()).json()[0]["service_request_id"] for _ in range(3)]
    url, viewer = f"{V2}/requests.json", service.as_("viewer")

    def listed(query: str) -> list[str]:
        return [one["service_request_id"] for one in service.client.get(f"{url}?{query}", headers=viewer).json()]

    assert listed("") == numbers[::-1]
    assert listed(f"service_request_id={numbers[0]},{numbers[2]}") == [numbers[2], numbers[0]]
    assert listed("status=closed") == []
    assert listed("status=open,closed&page_size=2&page=2") == numbers[:1]
    assert listed(f"service_code={LAMP}") == []
    assert listed("start_date=2020-01-01T00:00:00Z&end_date=2020-02-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("status=lost", "status"),
        ("start_date=yesterday", "start_date"),
        ("start_date=2020-01-01T00:00:00Z&end_date=2020-12-01T00:00:00Z", "90 days"),
        ("page=0", "page"),
    ],
)
def test_a_question_that_makes_no_sense_is_400_with_code_and_description(
    service: Service, query: str, named: str
) -> None:
    answer = service.client.get(f"{V2}/requests.json?{query}", headers=service.as_("viewer"))
    assert (answer.status_code, answer.json()[0]["code"]) == (400, 400)
    assert named in answer.json()[0]["description"]
    xml = service.client.get(f"{V2}/requests.xml?{query}", headers=service.as_("viewer"))
    error = parsed(xml.content)
    assert (error.tag, error.findtext("error/code")) == ("errors", "400")


@pytest.mark.parametrize(
    ("missing", "value", "named"),
    [
        ("service_code", None, "service_code was not provided"),
        ("service_code", "matter:99999", "matter:99999"),
        ("lat", None, "lat and long"),
        ("lat", "north", "lat"),
        ("attribute[condition]", None, "attribute[condition]"),
    ],
)
def test_a_report_without_what_it_needs_is_told_what_that_is(
    service: Service, missing: str, value: str | None, named: str
) -> None:
    given = {key: one for key, one in fields().items() if key != missing} | ({missing: value} if value else {})
    answer = post(service, "json", given)
    assert (answer.status_code, named in answer.json()[0]["description"]) == (400, True), answer.text


def test_a_key_is_needed_and_may_come_as_api_key(service: Service) -> None:
    assert service.client.get(f"{V2}/discovery.json").status_code == 200
    assert service.client.get(f"{V2}/discovery.xml").status_code == 200
    without = service.client.get(f"{V2}/services.json")
    assert (without.status_code, without.json()[0]["code"]) == (403, 403)
    key = service.tokens["intake"]
    assert service.client.post(f"{V2}/requests.json", data=fields(api_key=key)).status_code == 201
    assert post(service, "json", fields(), "viewer").status_code == 403
    assert service.client.post(f"{V2}/requests.json", data=fields(api_key="wrong")).status_code == 403


@pytest.mark.parametrize("taken", [False, True])
def test_a_key_in_the_address_is_taken_only_where_the_office_has_said_so(
    service: Service,
    taken: bool,  # noqa: FBT001 - a case
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoints, "settings", lambda: Settings(open311_key_in_address=taken))
    key = service.tokens["intake"]
    for path, status in (("services.json", 200), ("requests/20260101-000001.json", 404), ("services/none.json", 404)):
        answer = service.client.get(f"{V2}/{path}?api_key={key}")
        assert answer.status_code == (status if taken else 403), path
        assert key not in answer.text
    assert service.client.get(f"{V2}/services.json?api_key=wrong").status_code == 403
    assert service.client.get(f"{V2}/services.pdf?api_key={key}").status_code == 404
