"""Attacks that reach for what lies outside of one's territory: by id, box, tile, export, search, filter, job and photo."""

import hashlib

from gridsvc.core.mvt import tile_at
from tests.access.attacks.attacker import Attacker, attack, refused
from tests.access.matrix.ground import API
from tests.town import JIA

SIDES = ("sibling", "foreign")


@attack("by id: every kind of thing of the others")
def _by_id(one: Attacker) -> None:
    for side in SIDES:
        keys = one.ground.sides[side].keys
        for kind, name in (
            ("communities", "community"),
            ("grids", "grid"),
            ("buildings", "building"),
            ("assets", "asset"),
            ("routes", "route"),
            ("workers", "worker"),
            ("posts", "post"),
            ("incidents", "incident"),
        ):
            refused(one.ask("GET", f"{API}/{kind}/{keys[name]}"), 404)


@attack("by id, written otherwise: with %, spaces, other digits, or a path round it")
def _by_odd_id(one: Attacker) -> None:
    grid = one.ground.sides["sibling"].keys["grid"]
    own = one.ground.sides["own"].keys["grid"]
    for odd in (
        f"{grid}%00",
        f"%20{grid}",
        f"{own}/../{grid}",
        f"{own}%2F..%2F{grid}",
        grid.replace("3", "３"),
        f"{grid};x",
    ):
        refused(one.ask("GET", f"{API}/grids/{odd}"), 404, 422)


@attack("by guessing numbers of incidents one after another")
def _by_numbers(one: Attacker) -> None:
    own = one.ground.sides["own"].keys["incident"]
    for number in range(1, 30):
        if str(number) != own:
            answer = one.ask("GET", f"{API}/incidents/{number}", "viewer")
            assert answer.status_code == 404 or one.hidden(answer)


@attack("by box: the whole world")
def _by_box(one: Attacker) -> None:
    for kind in ("communities", "grids", "buildings", "assets", "routes"):
        answer = one.ask("GET", f"{API}/{kind}?bbox=-180,-90,180,90&limit=1000&geometry=true")
        assert answer.status_code == 200
        assert one.hidden(answer)
    # Who reported something over there sees that again, and nothing else.
    listed = one.ask("GET", f"{API}/incidents?bbox=-180,-90,180,90&limit=1000", "viewer").json()["items"]
    assert {item["community"] for item in listed} == {JIA}


@attack("by tile: every layer at every zoom over the others")
def _by_tile(one: Attacker) -> None:
    for side in SIDES:
        place = one.ground.sides[side].place
        for layer in ("communities", "grids", "buildings", "assets", "routes", "incidents"):
            for zoom in (8, 12, 14, 16, 18):
                column, row = tile_at(*place, zoom)
                assert one.hidden(one.ask("GET", f"/tiles/{layer}/{zoom}/{column}/{row}.mvt"))


@attack("by tile: one that somebody who sees everything has just had made")
def _by_kept_tile(one: Attacker) -> None:
    column, row = tile_at(*one.ground.sides["sibling"].place, 16)
    address = f"/tiles/assets/16/{column}/{row}.mvt"
    whole = one.ask("GET", address, "everywhere")
    assert not one.hidden(whole)
    mine = one.ask("GET", address, headers={"If-None-Match": whole.headers["etag"]})
    assert mine.status_code != 304, "an entry of another's cache is told to be the same"
    assert one.hidden(mine)


@attack("by export: every layer, every format, any moment")
def _by_export(one: Attacker) -> None:
    for layer in ("communities", "grids", "buildings", "assets", "routes", "workers", "posts", "incidents"):
        for ending in ("csv", "geojson", "fgb"):
            for at in ("", "?at=2026-06-01T00:00:00Z"):
                answer = one.ask("GET", f"{API}/exports/{layer}.{ending}{at}", "supervisor")
                assert answer.status_code == (422 if layer in ("workers", "posts") and ending != "csv" else 200), layer
                assert one.hidden(answer)


@attack("by search: names, codes, pinyin, addresses, with a place beside")
def _by_search(one: Attacker) -> None:
    lon, lat = one.ground.sides["sibling"].place
    for words in (
        "楼sibling-77",
        "house-sibling-77",
        "示例路 sibling-77 号",
        "乙社区",
        "yishequ",
        "ysq",
        "丙一网格",
        "lamp-foreign-77",
    ):
        assert one.hidden(one.ask("GET", f"{API}/search", params={"q": words, "lon": lon, "lat": lat, "limit": 50}))


