"""Signing in: sign-ins that end, second factors, lock-out that tells nothing, tokens that are limited."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pyotp
import pytest
from sqlalchemy import text

from gridsvc.access import accounts, endpoints, guard
from gridsvc.access.guard import COOKIE, SAFE_COOKIE
from gridsvc.core.db import transaction
from gridsvc.core.settings import Settings
from tests.conftest import Service, early_in_a_step
from tests.town import JIA, PASSWORD

NEW_PASSWORD = "quite another sentence"
OWN_PASSWORD = "one that is my own"


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let a test set what an office may set."""

    def chosen(**values: Any) -> None:
        for module in (accounts, endpoints, guard):
            monkeypatch.setattr(module, "settings", lambda: Settings(**values))

    return chosen


def enter(service: Service, username: str = "planner", password: str = PASSWORD, **more: Any) -> httpx.Response:
    """Sign in with a browser that has no cookie yet."""
    service.client.cookies.clear()
    return service.client.post("/api/v1/session", json={"username": username, "password": password, **more})


def choose_own(service: Service, old: str) -> None:
    """Choose a password of one's own for the one that was given."""
    answer = service.client.put("/api/v1/me/password", json={"old": old, "new": OWN_PASSWORD})
    assert answer.status_code == 204, answer.text


def with_cookie(service: Service, name: str, secret: str) -> httpx.Response:
    """Ask who I am with one cookie, whatever the client has."""
    return service.client.get("/api/v1/me", headers={"Cookie": f"{name}={secret}"})


def change(service: Service, statement: str) -> None:
    with transaction(service.engine) as session:
        session.execute(text(statement))
    service.client.app.state.doorkeeper = None  # type: ignore[attr-defined]  # what it remembers for 3 s


def add_factor(service: Service) -> tuple[pyotp.TOTP, list[str]]:
    """Add a second factor to whoever is signed in; codes of a past step are used up by it."""
    begun = service.client.post("/api/v1/me/factor", json={"password": PASSWORD}).json()
    phone = pyotp.TOTP(parse_qs(urlsplit(begun["address"]).query)["secret"][0])
    early_in_a_step()
    earlier = phone.at(datetime.now(UTC) - timedelta(seconds=30))
    done = service.client.post("/api/v1/me/factor/confirm", json={"code": earlier})
    assert done.status_code == 200, done.text
    return phone, done.json()["recovery_codes"]


def test_a_sign_in_is_a_new_secret_and_ends_the_one_before_on_this_browser(service: Service) -> None:
    assert enter(service).status_code == 204
    before = service.client.cookies[COOKIE]
    again = service.client.post("/api/v1/session", json={"username": "planner", "password": PASSWORD})
    assert again.status_code == 204
    assert service.client.cookies[COOKIE] != before
    service.client.cookies.clear()
    assert with_cookie(service, COOKIE, before).status_code == 401


def test_a_cookie_somebody_planted_is_never_taken_over(service: Service) -> None:
    given = {"username": "planner", "password": PASSWORD}
    answer = service.client.post("/api/v1/session", json=given, headers={"Cookie": f"{COOKIE}=planted"})
    assert "planted" not in answer.headers["set-cookie"]
    service.client.cookies.clear()
    assert with_cookie(service, COOKIE, "planted").status_code == 401


def test_with_tls_the_cookie_belongs_to_this_host_alone(service: Service) -> None:
    service.client.base_url = "https://grid.example"
    answer = enter(service)
    flags = answer.headers["set-cookie"].lower()
    assert flags.startswith(SAFE_COOKIE.lower())
    assert all(flag in flags for flag in ("; secure", "; httponly", "; samesite=strict", "; path=/"))
    assert "domain" not in flags
    secret = service.client.cookies[SAFE_COOKIE]
    service.client.cookies.clear()
    assert with_cookie(service, COOKIE, secret).status_code == 401
    assert with_cookie(service, SAFE_COOKIE, secret).status_code == 200


@pytest.mark.parametrize(
    "ended",
    [
        "update credential set last_used_at = now() - interval '4 hours 1 minute' where kind = 'session'",
        "update credential set expires_at = now() where kind = 'session'",
        "update account set disabled_at = now()",
    ],
)
def test_a_sign_in_ends_when_it_is_idle_too_old_or_disabled(service: Service, ended: str) -> None:
    enter(service)
    assert service.client.get("/api/v1/me").status_code == 200
    change(service, ended)
    assert service.client.get("/api/v1/me").status_code == 401


