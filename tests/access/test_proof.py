"""What needs a proof of the last ten minutes: ending one's own sign-ins; how it is given again, and what is never kept from anybody."""

import pytest
from httpx2 import Cookies
from sqlalchemy import text

from gridsvc.access.guard import COOKIE
from tests.access.test_sign_in import add_factor, change, enter, with_cookie
from tests.conftest import Service, early_in_a_step
from tests.town import PASSWORD

LONG_AGO = "update credential set created_at = now() - interval '10 minutes 1 second' where kind = 'session'"
PROOF = "/api/v1/me/proof"


def two_sign_ins(service: Service) -> tuple[str, int, int]:
    """Sign in twice, long ago; answer the other secret, and the numbers of the other and the present one."""
    enter(service)
    other = service.client.cookies[COOKIE]
    enter(service)
    change(service, LONG_AGO)
    items = service.client.get("/api/v1/me/sessions").json()["items"]
    (theirs,) = [one["id"] for one in items if not one["current"]]
    (present,) = [one["id"] for one in items if one["current"]]
    return other, theirs, present


def is_open(service: Service, secret: str) -> bool:
    """Tell whether a cookie opens the door, asked with no other one."""
    jar = service.client.cookies
    service.client.cookies = Cookies()
    answer = with_cookie(service, COOKIE, secret)
    service.client.cookies = jar
    return answer.status_code == 200


@pytest.mark.parametrize("which", ["all", "one"])
def test_ending_other_sign_ins_needs_a_proof_of_the_last_ten_minutes(service: Service, which: str) -> None:
    other, theirs, _ = two_sign_ins(service)
    path = "/api/v1/me/sessions" + (f"/{theirs}" if which == "one" else "")
    refused = service.client.delete(path, headers={"Accept-Language": "zh"})
    assert (refused.status_code, refused.json()["proof"]) == (403, ["password"])
    assert refused.json()["detail"] == "请再次验证身份：上次验证已超过 10 分钟。"
    assert is_open(service, other)
    assert service.client.post(PROOF, json={"password": "a guess"}).status_code == 401
    assert service.client.delete(path).status_code == 403
    assert service.client.post(PROOF, json={"password": PASSWORD}).status_code == 204
    assert service.client.delete(path).status_code == 204
    assert not is_open(service, other)


def test_a_proof_gives_a_new_secret_and_no_longer_life(service: Service) -> None:
    two_sign_ins(service)
    before = service.client.cookies[COOKIE]
    ends = "select max(expires_at) from credential where kind = 'session'"
    with service.engine.connect() as connection:
        was = connection.scalar(text(ends))
    assert service.client.post(PROOF, json={"password": PASSWORD}).status_code == 204
    assert service.client.cookies[COOKIE] != before
    assert not is_open(service, before)
    with service.engine.connect() as connection:
        assert connection.scalar(text(ends)) == was
        assert connection.scalar(text("select count(*) from event where kind = 'session.renewed'")) == 1


def test_a_code_of_the_second_factor_is_proof_as_well_and_opens_once(service: Service) -> None:
    enter(service)
    phone, _ = add_factor(service)
    change(service, LONG_AGO)
    assert service.client.delete("/api/v1/me/sessions").json()["proof"] == ["password", "code"]
    early_in_a_step()
    code = phone.now()
    assert service.client.post(PROOF, json={"code": code}).status_code == 204
    assert service.client.delete("/api/v1/me/sessions").status_code == 204
    for given in ({"code": code}, {"password": PASSWORD, "code": "000000"}, {}):
        assert service.client.post(PROOF, json=given).status_code == 401, given


def test_guessing_the_proof_locks_out(service: Service) -> None:
    enter(service)
    told = [service.client.post(PROOF, json={"password": f"guess {n}"}).status_code for n in range(11)]
    assert told == [401] * 10 + [429]


def test_a_token_proves_nothing_and_no_other_site_asks_for_it(service: Service) -> None:
    given = {"password": PASSWORD}
    assert service.client.post(PROOF, json=given, headers=service.as_("planner")).status_code == 403
    enter(service)
    assert service.client.post(PROOF, json=given, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("way", ["by its number", "as ever"])
def test_one_can_always_sign_oneself_out(service: Service, way: str) -> None:
    _, _, present = two_sign_ins(service)
    path = f"/api/v1/me/sessions/{present}" if way == "by its number" else "/api/v1/session"
    assert service.client.delete(path).status_code == 204
    assert service.client.get("/api/v1/me").status_code == 401