@attack("by a filter: CQL2 that is always true, or asks about the others")
def _by_filter(one: Attacker) -> None:
    for told in (
        "1=1",
        "code LIKE '%'",
        "NOT code = 'x'",
        "grid IN ('320102003902001')",
        "code IS NOT NULL OR code IS NULL",
    ):
        for layer in ("buildings", "assets", "grids"):
            params = {"filter": told, "filter-lang": "cql2-text", "limit": 1000, "f": "json"}
            answer = one.ask("GET", f"/ogc/collections/{layer}/items", params=params)
            # The links say again what was asked.
            assert answer.status_code in (200, 400)
            assert not {word for word in one.words() if word in str(answer.json().get("features"))}


@attack("by an order: sorting and paging past one's own")
def _by_paging(one: Attacker) -> None:
    for cursor in ("", "b0", "a" * 20, "~", "0~0"):
        assert one.hidden(one.ask("GET", f"{API}/buildings", params={"limit": 1, "cursor": cursor}))
    for start in (0, 1, 100):
        assert one.hidden(one.ask("GET", "/ogc/collections/buildings/items", params={"limit": 1, "offset": start}))


@attack("by counting: how many there are beyond")
def _by_count(one: Attacker) -> None:
    listed = one.ask("GET", f"{API}/incidents", params={"count": "true"}).json()
    seen = len(one.ask("GET", f"{API}/incidents", params={"limit": 1000}).json()["items"])
    assert listed.get("count", seen) == seen
    matched = one.ask("GET", "/ogc/collections/buildings/items", params={"f": "json", "limit": 1}).json()
    assert matched.get("numberMatched", 0) <= len(one.ask("GET", f"{API}/buildings?limit=1000").json()["items"])


@attack("by locate: places of the others, one and ten thousand")
def _by_locate(one: Attacker) -> None:
    lon, lat = one.ground.sides["sibling"].place
    assert one.hidden(one.ask("GET", f"{API}/locate", params={"lon": lon, "lat": lat, "accuracy_m": 500}))
    points = [{"lon": lon + number * 1e-6, "lat": lat} for number in range(1000)]
    assert one.hidden(one.ask("POST", f"{API}/locate", json={"points": points}))


@attack("by a moment of the past, when the town was cut otherwise")
def _by_the_past(one: Attacker) -> None:
    for kind in ("communities", "grids", "buildings", "assets", "workers", "posts", "routes"):
        for at in ("2026-01-02T00:00:00Z", "2030-01-01T00:00:00Z"):
            assert one.hidden(one.ask("GET", f"{API}/{kind}", params={"at": at, "limit": 1000}))


@attack("by a photo's SHA-256, at an incident of one's own")
def _by_photo(one: Attacker) -> None:
    own, theirs = one.ground.sides["own"].keys, one.ground.sides["sibling"].keys
    refused(one.ask("GET", f"{API}/incidents/{own['incident']}/photos/{theirs['sha256']}"), 404)
    refused(one.ask("GET", f"{API}/incidents/{theirs['incident']}/photos/{theirs['sha256']}"), 404)


@attack("a photo put to an incident of the others")
def _put_photo(one: Attacker) -> None:
    theirs = one.ground.sides["sibling"].keys
    body = bytes.fromhex(one.ground.sides["own"].keys["jpeg"])
    path = f"{API}/incidents/{theirs['incident']}/photos/{hashlib.sha256(body).hexdigest()}"
    refused(one.ask("PUT", path, content=body, headers={"Content-Type": "image/jpeg"}), 404)


@attack("by job: the result of somebody else's, listed, read, cancelled")
def _by_job(one: Attacker) -> None:
    for side in SIDES:
        job = one.ground.sides[side].keys["job"]
        for method in ("GET", "DELETE"):
            refused(one.ask(method, f"{API}/jobs/{job}", "admin"), 404)
        assert one.hidden(one.ask("GET", f"{API}/jobs", "admin", params={"limit": 1000}))
        assert one.value("select state from job where id = :id", id=int(job)) == "queued"


