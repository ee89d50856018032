"""The first flow: a report comes in, finds its grid and its worker, and is told to everybody."""

from sqlalchemy import text

from tests.conftest import Service
from tests.town import JIA_1, LAMP, RUBBISH, spot


def report(column: float, row: float, **more: object) -> dict[str, object]:
    lon, lat = spot(column, row)
    return {
        "class": RUBBISH,
        "condition": "01",
        "place": {"lon": lon, "lat": lat},
        "text": "垃圾堆在路边",
        "source": "worker",
        **more,
    }


def test_a_report_is_linked_to_its_grid_version_and_responsible_worker_and_leaves_an_event(service: Service) -> None:
    answer = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("worker"))
    assert answer.status_code == 201, answer.text
    incident = answer.json()
    assert incident["grid"] == JIA_1
    assert incident["grid_version"] == 1
    assert incident["responsible"] == "W1"
    assert incident["status"] == "reported"
    assert incident["number"].endswith("-000001")
    with service.engine.connect() as connection:
        event = connection.execute(
            text("select kind, subject, actor, grid from event where kind like 'incident.%'")
        ).one()
    assert event == ("incident.reported", f"incident:{incident['id']}", "worker", JIA_1)
    again = service.client.get(answer.headers["location"], headers=service.as_("viewer"))
    assert again.json()["number"] == incident["number"]
    listed = service.client.get(f"/api/v1/incidents?grid={JIA_1}&open=true", headers=service.as_("viewer")).json()
    assert [one["id"] for one in listed["items"]] == [incident["id"]]


def test_a_point_outside_every_community_goes_to_the_fallback_queue(service: Service) -> None:
    answer = service.client.post("/api/v1/incidents", json=report(3.5, 0.5), headers=service.as_("dispatcher"))
    assert answer.status_code == 201
    incident = answer.json()
    assert (incident["community"], incident["grid"], incident["responsible"]) == (None, None, None)
    assert incident["queue"] == "fallback"


def test_a_report_sent_twice_with_one_key_makes_one_incident(service: Service) -> None:
    headers = service.as_("worker") | {"Idempotency-Key": "0192f0c1-0000-7000-8000-000000000001"}
    first = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=headers)
    second = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = service.client.post("/api/v1/incidents", json=report(0.6, 1.5), headers=headers)
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["detail"]
    with service.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from incident")) == 1


def test_an_asset_is_place_enough(service: Service) -> None:
    given = {"class": LAMP, "condition": "01", "asset": "a1", "source": "worker"}
    answer = service.client.post("/api/v1/incidents", json=given, headers=service.as_("worker"))
    assert answer.json()["grid"] == JIA_1


def test_a_report_that_makes_no_sense_is_refused_with_a_sentence_and_writes_nothing(service: Service) -> None:
    nonsense: list[tuple[dict[str, object], str]] = [
        (report(0.5, 1.5, condition="99"), "condition"),
        (report(0.5, 1.5, **{"class": "matter:99999"}), "class"),
        (report(0.5, 1.5, place={"lon": 32.04, "lat": 118.78}), "lat"),
        (report(0.5, 1.5, place=None), "where"),
        (report(0.5, 1.5, text="a\0b"), "stored"),
        (report(0.5, 1.5, ethnicity="x"), "ethnicity"),
        (report(0.5, 1.5, source="rumour"), "source"),
    ]
    for given, named in nonsense:
        answer = service.client.post("/api/v1/incidents", json=given, headers=service.as_("worker"))
        assert answer.status_code == 422, (given, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert named in answer.json()["detail"], answer.json()["detail"]
    with service.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from incident")) == 0


def test_numbers_of_a_day_follow_each_other(service: Service) -> None:
    numbers = [
        service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("worker")).json()["number"]
        for _ in range(3)
    ]
    assert [number[-6:] for number in numbers] == ["000001", "000002", "000003"]
