"""Attacks with tokens, and on what an account may: stretched, borrowed, written into bodies."""

from tests.access.attacks.attacker import Attacker, attack, refused
from tests.access.matrix.ground import API, BING
from tests.town import JIA, YI

ME = f"{API}/me"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@attack("a token whose days are over")
def _expired(one: Attacker) -> None:
    token = one.token(one.account())
    assert one.bare("GET", ME, headers=bearer(token)).status_code == 200
    one.change("update credential set expires_at = now() - interval '1 second' where kind = 'token'")
    refused(one.bare("GET", ME, headers=bearer(token)), 401)
    one.change("update credential set expires_at = now() + interval '9 days' where kind = 'token'")


@attack("a token that was ended")
def _ended(one: Attacker) -> None:
    token = one.token(one.account())
    number = one.value("select max(id) from credential where kind = 'token'")
    assert one.bare("DELETE", f"{API}/tokens/{number}", headers=bearer(token)).status_code == 204
    refused(one.bare("GET", ME, headers=bearer(token)), 401)


@attack("a token of a disabled account")
def _disabled(one: Attacker) -> None:
    name = one.account()
    token = one.token(name)
    one.change("update account set disabled_at = now() where username = :name", name=name)
    refused(one.bare("GET", ME, headers=bearer(token)), 401)


@attack("a token cut short, lengthened, or in other letters")
def _mangled(one: Attacker) -> None:
    token = one.token(one.account())
    for other in (token[:-1], token + "A", token.swapcase(), token[::-1], f"{token}\x00", token + "%00"):
        refused(one.bare("GET", ME, headers=bearer(other)), 401)


@attack("a token in the address, where logs keep it")
def _in_the_address(one: Attacker) -> None:
    token = one.token(one.account())
    for name in ("token", "access_token", "api_key", "authorization"):
        refused(one.bare("GET", f"{API}/grids?{name}={token}"), 401)


@attack("a token makes another token")
def _breeding(one: Attacker) -> None:
    refused(one.ask("POST", f"{API}/tokens", json={"label": "x"}), 403)


@attack("a sign-in makes a token with verbs the role does not have")
def _more_verbs(one: Attacker) -> None:
    secret = one.signed_in(one.account("viewer"))
    for verb in ("account.manage", "incident.act", "no.such.verb", "*"):
        refused(one.browse(secret, "POST", f"{API}/tokens", json={"label": "x", "scopes": [verb]}), 422)


