"""Signing in through the issuer under attack: every trick is refused with one sentence, and nobody is signed in by it."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import text

from gridsvc.access.issuer.asking import AWAY, REFUSED
from gridsvc.core.db import transaction
from tests.access.issuer.conftest import Office, asked_of
from tests.access.issuer.own_issuer import CLIENT, SUBJECT, OwnIssuer

NOW = int(time.time())


def refused(office: Office, answer: Any) -> None:
    """Check that an answer tells nothing and nobody is signed in."""
    assert (answer.status_code, answer.json()["detail"]) == (401, REFUSED), answer.text
    assert set(answer.json()) == {"type", "title", "status", "detail"}
    assert office.me().status_code == 401


def written(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def unsigned(issuer: OwnIssuer, nonce: str) -> str:
    claims = {"iss": issuer.address, "sub": SUBJECT, "aud": CLIENT, "exp": NOW + 900, "iat": NOW, "nonce": nonce}
    parts = ({"alg": "none", "kid": "first"}, claims)
    return ".".join(written(json.dumps(one).encode()) for one in parts) + "."


def by_public_key(issuer: OwnIssuer, nonce: str) -> str:
    claims = {"iss": issuer.address, "sub": SUBJECT, "aud": CLIENT, "exp": NOW + 900, "iat": NOW, "nonce": nonce}
    assert isinstance(issuer.key, RSAKey)
    # The issuer publishes this key: whoever takes it for a secret takes this signature for the issuer's.
    parts = ({"alg": "HS256", "kid": "first"}, claims)
    signed = ".".join(written(json.dumps(one).encode()) for one in parts)
    by = hmac.digest(issuer.key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{written(by)}"


def of_another_key(issuer: OwnIssuer, nonce: str) -> str:
    claims = {"iss": issuer.address, "sub": SUBJECT, "aud": CLIENT, "exp": NOW + 900, "iat": NOW, "nonce": nonce}
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, RSAKey.generate_key(2048))


def with_own_key_inside(issuer: OwnIssuer, nonce: str) -> str:
    key = RSAKey.generate_key(2048, {"kid": "mine"})
    claims = {"iss": issuer.address, "sub": SUBJECT, "aud": CLIENT, "exp": NOW + 900, "iat": NOW, "nonce": nonce}
    return jwt.encode({"alg": "RS256", "kid": "mine", "jwk": key.as_dict(private=False)}, claims, key)


@pytest.mark.parametrize("forge", [unsigned, by_public_key, of_another_key, with_own_key_inside])
def test_a_forged_token_is_refused(office: Office, forge: Callable[[OwnIssuer, str], str]) -> None:
    address = office.begin()
    office.issuer.raw_token = forge(office.issuer, asked_of(address)["nonce"])
    refused(office, office.come_back(office.visit(address)))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another client"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"aud": None},
        {"azp": "another"},
        {"iss": "https://another.example"},
        {"iss": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": NOW - 120},
        {"exp": None},
        {"iat": NOW + 3600},
        {"iat": None},
        {"nbf": NOW + 3600},
        {"sub": "nobody linked"},
        {"sub": None},
        {"sub": ""},
        {"sub": ["00u-planner"]},
        {"sub": "00U-PLANNER"},
        {"at_hash": "AAAA"},
        {"amr": "mfa"},
    ],
    # Two processes that collect the tests do so at different seconds, and must call them the same.
    ids=lambda claims: str({name: said - NOW if isinstance(said, int) else said for name, said in claims.items()}),
)
def test_a_token_that_says_anything_wrong_is_refused(office: Office, claims: dict[str, Any]) -> None:
    office.issuer.claims = claims
    refused(office, office.enter())


def test_two_audiences_are_taken_where_the_authorized_one_is_this_service(office: Office) -> None:
    office.issuer.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert office.enter().status_code == 303


def test_a_way_of_signing_the_issuer_does_not_announce_is_refused(office: Office) -> None:
    office.issuer.discovery = {"id_token_signing_alg_values_supported": ["ES256"]}
    refused(office, office.enter())


def test_a_swapped_name_of_the_key_is_refused(office: Office) -> None:
    other = RSAKey.generate_key(2048, {"kid": "second"})
    office.issuer.shown = [office.issuer.key, other]
    office.issuer.header = {"kid": "second"}
    refused(office, office.enter())
    office.issuer.header = {"kid": None}
    refused(office, office.enter())
    office.issuer.header = {"kid": "unheard of"}
    before = office.issuer.asked.count("keys")
    refused(office, office.enter())
    assert office.issuer.asked.count("keys") == before + 1


def test_an_answer_counts_once(office: Office) -> None:
    back = office.visit(office.begin())
    secret = office.service.client.cookies["gridsvc_attempt"]
    assert office.come_back(back).status_code == 303
    office.service.client.cookies.clear()
    refused(office, office.come_back(back, Cookie=f"gridsvc_attempt={secret}"))


def test_a_code_that_was_used_is_refused_in_a_new_sign_in(office: Office) -> None:
    used = office.visit(office.begin())
    office.come_back(used)
    office.service.client.cookies.clear()
    state = asked_of(office.begin())["state"]
    code = asked_of(used)["code"]
    refused(office, office.come_back(f"/api/v1/session/issuer/return?code={code}&state={state}"))


def test_the_answer_of_another_browser_is_refused_and_does_not_end_that_one_s(office: Office) -> None:
    back = office.visit(office.begin())
    secret = office.service.client.cookies["gridsvc_attempt"]
    office.service.client.cookies.clear()
    refused(office, office.come_back(back))
    office.begin()
    refused(office, office.come_back(back))
    office.service.client.cookies.clear()
    assert office.come_back(back, Cookie=f"gridsvc_attempt={secret}").status_code == 303


@pytest.mark.parametrize("needs_pkce", [True, False])
def test_a_stolen_code_put_into_one_s_own_sign_in_is_refused(office: Office, needs_pkce: bool) -> None:  # noqa: FBT001
    # With PKCE the issuer refuses it; without, the nonce of another sign-in is in the token.
    office.issuer.needs_pkce = needs_pkce
    stolen = asked_of(office.visit(office.begin()))["code"]
    state = asked_of(office.begin())["state"]
    refused(office, office.come_back(f"/api/v1/session/issuer/return?code={stolen}&state={state}"))


def test_a_sign_in_that_took_too_long_is_refused(office: Office) -> None:
    back = office.visit(office.begin())
    with transaction(office.service.engine) as session:
        session.execute(text("update sign_in_attempt set expires_at = now()"))
    refused(office, office.come_back(back))


@pytest.mark.parametrize("asked", ["", "?state=a", "?code=b", "?state=a&code=b", "?error=access_denied", "?state=%00"])
def test_an_answer_nobody_asked_for_is_refused(office: Office, asked: str) -> None:
    refused(office, office.come_back(f"/api/v1/session/issuer/return{asked}"))


def test_an_answer_of_another_issuer_is_refused(office: Office) -> None:
    office.issuer.names_itself = "https://another.example"
    refused(office, office.enter())
    assert "token" not in office.issuer.asked, "the code is not told to anybody"


def test_an_answer_without_the_issuer_s_name_is_refused_where_it_always_says_it(office: Office) -> None:
    office.issuer.discovery = {"authorization_response_iss_parameter_supported": True}
    refused(office, office.enter())
    office.issuer.names_itself = office.issuer.address
    assert office.enter().status_code == 303


def test_what_nobody_signed_is_never_asked_for(office: Office) -> None:
    office.issuer.claims = {"sub": "nobody linked"}
    refused(office, office.enter())
    office.issuer.raw_token = ""
    refused(office, office.enter())
    assert "userinfo" not in office.issuer.asked


def test_a_disabled_account_is_refused(office: Office) -> None:
    with transaction(office.service.engine) as session:
        session.execute(text("update account set disabled_at = now() where username = 'planner'"))
    refused(office, office.enter())


@pytest.mark.parametrize(
    "onward",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)"),
        *("/\t/evil.example", " //evil.example", "/a\r\nSet-Cookie: a=b", "", "evil", "///evil.example", "http:/evil"),
    ],
)
def test_nobody_is_led_elsewhere_after_the_sign_in(office: Office, onward: str) -> None:
    answer = office.service.client.post("/api/v1/session/issuer", json={"next": onward})
    assert answer.status_code == 422


def test_another_site_cannot_begin_a_sign_in(office: Office) -> None:
    answer = office.service.client.post("/api/v1/session/issuer", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://another.example"},
        {"code_challenge_methods_supported": ["plain"]},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
        {"token_endpoint": "http://grid.example/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://[bad"},
        {"token_endpoint": 7},
    ],
    ids=str,
)
def test_an_issuer_that_is_not_as_it_should_be_is_not_used(office: Office, discovery: dict[str, Any]) -> None:
    office.issuer.discovery = discovery
    answer = office.service.client.post("/api/v1/session/issuer", json={})
    assert (answer.status_code, answer.json()["detail"]) == (503, AWAY)


@pytest.mark.parametrize("status", [302, 401, 404, 500, 502])
def test_an_issuer_that_fails_is_a_sentence_and_no_fault(office: Office, status: int) -> None:
    office.issuer.token_status = status
    answer = office.enter()
    assert (answer.status_code, answer.json()["detail"]) == (503, AWAY)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://grid.example", "https://", "nonsense", "http://[a"])
def test_an_issuer_that_is_not_there_is_a_sentence_and_no_fault(
    office: Office, chosen: dict[str, Any], address: str
) -> None:
    chosen["oidc_issuer"] = address
    answer = office.service.client.post("/api/v1/session/issuer", json={})
    assert (answer.status_code, answer.json()["detail"]) == (503, AWAY)


def test_a_browser_is_led_back_to_the_sign_in_page(office: Office) -> None:
    office.issuer.claims = {"aud": "another"}
    answer = office.come_back(office.visit(office.begin()), **{"Sec-Fetch-Mode": "navigate"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?sign-in=refused")
    office.issuer.token_status = 502
    answer = office.come_back(office.visit(office.begin()), **{"Sec-Fetch-Mode": "navigate"})
    assert answer.headers["location"] == "/?sign-in=unavailable"
