"""Attacks with what is sent: paths, verbs, headers, hosts, bodies too large or too deep, SQL, formulas and false pictures."""

import csv
import io

from sqlalchemy import text

from gridsvc.core.db import transaction
from tests.access.attacks.attacker import Attacker, attack, refused
from tests.access.matrix.ground import API


@attack("path traversal in pages, assets, exports and photos")
def _traversal(one: Attacker) -> None:
    for path in (
        "/assets/../../main.py",
        "/assets/%2e%2e/%2e%2e/main.py",
        "/ogc/assets/..%2f..%2fmain.py",
        f"{API}/exports/..%2F..%2Fetc%2Fpasswd",
        f"{API}/incidents/1/photos/..%2f..%2fx",
        "/..%2f..%2fetc/passwd",
    ):
        answer = one.ask("GET", path)
        refused(answer, 404, 405, 422)
        assert "root:" not in answer.text
        assert "create_app" not in answer.text


@attack("the verb told otherwise")
def _override(one: Attacker) -> None:
    key = one.ground.sides["own"].keys["asset"]
    for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        answer = one.ask("GET", f"{API}/assets/{key}", headers={name: "DELETE"})
        assert answer.status_code == 200
        assert one.ask("GET", f"{API}/assets/{key}").status_code == 200


@attack("verbs nobody offers")
def _verbs(one: Attacker) -> None:
    for method in ("TRACE", "CONNECT", "PROPFIND", "PATCH", "PUT", "DELETE"):
        refused(one.ask(method, f"{API}/grids"), 405)


@attack("the address told otherwise")
def _rewritten(one: Attacker) -> None:
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"):
        refused(one.bare("GET", f"{API}/grids", headers={name: "/healthz"}), 401)
        refused(one.ask("GET", f"{API}/audit", headers={name: f"{API}/me"}), 403)


@attack("headers that break a line")
def _crlf(one: Attacker) -> None:
    for path in (
        f"{API}/grids?q=a%0d%0aSet-Cookie:%20x=1",
        f"{API}/exports/grids.csv%0d%0aX:%20y",
        "/%0d%0aLocation:%20//x",
    ):
        answer = one.ask("GET", path)
        assert "set-cookie" not in answer.headers
        assert answer.headers.get("x") is None
        assert answer.headers.get("location") is None


@attack("a redirect to another host")
def _open_redirect(one: Attacker) -> None:
    for path in (
        "//evil.example/",
        "/\\evil.example",
        "/api/v1//evil.example/..",
        "/?next=//evil.example",
        "//evil.example/%2e%2e",
    ):
        assert "evil.example" not in one.ask("GET", path, follow_redirects=False).headers.get("location", "")


@attack("a body without end, and one that hides its length")
def _too_large(one: Attacker) -> None:
    path = f"{API}/incidents"
    refused(
        one.ask("POST", path, content=b"[" + b"0," * 8_000_000 + b"0]", headers={"Content-Type": "application/json"}),
        413,
    )

    def endless() -> object:
        for _ in range(300):
            yield b" " * 100_000

    refused(one.ask("POST", path, content=endless(), headers={"Content-Type": "application/json"}), 413)


@attack("JSON a hundred thousand levels deep")
def _deep(one: Attacker) -> None:
    headers = {"Content-Type": "application/json"}
    refused(one.ask("POST", f"{API}/incidents", content=b"[" * 100_000, headers=headers), 400, 413, 422)


@attack("numbers that are none: NaN, infinity, beyond every range")
def _numbers(one: Attacker) -> None:
    for lon in ("NaN", "Infinity", "1e400", "-181", "０", "0x10"):
        refused(one.ask("GET", f"{API}/locate?lon={lon}&lat=32"), 422)
    headers = {"Content-Type": "application/json"}
    body = b'{"class":"matter:06010","condition":"01","source":"hotline","place":{"lon":NaN,"lat":1e999}}'
    refused(one.ask("POST", f"{API}/incidents", content=body, headers=headers), 400, 422)


@attack("SQL in every parameter")
def _sql(one: Attacker) -> None:
    for words in (
        "' or '1'='1",
        "'; drop table incident; --",
        "%' or 1=1 --",
        "1) or (1=1",
        "\\'; select pg_sleep(9); --",
    ):
        for path in (f"{API}/grids", f"{API}/incidents", f"{API}/search"):
            answer = one.ask("GET", path, params={"q": words})
            assert answer.status_code in (200, 422), answer.text
            assert one.hidden(answer)
        for name in ("community", "grid", "cursor"):
            assert one.ask("GET", f"{API}/buildings", params={name: words}).status_code in (200, 404, 422)
    assert one.value("select count(*) from incident") > 0