@attack("a sign-in makes a token that sees more than the account")
def _wider_token(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    for territory in ([YI], ["everywhere"], ["32"], [BING, JIA]):
        made = one.browse(secret, "POST", f"{API}/tokens", json={"label": "x", "territory": territory})
        if made.status_code == 201:
            seen = one.bare("GET", f"{API}/grids", headers=bearer(made.json()["token"]))
            assert one.hidden(seen)


@attack("a token with no end")
def _endless(one: Attacker) -> None:
    secret = one.signed_in(one.account())
    for days in (0, -1, 10**9):
        refused(one.browse(secret, "POST", f"{API}/tokens", json={"label": "x", "days": days}), 422)


@attack("a limited token does what it is kept from")
def _limited(one: Attacker) -> None:
    token = one.token(one.account(), scopes=["territory.read"])
    for method, path in (("GET", "incidents"), ("POST", "incidents"), ("GET", "exports/grids.csv"), ("GET", "posts")):
        refused(one.bare(method, f"{API}/{path}", headers=bearer(token), json={} if method == "POST" else None), 403)


@attack("ending somebody else's token by its number")
def _end_theirs(one: Attacker) -> None:
    for side in ("sibling", "foreign"):
        theirs = one.ground.sides[side].keys["token"]
        refused(one.ask("DELETE", f"{API}/tokens/{theirs}"), 404)
        assert one.value("select count(*) from credential where id = :id", id=int(theirs)) == 1


@attack("JWT tricks: alg none and a key of one's own are no tokens here")
def _jwt(one: Attacker) -> None:
    none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJhZG1pbiJ9."
    signed = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.0KzxL1jTL0Eq8mZyS7pJZ0oJ4mGg3u1qk0bq3K1n2cU"
    for forged in (none, signed):
        refused(one.bare("GET", ME, headers=bearer(forged)), 401)


@attack("who one is, said in headers")
def _said_in_headers(one: Attacker) -> None:
    for name in ("X-User", "X-Remote-User", "Remote-User", "X-Forwarded-User", "X-Role", "X-Territory"):
        refused(one.bare("GET", ME, headers={name: "admin"}), 401)
        told = one.ask("GET", ME, headers={name: "admin"}).json()
        assert (told["role"], told["territory"]) == ("dispatcher", [JIA])


@attack("two Authorization headers, and a scheme nobody knows")
def _odd_headers(one: Attacker) -> None:
    good = one.ground.askers["dispatcher"].token
    for value in (f"Bearer x, Bearer {good}", f"Negotiate {good}", f"Bearer\t{good}x", "Basic Og=="):
        refused(one.bare("GET", ME, headers={"Authorization": value}), 401)


@attack("a role written into one's own report, consent or token")
def _mass_assignment(one: Attacker) -> None:
    secret = one.signed_in(one.account("viewer"))
    for method, path, body in (
        ("POST", "tokens", {"label": "x", "role": "admin"}),
        ("POST", "tokens", {"label": "x", "account": 1}),
        ("PUT", "me/password", {"old": "x", "new": "y", "role": "admin"}),
        ("POST", "me/consent", {"version": "1", "agreed": True, "account": 1}),
    ):
        refused(one.browse(secret, method, f"{API}/{path}", json=body), 422)


@attack("a case's own columns written with a report")
def _report_columns(one: Attacker) -> None:
    place = dict(zip(("lon", "lat"), one.ground.sides["own"].place, strict=True))
    plain = {"class": "matter:06010", "condition": "01", "place": place, "source": "hotline"}
    for name, value in {
        "status": "closed",
        "number": "20260101-000001",
        "due_at": "2099-01-01T00:00:00Z",
        "responsible": "W3",
        "reported_by": "admin",
        "community": YI,
        "version": 9,
    }.items():
        refused(one.ask("POST", f"{API}/incidents", json={**plain, name: value}), 422)


@attack("an administrator of a part makes an administrator of everywhere")
def _wider_admin(one: Attacker) -> None:
    for number, territory in enumerate((["everywhere"], [YI], ["32"], [JIA, BING])):
        given = {"username": f"wide-{number}", "role": "admin", "territory": territory}
        refused(one.ask("POST", f"{API}/accounts", "admin", json=given), 403, 422)
        assert one.value("select count(*) from account where username = :name", name=f"wide-{number}") == 0


@attack("an administrator of a part widens an account of the part, or the own one")
def _widened(one: Attacker) -> None:
    theirs = one.ground.sides["own"].keys["account"]
    for key in (theirs, str(one.ground.askers["admin"].account)):
        refused(one.ask("PATCH", f"{API}/accounts/{key}", "admin", json={"territory": ["everywhere"]}), 403, 409, 422)
    assert one.ask("GET", ME, "admin").json()["territory"] == [JIA]


@attack("an administrator of a part takes over an account of another")
def _taken_over(one: Attacker) -> None:
    for side in ("sibling", "foreign"):
        key = one.ground.sides[side].keys["account"]
        for body in ({"password": "quite another sentence"}, {"remove_factor": True}, {"disabled": True}):
            refused(one.ask("PATCH", f"{API}/accounts/{key}", "admin", json=body), 404)
    assert one.enter("account-sibling-77").status_code == 204


@attack("somebody gives themselves a role")
def _own_role(one: Attacker) -> None:
    key = str(one.ground.askers["dispatcher"].account)
    refused(one.ask("PATCH", f"{API}/accounts/{key}", json={"role": "admin"}), 403)
    refused(one.ask("PATCH", f"{API}/me", json={"role": "admin"}), 404, 405)