@attack("by import: a file from who sees a part")
def _by_import(one: Attacker) -> None:
    for who in ("admin", "planner", "dispatcher"):
        sent = {"file": ("x.csv", b"code,name,wkt\n", "text/csv")}
        refused(one.ask("POST", f"{API}/imports", who, files=sent, data={"layer": "grids"}), 403)


@attack("by merging an own incident into one of the others, and reading it through that")
def _by_merging(one: Attacker) -> None:
    own, theirs = one.ground.sides["own"].keys, one.ground.sides["sibling"].keys
    version = one.ask("GET", f"{API}/incidents/{own['incident']}").headers["etag"]
    for action in ("merge", "adopt"):
        body = {"action": action, "to": theirs["number"], "reason": "x"}
        answer = one.ask("POST", f"{API}/incidents/{own['incident']}/actions", json=body, headers={"If-Match": version})
        refused(answer, 422)
        assert one.hidden(answer, "foreign")


@attack("by duplicates: who reports near a border is told of the others' incidents")
def _by_duplicates(one: Attacker) -> None:
    lon, lat = one.ground.sides["sibling"].place
    near = {"lon": lon, "lat": lat, "class": "matter:06010"}
    assert one.hidden(one.ask("GET", f"{API}/incidents/duplicates", params=near))


@attack("by the reasons of an own report: the numbers of the others' incidents that lie near")
def _by_reasons(one: Attacker) -> None:
    lon, lat = one.ground.sides["sibling"].place
    body = {"class": "matter:06010", "condition": "01", "place": {"lon": lon, "lat": lat}, "source": "hotline"}
    theirs = one.ground.sides["sibling"].keys["number"]
    made = one.ask("POST", f"{API}/incidents", json=body)
    assert made.status_code == 201
    path = f"{API}/incidents/{made.json()['id']}"
    for answer in (made, one.ask("GET", path), one.ask("GET", f"{path}/why"), one.ask("GET", f"{API}/incidents")):
        assert answer.status_code in (200, 201)
        assert theirs not in answer.text
    assert theirs in one.ask("GET", f"{path}/why", "everywhere").text


@attack("a contact without a reason, with an empty one, and by a role that calls nobody")
def _contact(one: Attacker) -> None:
    path = f"{API}/incidents/{one.ground.sides['own'].keys['incident']}/contact/reveal"
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": None}):
        refused(one.ask("POST", path, json=body), 422)
    for who in ("admin", "planner", "worker", "viewer", "department"):
        refused(one.ask("POST", path, who, json={"reason": "想看看"}), 403)


@attack("a contact in passing: lists, items, logs, exports, search, audit")
def _contact_in_passing(one: Attacker) -> None:
    key = one.ground.sides["own"].keys["incident"]
    for path in (
        f"incidents/{key}",
        f"incidents/{key}/log",
        f"incidents/{key}/why",
        "incidents",
        "exports/incidents.csv",
        "search?q=10000000000",
        "audit",
    ):
        assert "10000000000" not in one.ask("GET", f"{API}/{path}", "everywhere").text.replace("q=10000000000", "")


@attack("a phone of a worker, by a role that sends nobody, whole")
def _phone(one: Attacker) -> None:
    worker = one.ground.sides["own"].keys["worker"]
    for path in (f"workers/{worker}", "workers?limit=1000", "exports/workers.csv"):
        for who in ("planner", "viewer", "worker", "intake"):
            assert "10000000077" not in one.ask("GET", f"{API}/{path}", who).text


@attack("the audit changed, cut or read by who may not")
def _audit(one: Attacker) -> None:
    for who in ("dispatcher", "supervisor", "viewer"):
        refused(one.ask("GET", f"{API}/audit", who), 403)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused(one.ask(method, f"{API}/audit", "everywhere"), 405)


@attack("a webhook to the service itself, to the machine's own net, or with another scheme")
def _webhook(one: Attacker) -> None:
    for url in (
        "http://127.0.0.1:5432/",
        "http://169.254.169.254/latest/",
        "file:///etc/passwd",
        "http://[::1]/",
        "gopher://x/",
    ):
        refused(one.ask("POST", f"{API}/webhooks", "everywhere", json={"url": url}), 422)
