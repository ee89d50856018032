"""Attacks on sign-ins: planted, replayed, stretched, guessed and taken from another site."""

import time

from gridsvc.access.guard import COOKIE, SAFE_COOKIE
from tests.access.attacks.attacker import OWN_SITE, Attacker, attack, refused
from tests.access.matrix.ground import API
from tests.conftest import early_in_a_step
from tests.town import PASSWORD

ME = f"{API}/me"


@attack("fixation: a planted cookie becomes the session of who signs in")
def _planted(one: Attacker) -> None:
    name = one.account()
    given = {"username": name, "password": PASSWORD}
    answer = one.bare("POST", f"{API}/session", json=given, headers={"Cookie": f"{COOKIE}=planted"})
    assert answer.status_code == 204
    assert "planted" not in answer.headers["set-cookie"]
    refused(one.browse("planted"), 401)


@attack("fixation: the secret of before is still good after signing in anew in the same browser")
def _kept_on_rotation(one: Attacker) -> None:
    name = one.account()
    before = one.signed_in(name)
    given = {"username": name, "password": PASSWORD}
    again = one.client.post(f"{API}/session", json=given, headers={"Cookie": f"{COOKIE}={before}"} | OWN_SITE)
    assert again.status_code == 204
    refused(one.browse(before), 401)


