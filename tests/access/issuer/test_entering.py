"""Signing in through the issuer: who is linked comes in, as what their role here is, and the second factor is not skipped."""

from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import text

from gridsvc.access import guard
from gridsvc.access.guard import COOKIE
from gridsvc.core.settings import Settings
from tests.access.issuer.conftest import Office, asked_of
from tests.access.issuer.own_issuer import SECRET, SUBJECT
from tests.access.test_sign_in import add_factor, enter
from tests.conftest import Service, early_in_a_step


def test_without_an_issuer_there_is_no_such_way_in(service: Service) -> None:
    assert service.client.get("/api/v1/session/ways").json() == {"issuer": None}
    assert service.client.post("/api/v1/session/issuer", json={}).status_code == 404
    assert service.client.get("/api/v1/session/issuer/return?state=a&code=b").status_code == 404
    assert service.client.post("/api/v1/session/issuer/code", json={"code": "1"}).status_code == 404


def test_who_is_linked_comes_in_and_goes_on_to_the_page_that_was_asked_for(office: Office) -> None:
    assert office.service.client.get("/api/v1/session/ways").json() == {"issuer": {"label": "市政统一认证"}}
    answer = office.enter("/?grid=320106001001001#map")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?grid=320106001001001#map")
    assert (office.me().json()["username"], office.me().json()["role"]) == ("planner", "planner")
    with office.service.engine.connect() as connection:
        told = text("select actor, facts ->> 'by' from event where kind = 'account.signed_in'")
        assert connection.execute(told).one() == ("planner", "issuer")
        assert connection.scalar(text("select count(*) from sign_in_attempt")) == 0


def test_what_is_asked_of_the_issuer_has_pkce_state_and_nonce_new_each_time(office: Office) -> None:
    first, second = asked_of(office.begin()), asked_of(office.begin())
    assert first["code_challenge_method"] == "S256"
    assert (first["scope"], first["response_type"]) == ("openid", "code")
    assert all(len(first[name]) >= 43 and first[name] != second[name] for name in ("state", "nonce", "code_challenge"))


def test_the_cookie_of_a_sign_in_that_begins_is_of_this_browser_alone(office: Office) -> None:
    flags = office.service.client.post("/api/v1/session/issuer", json={}).headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("httponly", "samesite=lax", "max-age=600"))


def test_a_sign_in_through_the_issuer_is_a_new_secret_and_ends_the_one_before(office: Office) -> None:
    enter(office.service, "viewer")
    before = office.service.client.cookies[COOKIE]
    office.enter()
    assert office.service.client.cookies[COOKIE] != before
    told = office.service.client.get("/api/v1/me", headers={"Cookie": f"{COOKIE}={before}"})
    office.service.client.cookies.clear()
    assert office.service.client.get("/api/v1/me", headers={"Cookie": f"{COOKIE}={before}"}).status_code == 401, told


# The library would rather read `Ed25519` than `EdDSA`, which is what issuers write.
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-256", {"kid": "e"}), "ES256"),
        (OKPKey.generate_key("Ed25519", {"kid": "d"}), "EdDSA"),
    ],
)
def test_other_asymmetric_keys_do_as_well(office: Office, key: Any, algorithm: str) -> None:
    office.issuer.key, office.issuer.algorithm = key, algorithm
    assert office.enter().status_code == 303


def test_a_key_that_is_new_is_asked_for_once(office: Office) -> None:
    office.enter()
    office.issuer.key = RSAKey.generate_key(2048, {"kid": "second"})
    assert office.enter().status_code == 303
    assert office.issuer.asked.count("keys") == 2
    assert office.issuer.asked.count("discovery") == 1


def test_the_secret_may_be_in_a_file(office: Office, chosen: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    chosen |= {"oidc_client_secret": None, "oidc_client_secret_file": tmp_path / "secret"}
    assert office.enter().status_code == 303
    assert SECRET not in repr(Settings(**chosen | {"oidc_client_secret": SECRET}))


def test_no_account_is_made_and_no_role_comes_from_what_the_issuer_tells(office: Office) -> None:
    office.issuer.claims = {"role": "admin", "roles": ["admin"], "groups": ["admin"], "preferred_username": "admin"}
    office.enter()
    assert office.me().json()["role"] == "planner"
    office.service.client.cookies.clear()
    office.issuer.claims |= {"sub": "somebody new", "email": "admin@office.example"}
    assert office.enter().status_code == 401
    with office.service.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from identity")) == 1


def test_our_second_factor_is_asked_for_where_the_issuer_asked_for_none(office: Office) -> None:
    enter(office.service)
    phone, codes = add_factor(office.service)
    office.service.client.cookies.clear()
    answer = office.enter("/?grid=1")
    assert answer.headers["location"] == "/?sign-in=code&next=%2F%3Fgrid%3D1"
    assert office.me().status_code == 401
    post = office.service.client.post
    assert post("/api/v1/session/issuer/code", json={"code": "000000"}).status_code == 401
    assert office.me().status_code == 401
    early_in_a_step()
    assert post("/api/v1/session/issuer/code", json={"code": phone.now()}).status_code == 204
    assert office.me().json()["username"] == "planner"
    assert post("/api/v1/session/issuer/code", json={"code": codes[0]}).status_code == 401, "it is used up"


def test_guessing_codes_after_the_issuer_locks_out(office: Office) -> None:
    enter(office.service)
    add_factor(office.service)
    office.enter()
    post = office.service.client.post
    told = [post("/api/v1/session/issuer/code", json={"code": f"{n:06}"}).status_code for n in range(11)]
    assert told == [401] * 10 + [429]


@pytest.mark.parametrize("claims", [{"amr": ["pwd", "mfa"]}, {"acr": "phr"}])
def test_an_issuer_that_asked_for_a_second_factor_is_enough(
    office: Office, monkeypatch: pytest.MonkeyPatch, claims: dict[str, Any]
) -> None:
    monkeypatch.setattr(guard, "settings", lambda: Settings(second_factor="required"))
    office.enter()
    grids = "/api/v1/grids?limit=1"
    assert office.service.client.get(grids).json()["todo"] == "factor"
    office.issuer.claims = claims
    office.enter()
    assert office.service.client.get(grids).status_code == 200


def test_administrators_link_and_part_and_sign_ins_that_came_by_it_end(office: Office) -> None:
    client, admin = office.service.client, office.service.as_("admin")
    accounts = {one["username"]: one["id"] for one in client.get("/api/v1/accounts", headers=admin).json()["items"]}
    at = f"/api/v1/accounts/{accounts['planner']}/identity"
    assert client.get(at, headers=admin).json()["subject"] == SUBJECT
    assert client.get(at, headers=office.service.as_("planner")).status_code == 403
    taken = client.put(f"/api/v1/accounts/{accounts['viewer']}/identity", json={"subject": SUBJECT}, headers=admin)
    assert taken.status_code == 409
    office.enter()
    assert client.delete(at, headers=admin).status_code == 204
    assert office.me().status_code == 401
    assert client.get(at, headers=admin).status_code == 404
    assert office.enter().status_code == 401
    assert client.put(at, json={"subject": "another"}, headers=admin).json()["subject"] == "another"
    assert client.put(at, json={"subject": "a\0b"}, headers=admin).status_code == 422
