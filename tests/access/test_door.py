"""The door: nobody comes in unknown, nobody does what the role may not, and nothing is told about why."""

import base64
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from gridsvc.access.accounts import disable_account
from gridsvc.access.guard import secret_in_header
from gridsvc.access.permissions import PERMISSIONS, ROLES, may
from gridsvc.core.db import transaction
from tests.conftest import Service
from tests.town import PASSWORD, RUBBISH

ISSUER = {f"/api/v1/session/{way}" for way in ("ways", "issuer", "issuer/return", "issuer/code")}
OPEN_TO_ALL = {"/healthz", "/readyz", "/openapi.json", "/api/v1/session", *ISSUER, "/open311/v2/discovery.{form}"}
# GeoReport v2 has its own words for a missing key.
GEOREPORT = (403, "application/json; charset=utf-8")


def test_every_operation_but_health_needs_a_token(service: Service) -> None:
    schema = service.client.get("/openapi.json").json()
    asked = 0
    for path, operations in schema["paths"].items():
        if path in OPEN_TO_ALL:
            continue
        concrete = path.replace("{z}", "0").replace("{x}", "0").replace("{y}", "0").replace("{layer}", "grids")
        concrete = concrete.replace("{form}", "json")
        refused = GEOREPORT if path.startswith("/open311") else (401, "application/problem+json")
        for method in operations:
            answer = service.client.request(method, concrete)
            told = (answer.status_code, answer.headers["content-type"])
            assert told == refused, (method, path, answer.status_code)
            asked += 1
    assert asked >= 24


@pytest.mark.parametrize(
    "header", ["Bearer nonsense", "Bearer", "Basic !!!", "Digest x", "bearer \x7f", "Basic " + "A" * 5000]
)
def test_a_wrong_token_is_nobody(service: Service, header: str) -> None:
    assert service.client.get("/api/v1/me", headers={"Authorization": header}).status_code == 401


def test_a_gis_client_may_send_the_token_as_a_password(service: Service) -> None:
    basic = base64.b64encode(f"anything:{service.tokens['planner']}".encode()).decode()
    me = service.client.get("/api/v1/me", headers={"Authorization": f"Basic {basic}"}).json()
    assert (me["username"], me["role"]) == ("planner", "planner")


def test_a_challenge_makes_a_gis_client_ask_but_no_browser_pop_up(service: Service) -> None:
    desktop = service.client.get("/api/v1/me")
    page = service.client.get("/api/v1/me", headers={"Sec-Fetch-Mode": "cors"})
    assert "Basic" in desktop.headers["www-authenticate"]
    assert "Basic" not in page.headers["www-authenticate"]


def test_a_viewer_may_read_and_not_report(service: Service) -> None:
    given = {"class": RUBBISH, "condition": "01", "place": {"lon": 118.7805, "lat": 32.0415}, "source": "public"}
    answer = service.client.post("/api/v1/incidents", json=given, headers=service.as_("viewer"))
    assert answer.status_code == 403
    assert service.client.get("/api/v1/incidents", headers=service.as_("viewer")).json()["items"] == []


def test_me_names_the_worker_of_the_account(service: Service) -> None:
    worker = service.client.get("/api/v1/me", headers=service.as_("worker")).json()
    assert worker["worker"]["id"] == "W1"
    assert "incident.report" in worker["permissions"]
    viewer = service.client.get("/api/v1/me", headers=service.as_("viewer")).json()
    assert viewer["worker"] is None
    assert "incident.report" not in viewer["permissions"]


def test_signing_in_sets_a_cookie_that_works_until_signing_out(service: Service) -> None:
    client = service.client
    assert client.post("/api/v1/session", json={"username": "intake", "password": PASSWORD}).status_code == 204
    cookie = next(iter(client.cookies.jar))
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert client.get("/api/v1/me").json()["username"] == "intake"
    stolen = dict(client.cookies)
    assert client.delete("/api/v1/session").status_code == 204
    client.cookies.update(stolen)
    assert client.get("/api/v1/me").status_code == 401


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(service: Service) -> None:
    answers = [
        service.client.post("/api/v1/session", json={"username": name, "password": "wrong"})
        for name in ("intake", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://elsewhere.example"}],
)
def test_another_site_cannot_write_with_the_cookie(service: Service, headers: dict[str, str]) -> None:
    service.client.post("/api/v1/session", json={"username": "intake", "password": PASSWORD})
    given = {"class": RUBBISH, "condition": "01", "place": {"lon": 118.7805, "lat": 32.0415}, "source": "hotline"}
    assert service.client.post("/api/v1/incidents", json=given, headers=headers).status_code == 403
    assert service.client.post("/api/v1/incidents", json=given).status_code == 201


def test_a_disabled_account_is_out_within_the_promised_time(service: Service) -> None:
    header = service.as_("intake")
    assert service.client.get("/api/v1/me", headers=header).status_code == 200
    with transaction(service.engine) as session:
        disable_account(session, "intake", actor="test")
    app_state = service.client.app.state  # type: ignore[attr-defined]
    app_state.doorkeeper._clock = lambda: datetime.now(UTC).timestamp()  # any clock far ahead of the one before
    assert service.client.get("/api/v1/me", headers=header).status_code == 401


def test_tokens_and_passwords_are_kept_only_as_hashes(service: Service) -> None:
    with service.engine.connect() as connection:
        kept = str(connection.execute(text("select * from credential")).all())
        kept += str(connection.execute(text("select * from account")).all())
        kept += str(connection.execute(text("select * from event")).all())
    assert PASSWORD not in kept
    assert "argon2id" in kept
    assert not any(token in kept for token in service.tokens.values())


def test_the_permission_table_knows_every_role_and_verb() -> None:
    for roles in PERMISSIONS.values():
        assert roles <= set(ROLES)
    with pytest.raises(KeyError):
        may("admin", "no.such.verb")


def test_a_header_without_a_token_is_not_the_same_as_no_header() -> None:
    assert secret_in_header(None) is None
    assert secret_in_header("Basic x") == ""