def test_use_keeps_a_sign_in_from_going_idle(service: Service) -> None:
    enter(service)
    change(service, "update credential set last_used_at = now() - interval '3 hours' where kind = 'session'")
    service.client.get("/api/v1/me")
    with service.engine.connect() as connection:
        statement = text("select now() - last_used_at < interval '1 minute' from credential where kind = 'session'")
        assert connection.scalar(statement) is True


def test_own_sign_ins_are_listed_and_ended_and_nobody_else_s(service: Service) -> None:
    enter(service, "viewer")
    foreign = service.client.get("/api/v1/me/sessions").json()["items"][0]["id"]
    enter(service)
    first = service.client.cookies[COOKIE]
    enter(service)
    items = service.client.get("/api/v1/me/sessions").json()["items"]
    assert [one["current"] for one in items].count(True) == 1
    assert len(items) == 2
    assert service.client.delete(f"/api/v1/me/sessions/{foreign}").status_code == 404
    old = next(one["id"] for one in items if not one["current"])
    assert service.client.delete(f"/api/v1/me/sessions/{old}").status_code == 204
    assert service.client.get("/api/v1/me").status_code == 200
    service.client.cookies.clear()
    assert with_cookie(service, COOKIE, first).status_code == 401


def test_a_changed_password_ends_every_other_sign_in_at_once(service: Service) -> None:
    enter(service)
    other = service.client.cookies[COOKIE]
    enter(service)
    given = {"old": PASSWORD, "new": NEW_PASSWORD}
    assert service.client.put("/api/v1/me/password", json={**given, "old": "wrong"}).status_code == 401
    assert service.client.put("/api/v1/me/password", json={**given, "new": "short"}).status_code == 422
    assert service.client.put("/api/v1/me/password", json={**given, "new": "password1234"}).status_code == 422
    assert service.client.put("/api/v1/me/password", json=given).status_code == 204
    assert service.client.get("/api/v1/me").status_code == 200
    service.client.cookies.clear()
    assert with_cookie(service, COOKIE, other).status_code == 401
    assert enter(service).status_code == 401
    assert enter(service, password=NEW_PASSWORD).status_code == 204


def test_with_a_second_factor_the_password_is_not_enough_and_no_code_opens_twice(service: Service) -> None:
    enter(service)
    phone, recovery = add_factor(service)
    missing = enter(service)
    assert (missing.status_code, missing.json()["second_factor"]) == (401, True)
    assert enter(service, code="000000").json()["detail"] == enter(service, password="x").json()["detail"]
    early_in_a_step()
    code = phone.now()
    assert enter(service, code=code).status_code == 204
    assert enter(service, code=code).status_code == 401
    assert enter(service, code=recovery[0]).status_code == 204
    assert enter(service, code=recovery[0]).status_code == 401


def test_a_second_factor_is_kept_sealed_and_bound_to_its_account(service: Service) -> None:
    enter(service)
    phone, _ = add_factor(service)
    with service.engine.connect() as connection:
        sealed = bytes(connection.scalar(text("select totp_secret from account where username = 'planner'")))
    assert phone.secret.encode() not in sealed
    change(
        service,
        "update account set totp_confirmed_at = now(), totp_secret ="
        " (select totp_secret from account where username = 'planner') where username = 'admin'",
    )
    early_in_a_step()
    assert enter(service, "admin", code=phone.now()).status_code == 503


def test_a_second_factor_may_be_asked_of_admins_and_planners(service: Service, choose: Callable[..., None]) -> None:
    choose(second_factor="required")
    enter(service)
    refused = service.client.get("/api/v1/grids")
    assert (refused.status_code, refused.json()["todo"]) == (403, "factor")
    add_factor(service)
    assert service.client.get("/api/v1/grids").status_code == 200
    enter(service, "viewer")
    assert service.client.get("/api/v1/grids").status_code == 200


def test_dengbao3_has_an_old_password_changed_first(service: Service, choose: Callable[..., None]) -> None:
    choose(security_profile="dengbao3")
    change(service, "update account set password_changed_at = now() - interval '91 days'")
    enter(service, "viewer")
    refused = service.client.get("/api/v1/grids")
    assert (refused.status_code, refused.json()["todo"]) == (403, "password")
    given = {"old": PASSWORD, "new": NEW_PASSWORD}
    assert "needs 3 of" in service.client.put("/api/v1/me/password", json=given).json()["detail"]
    assert service.client.put("/api/v1/me/password", json={**given, "new": "Quite another 1"}).status_code == 204
    assert service.client.get("/api/v1/grids").status_code == 200