@attack("replay: a cookie after signing out")
def _signed_out(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    assert one.browse(secret).status_code == 200
    assert one.browse(secret, "DELETE", f"{API}/session").status_code == 204
    refused(one.browse(secret), 401)


@attack("replay: a cookie whose time is over")
def _expired(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    one.change("update credential set expires_at = now() - interval '1 second' where kind = 'session'")
    refused(one.browse(secret), 401)


@attack("replay: a cookie nobody has used for long")
def _idle(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    one.change("update credential set last_used_at = now() - idle - interval '1 second' where kind = 'session'")
    refused(one.browse(secret), 401)


@attack("replay: a cookie after the password was changed elsewhere")
def _password_changed(one: Attacker) -> None:
    name = one.account()
    stolen, own = one.signed_in(name), one.signed_in(name)
    given = {"old": PASSWORD, "new": "quite another sentence"}
    assert one.browse(own, "PUT", f"{API}/me/password", json=given).status_code == 204
    refused(one.browse(stolen), 401)


@attack("replay: a cookie of a disabled account")
def _disabled(one: Attacker) -> None:
    name = one.account()
    secret = one.signed_in(name)
    one.change("update account set disabled_at = now() where username = :name", name=name)
    refused(one.browse(secret), 401)


@attack("replay: a cookie that its owner has ended from the list")
def _ended(one: Attacker) -> None:
    name = one.account()
    stolen, own = one.signed_in(name), one.signed_in(name)
    assert one.browse(own, "DELETE", f"{API}/me/sessions").status_code == 204
    refused(one.browse(stolen), 401)


@attack("the list of sign-ins gives their secrets away")
def _listed(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    listed = one.browse(secret, "GET", f"{API}/me/sessions")
    assert listed.status_code == 200
    assert secret not in listed.text


@attack("the secret of a cookie, read out of a stolen database, opens the door")
def _from_the_database(one: Attacker) -> None:
    one.signed_in(one.account())
    stored = one.value("select encode(hash, 'hex') from credential where kind = 'session' order by id desc limit 1")
    refused(one.browse(stored), 401)
    refused(one.bare("GET", ME, headers={"Authorization": f"Bearer {stored}"}), 401)


@attack("ending somebody else's sign-in by its number")
def _end_theirs(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    theirs = one.ground.sides["sibling"].keys["session"]
    refused(one.browse(secret, "DELETE", f"{API}/me/sessions/{theirs}"), 404)
    assert one.value("select count(*) from credential where id = :id", id=int(theirs)) == 1


@attack("a cookie is taken for a token, and a token for a cookie")
def _kinds(one: Attacker) -> None:
    name = one.account()
    token = one.token(name)
    # As a cookie a token would get round what only a sign-in may do.
    refused(one.browse(token, "GET", f"{API}/me/sessions"), 401, 403)
    refused(one.browse(token, "POST", f"{API}/tokens", json={"label": "x"}), 401, 403)


@attack("with TLS, a plain cookie that another host of the domain has set")
def _plain_with_tls(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    address = f"https://testserver{ME}"
    refused(one.bare("GET", address, headers={"Cookie": f"{COOKIE}={secret}"}), 401)
    assert one.bare("GET", address, headers={"Cookie": f"{SAFE_COOKIE}={secret}"}).status_code == 200


@attack("with TLS, the cookie may be read by scripts, sent in the clear, or to other hosts")
def _attributes(one: Attacker) -> None:
    given = {"username": one.account(), "password": PASSWORD}
    said = one.bare("POST", f"https://testserver{API}/session", json=given).headers["set-cookie"].lower()
    assert said.startswith("__host-")
    for word in ("httponly", "secure", "samesite=strict", "path=/"):
        assert word in said, word
    assert "domain=" not in said


@attack("two cookies of one name, the stolen one behind one's own")
def _two_cookies(one: Attacker) -> None:
    mine, stolen = one.signed_in(one.account()), one.signed_in(one.account("admin", ("everywhere",)))
    one.browse(stolen, "DELETE", f"{API}/session")
    for sent in (f"{COOKIE}={mine}; {COOKIE}={stolen}", f"{COOKIE}={stolen}; {COOKIE}={mine}"):
        answer = one.bare("GET", ME, headers={"Cookie": sent})
        assert answer.status_code == 401 or answer.json()["role"] == "dispatcher"


@attack("a cookie of a megabyte")
def _huge_cookie(one: Attacker) -> None:
    refused(one.browse("A" * 1_000_000), 401)


@attack("CSRF: a form of another site, by the browser's own word")
def _csrf_fetch_site(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    for site in ("cross-site", "same-site"):
        answer = one.browse(secret, "POST", f"{API}/me/consent", headers={"Sec-Fetch-Site": site}, json={})
        refused(answer, 403)


@attack("CSRF: a form of another site, from an old browser that sends its origin")
def _csrf_origin(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    for origin in ("https://evil.example", "null", "http://testserver.evil.example"):
        refused(one.browse(secret, "DELETE", f"{API}/me/sessions", headers={"Origin": origin}), 403)


@attack("CSRF: signing somebody out from another site")
def _csrf_sign_out(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    refused(one.browse(secret, "DELETE", f"{API}/session", headers={"Sec-Fetch-Site": "cross-site"}), 403)
    assert one.browse(secret).status_code == 200


@attack("CSRF: a form's own kinds of body instead of JSON")
def _csrf_form(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": kind} | OWN_SITE
        answer = one.browse(
            secret, "POST", f"{API}/me/consent", headers=headers, content='{"version":"1","agreed":true}'
        )
        refused(answer, 415, 422)


@attack("CSRF: another site signs a victim in as the attacker")
def _csrf_sign_in(one: Attacker) -> None:
    given = {"username": one.account(), "password": PASSWORD}
    headers = {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
    answer = one.bare("POST", f"{API}/session", json=given, headers=headers)
    refused(answer, 403, 415)
    assert "set-cookie" not in answer.headers


@attack("another site reads answers, allowed by CORS")
def _cors(one: Attacker) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for method in ("OPTIONS", "GET"):
        told = one.ask(method, ME, headers=headers).headers
        assert "access-control-allow-origin" not in told
        assert "access-control-allow-credentials" not in told


@attack("brute force: many passwords for one name")
def _brute_force(one: Attacker) -> None:
    name = one.account()
    answers = [one.enter(name, f"guess number {number}").status_code for number in range(12)]
    assert answers[-1] == 429
    assert one.enter(name).status_code == 429, "the lock tells when it was guessed"


@attack("brute force: the same name in other letters does not count anew")
def _brute_force_case(one: Attacker) -> None:
    name = one.account()
    for number in range(11):
        one.enter(name if number % 2 else name.upper() + " ", "guess")
    assert one.enter(name).status_code == 429


@attack("brute force: an address said to be another in headers nobody trusts")
def _spoofed_address(one: Attacker) -> None:
    name = one.account()
    for number in range(11):
        headers = {
            "X-Forwarded-For": f"203.0.113.{number}",
            "X-Real-IP": f"203.0.113.{number}",
            "Forwarded": "for=1.2.3.4",
        }
        one.enter(name, "guess", headers)
    assert one.enter(name, PASSWORD, {"X-Forwarded-For": "203.0.113.200"}).status_code == 429
    noted = one.value("select count(distinct subject) from sign_in_failure")
    assert noted == 2, "one name and one address"


@attack("enumeration: an unknown name is answered otherwise than a wrong password")
def _enumeration(one: Attacker) -> None:
    unknown, wrong = one.enter("nobody-at-all", "guess"), one.enter(one.account(), "guess")
    assert (unknown.status_code, unknown.json()) == (wrong.status_code, wrong.json())
    assert set(unknown.headers) == set(wrong.headers)


@attack("enumeration: an unknown name is answered sooner than a wrong password")
def _enumeration_by_time(one: Attacker) -> None:
    name = one.account()

    def spent_s(username: str) -> float:
        """Measure the processor's time: the hashing of the password is nearly all of it."""
        began = time.process_time()
        one.enter(username, "guess")
        return time.process_time() - began

    known = sorted(spent_s(name) for _ in range(3))[1]
    unknown = sorted(spent_s(f"nobody-{number}") for number in range(3))[1]
    assert unknown > known / 2, "nothing was hashed for a name that is not there"


@attack("enumeration: a disabled account is answered otherwise")
def _enumeration_disabled(one: Attacker) -> None:
    name = one.account()
    one.change("update account set disabled_at = now() where username = :name", name=name)
    assert one.enter(name).json() == one.enter("nobody-at-all", "guess").json()


@attack("second factor: the password alone")
def _factor_left_out(one: Attacker) -> None:
    name = one.account()
    one.with_factor(name)
    answer = one.enter(name)
    refused(answer, 401)
    assert "set-cookie" not in answer.headers


@attack("second factor: a code a second time")
def _factor_replay(one: Attacker) -> None:
    name = one.account()
    _, phone, _ = one.with_factor(name)
    early_in_a_step()
    code = phone.now()
    assert one.enter(name, code=code).status_code == 204
    refused(one.enter(name, code=code), 401)


@attack("second factor: a recovery code a second time")
def _recovery_replay(one: Attacker) -> None:
    name = one.account()
    _, _, codes = one.with_factor(name)
    assert one.enter(name, code=codes[0]).status_code == 204
    refused(one.enter(name, code=codes[0]), 401)


@attack("second factor: guessing codes with the right password")
def _factor_guessed(one: Attacker) -> None:
    name = one.account()
    _, phone, _ = one.with_factor(name)
    for number in range(11):
        one.enter(name, code=f"{number:06}")
    refused(one.enter(name, code=phone.now()), 429)


@attack("second factor: taken away with a stolen cookie alone")
def _factor_removed(one: Attacker) -> None:
    name = one.account()
    secret, _, _ = one.with_factor(name)
    refused(one.browse(secret, "POST", f"{API}/me/factor/remove", json={"password": "a guess"}), 401, 403, 422)
    refused(
        one.browse(secret, "POST", f"{API}/me/factor/remove", json={"password": PASSWORD, "code": "000000"}), 401, 422
    )
    assert one.value("select totp_confirmed_at from account where username = :name", name=name) is not None


@attack("the password changed with a stolen cookie alone")
def _password_by_cookie(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    given = {"old": "a guess", "new": "quite another sentence"}
    refused(one.browse(secret, "PUT", f"{API}/me/password", json=given), 401, 403, 422)
