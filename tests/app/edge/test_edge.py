"""The edge: headers that keep a browser on this host, and refusals of what is too often, too large or of another kind."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from gridsvc.app.main import create_app
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings
from tests.conftest import Service, Town, copy_database

FEW = Settings(rate_reads=5, rate_writes=3, rate_strangers=4, rate_sign_ins=2)


@pytest.fixture
def limited(town: Town) -> Iterator[Service]:
    """Serve the town with room for a handful of requests a minute."""
    database = Database.at(copy_database(town.url), FEW)
    with TestClient(create_app(database, FEW, web=False)) as client:
        yield Service(client, database.engine, town.tokens)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_answers_with_data_stay_out_of_caches_and_hsts_is_for_tls_alone(service: Service) -> None:
    answer = service.client.get("/api/v1/incidents", headers=service.as_("dispatcher"))
    assert answer.headers["cache-control"] in ("no-store", "private, no-cache")
    assert "strict-transport-security" not in answer.headers
    assert "geolocation=(self)" in answer.headers["permissions-policy"]
    safe = service.client.get("https://testserver/api/v1/me", headers=service.as_("dispatcher"))
    assert safe.headers["strict-transport-security"].startswith("max-age=")


def test_a_policy_allows_no_inline_script_and_no_eval(service: Service) -> None:
    policy = service.client.get("/").headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy


def test_nobody_else_is_told_where_somebody_was(service: Service) -> None:
    for path in ("/", "/api/v1/grids", "/ogc?f=html"):
        assert service.client.get(path, headers=service.as_("viewer")).headers["referrer-policy"] == "same-origin", path


def test_an_account_that_asks_too_often_is_told_when_to_ask_again_and_others_go_on(limited: Service) -> None:
    asking = bearer(limited.tokens["viewer"])
    answers = [limited.client.get("/api/v1/me", headers=asking) for _ in range(8)]
    # The first was a stranger's, before the token was known.
    assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 2
    told = answers[-1]
    assert told.headers["content-type"] == "application/problem+json"
    assert 1 <= int(told.headers["retry-after"]) <= 60
    assert told.headers["retry-after"] in told.json()["detail"]
    assert limited.client.get("/api/v1/me", headers=bearer(limited.tokens["admin"])).status_code == 200
    assert limited.client.get("/healthz").status_code == 200


def test_a_new_wrong_token_each_time_does_not_get_round_the_count(limited: Service) -> None:
    codes = [limited.client.get("/api/v1/me", headers=bearer(f"wrong-{number}")).status_code for number in range(6)]
    assert codes[-1] == 429
    assert set(codes) == {401, 429}


def test_signing_in_is_counted_by_address_whatever_it_says_of_itself(limited: Service) -> None:
    codes = [
        limited.client.post(
            "/api/v1/session",
            json={"username": f"nobody{number}", "password": "x"},
            headers={"X-Forwarded-For": f"10.0.0.{number}", "Origin": "http://testserver"},
        ).status_code
        for number in range(3)
    ]
    assert codes[:2] == [401, 401]
    assert codes[2] == 429


def test_changes_are_counted_apart_from_readings(limited: Service) -> None:
    asking = bearer(limited.tokens["planner"])
    limited.client.get("/api/v1/me", headers=asking)
    codes = [limited.client.post("/api/v1/incidents", json={}, headers=asking).status_code for _ in range(4)]
    assert codes in ([422, 422, 422, 429], [403, 403, 403, 429])
    assert limited.client.get("/api/v1/me", headers=asking).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_kind_of_body_is_a_415_that_names_the_right_one(service: Service, kind: str) -> None:
    headers = {**service.as_("dispatcher"), "Content-Type": kind}
    answer = service.client.post("/api/v1/incidents", content=b'{"text": "x"}', headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("length", ["told", "not told"])
def test_too_large_a_body_is_a_413_also_when_its_length_is_not_told(service: Service, length: str) -> None:
    body = b'{"text": "' + b"x" * (1 << 20) + b'"}'
    headers = {**service.as_("dispatcher"), "Content-Type": "application/json"}
    content = body if length == "told" else (body[begin : begin + 65536] for begin in range(0, len(body), 65536))
    answer = service.client.post("/api/v1/incidents", content=content, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "1,048,576" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/api/v1/incidents/a%0Ab/actions", "/api/v1/accounts/a%0Ab/identity", "/open311/v2/a%0Ab"]
)
def test_a_line_break_in_an_address_is_a_refusal_and_no_fault(service: Service, path: str) -> None:
    answer = service.client.post(path, json={}, headers=service.as_("admin"))
    assert 400 <= answer.status_code < 500, answer.text


def test_a_deep_body_is_a_refusal_and_no_fault(service: Service) -> None:
    body = b"[" * 200_000
    headers = {**service.as_("dispatcher"), "Content-Type": "application/json"}
    assert service.client.post("/api/v1/incidents", content=body, headers=headers).status_code in (400, 422)


@pytest.mark.parametrize("at", ["2026", "-1", "1.5e9"])
def test_a_number_is_no_moment(service: Service, at: str) -> None:
    answer = service.client.get("/api/v1/grids", params={"at": at}, headers=service.as_("viewer"))
    assert answer.status_code == 422
    assert "2026-05-01T08:00:00+08:00" in answer.text