@pytest.mark.parametrize("username", ["planner", "nobody-of-this-name"])
def test_too_many_wrong_answers_lock_a_name_whether_it_exists_or_not(service: Service, username: str) -> None:
    answers = [enter(service, username, "wrong") for _ in range(11)]
    assert [one.status_code for one in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 800
    # The right password does not help now: else the lock would say when it was guessed.
    assert enter(service, username).status_code == 429
    assert enter(service, "viewer").status_code == 204
    change(service, "update sign_in_failure set at = at - interval '15 minutes'")
    assert enter(service, username).status_code == (204 if username == "planner" else 401)


def test_an_address_that_tries_many_names_is_locked(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridsvc.access.proof.secrets.password_fits", lambda *_: False)
    monkeypatch.setattr("gridsvc.access.credentials.password_fits", lambda *_: False)
    codes = [enter(service, f"name{number}", "guess").status_code for number in range(51)]
    assert codes == [401] * 50 + [429]
    # What a client says of itself is not believed: it cannot wash its hands by a header.
    service.client.cookies.clear()
    again = service.client.post(
        "/api/v1/session",
        json={"username": "other", "password": "guess"},
        headers={"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"},
    )
    assert again.status_code == 429


def test_what_was_typed_as_a_name_is_not_kept(service: Service) -> None:
    enter(service, PASSWORD, "x")
    with service.engine.connect() as connection:
        kept = connection.execute(text("select subject from sign_in_failure")).all()
        told = connection.scalar(text("select count(*) from event where facts::text like '%sentence%'"))
    assert len(kept) == 2
    assert told == 0


def test_a_token_is_shown_once_limited_to_its_verbs_and_ended(service: Service) -> None:
    enter(service)
    made = service.client.post(
        "/api/v1/tokens", json={"label": "桌面", "days": 3, "scopes": ["territory.read", "workforce.read"]}
    ).json()
    listed = service.client.get("/api/v1/tokens")
    assert made["token"] not in listed.text
    service.client.cookies.clear()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert service.client.get("/api/v1/grids", headers=bearer).status_code == 200
    assert service.client.get("/api/v1/incidents", headers=bearer).status_code == 403
    assert service.client.get("/api/v1/me", headers=bearer).json()["permissions"] == [
        "territory.read",
        "workforce.read",
    ]
    assert service.client.post("/api/v1/tokens", json={"label": "更多"}, headers=bearer).status_code == 403
    assert service.client.get("/api/v1/me/sessions", headers=bearer).status_code == 403
    assert service.client.delete(f"/api/v1/tokens/{made['id']}", headers=service.as_("viewer")).status_code == 404
    assert service.client.delete(f"/api/v1/tokens/{made['id']}", headers=bearer).status_code == 204
    assert service.client.get("/api/v1/grids", headers=bearer).status_code == 401


def test_no_token_has_more_than_its_account(service: Service) -> None:
    enter(service, "viewer")
    for verb in ("account.manage", "no.such.verb"):
        answer = service.client.post("/api/v1/tokens", json={"label": "x", "scopes": [verb]})
        assert (answer.status_code, verb in answer.json()["detail"]) == (422, True)


def test_an_administrator_makes_changes_and_disables_accounts(service: Service) -> None:
    admin = service.as_("admin")
    given = {"username": "new", "role": "department", "department": "路灯所", "password": NEW_PASSWORD}
    made = service.client.post("/api/v1/accounts", json=given, headers=admin)
    assert made.status_code == 201
    key = made.json()["id"]
    assert service.client.post("/api/v1/accounts", json=given, headers=admin).status_code == 409
    assert enter(service, "new", NEW_PASSWORD).status_code == 204
    choose_own(service, NEW_PASSWORD)
    changed = service.client.patch(f"/api/v1/accounts/{key}", json={"role": "intake"}, headers=admin).json()
    assert (changed["role"], changed["department"]) == ("intake", "路灯所")
    assert service.client.get("/api/v1/me").json()["role"] == "intake"
    service.client.patch(f"/api/v1/accounts/{key}", json={"disabled": True}, headers=admin)
    assert service.client.get("/api/v1/me").status_code == 401
    assert enter(service, "new", OWN_PASSWORD).status_code == 401
    service.client.patch(f"/api/v1/accounts/{key}", json={"disabled": False}, headers=admin)
    assert enter(service, "new", OWN_PASSWORD).status_code == 204
    assert service.client.get("/api/v1/accounts", headers=service.as_("supervisor")).status_code == 403
    own = service.client.get("/api/v1/accounts", headers=admin).json()["items"]
    me = next(one["id"] for one in own if one["username"] == "admin")
    refused = service.client.patch(f"/api/v1/accounts/{me}", json={"role": "viewer"}, headers=admin)
    assert refused.status_code == 409


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("put", "/me/password"),
        ("post", "/tokens"),
        ("delete", "/me/sessions"),
        ("post", "/me/factor"),
        ("post", "/session"),
    ],
)
def test_no_page_of_another_site_changes_anything_with_the_cookie(
    service: Service, method: str, path: str, site: str
) -> None:
    enter(service)
    for headers in ({"Sec-Fetch-Site": site}, {"Origin": "https://evil.example"}):
        given = {"username": "planner", "password": PASSWORD} if path == "/session" else {}
        answer = service.client.request(method, f"/api/v1{path}", headers=headers, json=given)
        assert answer.status_code == 403