@attack("SQL in a filter, its properties and its order")
def _sql_in_filter(one: Attacker) -> None:
    path = "/ogc/collections/buildings/items"
    for params in (
        {"filter": "code = '' ; drop table building"},
        {"filter": "pg_sleep(9) = 1"},
        {"filter": "password_hash = 'x'"},
        {"filter": "(select 1) = 1"},
        {"sortby": "code; drop table building"},
        {"sortby": "password_hash"},
        {"properties": "code,(select password_hash from account)"},
    ):
        refused(one.ask("GET", path, params={**params, "f": "json"}), 400)


@attack("a NUL in text")
def _nul(one: Attacker) -> None:
    assert one.ask("GET", f"{API}/grids", params={"q": "a\x00b"}).status_code in (200, 400, 422)
    refused(one.ask("GET", f"{API}/buildings/a%00b"), 404, 422)


@attack("a report's text that a spreadsheet would run")
def _formulas(one: Attacker) -> None:
    lon, lat = one.ground.sides["own"].place
    told = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1")
    for words in told:
        body = {
            "class": "matter:06010",
            "condition": "01",
            "place": {"lon": lon, "lat": lat},
            "source": "hotline",
            "text": words,
        }
        assert one.ask("POST", f"{API}/incidents", json=body).status_code == 201
    rows = list(csv.reader(io.StringIO(one.ask("GET", f"{API}/exports/incidents.csv").text)))
    at = rows[0].index("text")
    written = [row[at] for row in rows[1:]]
    assert sum(cell.lstrip("'\"").strip() != "" for cell in written) >= len(told)
    assert [cell for cell in written if cell[:1] in "=+@\t\r" and cell] == []


@attack("a picture that is none, and one of a billion points")
def _pictures(one: Attacker) -> None:
    import hashlib  # noqa: PLC0415

    key = one.ground.sides["own"].keys["incident"]
    bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xff\xff\x00\x00\xff\xff\x08\x06\x00\x00\x00" + bytes(64)
    for body in (b"<svg onload=alert(1)>", b"GIF89a" + bytes(64), b"\xff\xd8\xff" + bytes(500), bomb, b""):
        path = f"{API}/incidents/{key}/photos/{hashlib.sha256(body).hexdigest()}"
        refused(one.ask("PUT", path, content=body, headers={"Content-Type": "image/jpeg"}), 413, 415, 422)


@attack("an idempotency key of somebody else gets their answer")
def _borrowed_key(one: Attacker) -> None:
    lon, lat = one.ground.sides["sibling"].place
    body = {
        "class": "matter:06010",
        "condition": "01",
        "place": {"lon": lon, "lat": lat},
        "source": "hotline",
        "text": "秘密-77",
    }
    first = one.ask("POST", f"{API}/incidents", "everywhere", json=body, headers={"Idempotency-Key": "shared"})
    assert first.status_code == 201
    again = one.ask("POST", f"{API}/incidents", "viewer", json=body, headers={"Idempotency-Key": "shared"})
    refused(again, 403)
    mine = one.ask("POST", f"{API}/incidents", "dispatcher", json=body, headers={"Idempotency-Key": "shared"})
    assert mine.status_code != 201 or mine.json()["id"] != first.json()["id"]


@attack("another host's name, to have it in links")
def _host(one: Attacker) -> None:
    for headers in (
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "gopher"},
        {"Forwarded": "host=evil.example"},
    ):
        for path in ("/ogc?f=json", "/tiles/grids.json", f"{API}/buildings?limit=1"):
            assert "evil.example" not in one.ask("GET", path, headers=headers).text


@attack("an answer framed, sniffed or kept by a cache in between")
def _headers(one: Attacker) -> None:
    for path in ("/", f"{API}/incidents", "/ogc?f=html"):
        told = one.ask("GET", path).headers
        assert told["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in told["content-security-policy"]
        assert "unsafe-inline" not in told["content-security-policy"]
    assert "no-store" in one.ask("GET", f"{API}/incidents").headers["cache-control"]


@attack("what is wrong with the server, told to who asks")
def _told_faults(one: Attacker) -> None:
    one.change("alter table webhook rename to webhook_away")
    try:
        answer = one.ask("GET", f"{API}/webhooks", "everywhere")
    finally:
        one.change("alter table webhook_away rename to webhook")
    assert answer.status_code == 500
    for word in ("webhook", "psycopg", "Traceback", "select"):
        assert word not in answer.text.replace("/webhooks", "")


@attack("row security left by a statement that failed")
def _left_by_failure(one: Attacker) -> None:
    for _ in range(5):
        one.ask("GET", f"{API}/grids?cursor=%00", "everywhere")
        one.ask("GET", "/ogc/collections/buildings/items?filter=code%3D", "everywhere")
        assert one.hidden(one.ask("GET", f"{API}/grids?limit=1000"))
    with transaction(one.engine) as session:
        assert session.scalar(text("select coalesce(current_setting('gridsvc.scope', true), '')")) is not None