def test_an_administrator_unlocks_a_name_and_ends_its_sign_ins(service: Service) -> None:
    admin = service.as_("admin")
    accounts = service.client.get("/api/v1/accounts", headers=admin).json()["items"]
    at = next(f"/api/v1/accounts/{one['id']}" for one in accounts if one["username"] == "planner")
    enter(service)
    secret = service.client.cookies[COOKIE]
    assert service.client.patch(at, json={"end_sessions": True}, headers=admin).status_code == 200
    service.client.cookies.clear()
    assert with_cookie(service, COOKIE, secret).status_code == 401
    for _ in range(10):
        enter(service, password="wrong")
    assert enter(service).status_code == 429
    assert service.client.patch(at, json={"unlock": True}, headers=admin).status_code == 200
    assert enter(service).status_code == 204
    with service.engine.connect() as connection:
        statement = "select kind from event where kind in ('account.unlocked', 'account.signed_out') order by id"
        assert connection.scalars(text(statement)).all() == ["account.signed_out", "account.unlocked"]


def test_an_administrator_of_a_part_unlocks_too(service: Service) -> None:
    given = {"role": "admin", "territory": [JIA], "password": PASSWORD}
    for name in ("part", "theirs"):
        answer = service.client.post("/api/v1/accounts", json=given | {"username": name}, headers=service.as_("admin"))
        assert answer.status_code == 201, answer.text
    key = answer.json()["id"]
    for _ in range(10):
        enter(service, "theirs", "wrong")
    enter(service, "part")
    choose_own(service, PASSWORD)
    assert service.client.patch(f"/api/v1/accounts/{key}", json={"unlock": True}).status_code == 200
    assert enter(service, "theirs").status_code == 204


def test_a_code_lasts_its_thirty_seconds_and_no_longer(service: Service) -> None:
    enter(service)
    phone, _ = add_factor(service)
    early_in_a_step()
    for seconds in (-60, -30, 30, 60):
        # As if none had been used yet.
        change(service, "update account set totp_step = null")
        assert enter(service, code=phone.at(datetime.now(UTC) + timedelta(seconds=seconds))).status_code == 401, seconds
    early_in_a_step()
    assert enter(service, code=phone.now()).status_code == 204


def test_a_password_that_an_administrator_has_given_is_for_the_first_sign_in_alone(service: Service) -> None:
    given = {"username": "newcomer", "role": "viewer", "password": NEW_PASSWORD}
    made = service.client.post("/api/v1/accounts", json=given, headers=service.as_("admin"))
    assert made.status_code == 201
    assert enter(service, "newcomer", NEW_PASSWORD).status_code == 204

    def todo() -> object:
        answer = service.client.get("/api/v1/grids?limit=1")
        return None if answer.status_code == 200 else answer.json()["todo"]

    assert todo() == "password"
    choose_own(service, NEW_PASSWORD)
    assert todo() is None
    assert enter(service, "newcomer", OWN_PASSWORD).status_code == 204
    assert todo() is None
    # Given anew, it is a first one again; and after its time it opens nothing.
    path = f"/api/v1/accounts/{made.json()['id']}"
    assert service.client.patch(path, json={"password": PASSWORD}, headers=service.as_("admin")).status_code == 200
    assert enter(service, "newcomer").status_code == 204
    assert todo() == "password"
    change(service, "update account set first_password_until = now() - interval '1 second' where username = 'newcomer'")
    assert enter(service, "newcomer").json()["detail"] == enter(service, "nobody").json()["detail"]
    assert enter(service, "newcomer").status_code == 401
