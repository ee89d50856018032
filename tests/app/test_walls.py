"""Who sees a part of the town: all else does not exist, in every answer there is; and a report is taken wherever it lies."""

from dataclasses import dataclass
from typing import Any

import mapbox_vector_tile
import pytest
from httpx2 import Response
from sqlalchemy import text

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.core.db import transaction
from gridsvc.core.mvt import tile_at
from tests.conftest import Service
from tests.town import JIA, JIA_1, JIA_2, PASSWORD, RUBBISH, YI, YI_1, YI_2, spot

API = "/api/v1"
IN_JIA, IN_YI = spot(0.5, 1.5), spot(2.5, 1.5)


@dataclass(frozen=True)
class Part:
    """The service, somebody who sees community 甲 alone, and an incident on either side."""

    service: Service
    token: str
    own: dict[str, Any]
    foreign: dict[str, Any]

    def get(self, path: str, **query: Any) -> Response:
        """Ask as who sees a part."""
        return self.service.client.get(path, params=query or None, headers={"Authorization": f"Bearer {self.token}"})

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """Change something as who sees a part."""
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return self.service.client.request(method, path, json=body, headers=sent)

    def everything(self, path: str, **query: Any) -> Response:
        """Ask as who sees everything."""
        return self.service.client.get(path, params=query or None, headers=self.service.as_("admin"))


def token_for(service: Service, role: str, codes: list[str], name: str = "part") -> str:
    """Make an account with a territory; answer a token of it."""
    with transaction(service.engine) as session:
        account = add_account(session, f"{name}-{role}", role, PASSWORD, actor="test", codes=codes)
        return issue_token(session, account, "test", actor="test")


def reported(service: Service, place: tuple[float, float]) -> dict[str, Any]:
    """Report rubbish at a place, as somebody who sees everything."""
    answer = service.client.post(f"{API}/incidents", json=report_at(place), headers=service.as_("intake"))
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json()
    return made


def report_at(place: tuple[float, float]) -> dict[str, Any]:
    """Write a report of rubbish at a place."""
    where = {"lon": place[0], "lat": place[1]}
    return {"class": RUBBISH, "condition": "01", "place": where, "text": "垃圾", "source": "hotline"}


@pytest.fixture
def part(service: Service) -> Part:
    """Let there be something of everything on either side."""
    with transaction(service.engine) as session:
        session.execute(text(FURNITURE))
    return Part(service, token_for(service, "admin", [JIA]), reported(service, IN_JIA), reported(service, IN_YI))


FURNITURE = f"""
    insert into asset (code, class, geometry)
        select 'a2', 'asset:01037', st_pointonsurface(geometry) from grid_version where grid = '{YI_1}';
    insert into route (id, name, grid, length_m, geometry)
        select 'r2', 'r2', '{YI_1}', 1,
            st_multi(st_makeline(st_pointonsurface(geometry), st_startpoint(st_exteriorring(geometry))))
        from grid_version where grid = '{YI_1}';
    update building set levels = levels + 1"""

FOREIGN = (YI, YI_1, YI_2, "b4", "a2", "r2", "W3")
"""What is of 乙, by the words that would give it away."""


def names_of(part: Part) -> list[str]:
    return [f'"{word}"' for word in (*FOREIGN, part.foreign["number"])]


LISTS = (
    *("communities", "grids", "buildings", "assets", "routes", "workers", "posts", "incidents"),
    *(
        f"grids/{JIA_1}/history",
        f"grids/{JIA_1}/lineage",
        "audit",
        "search?q=楼",
        "search?q=网格",
        f"search?q={YI}",
        "search?q=b4",
    ),
    *("board", f"search?q=示例路 4 号&lon={IN_YI[0]}&lat={IN_YI[1]}", "incidents?sort=due&open=true", "jobs"),
    *(f"buildings?bbox={IN_YI[0]},{IN_YI[1]},119,33", f"grids?community={YI}", f"posts?grid={YI_1}"),
)


@pytest.mark.parametrize("address", LISTS)
def test_no_list_holds_anything_of_the_others(part: Part, address: str) -> None:
    for at in ("", "&at=2026-11-01T00:00:00Z"):
        path = f"{API}/{address}{at if '?' in address or not at else '?' + at[1:]}"
        if at and part.everything(path).status_code == 422:
            continue  # it is of no moment but now
        seen, everything = part.get(path), part.everything(path)
        assert seen.status_code == everything.status_code == 200, seen.text
        assert [name for name in names_of(part) if name in seen.text.replace('": "', '":"')] == []
        assert YI not in seen.text.replace(f"q={YI}", "")


def test_who_sees_a_part_sees_all_of_that_part(part: Part) -> None:
    for name, field, expected in (
        ("communities", "code", {JIA}),
        ("grids", "code", {JIA_1, JIA_2, f"{JIA}003"}),
        ("buildings", "code", {"b1", "b2", "b3"}),
        ("assets", "code", {"a1"}),
        ("routes", "id", {"r1"}),
        ("workers", "id", {"W1", "W2"}),
        ("incidents", "number", {part.own["number"]}),
    ):
        items = part.get(f"{API}/{name}").json()["items"]
        assert {one[field] for one in items} == expected, name
    grid = part.get(f"{API}/grids/{JIA_1}").json()
    assert grid == part.everything(f"{API}/grids/{JIA_1}").json()
    assert part.get(f"{API}/board").json()["counts"]["open"] == 1
    found = part.get(f"{API}/search", q="楼", limit=50).json()["items"]
    assert {one["code"] for one in found} == {"b1", "b2", "b3"}


ITEMS = (
    ("communities/{}", YI, "320102003777"),
    ("grids/{}", YI_1, "320102003902777"),
    ("grids/{}/history", YI_1, "320102003902777"),
    ("grids/{}/lineage", YI_1, "320102003902777"),
    ("buildings/{}", "b4", "b777"),
    ("assets/{}", "a2", "a777"),
    ("routes/{}", "r2", "r777"),
    ("workers/{}", "W3", "W777"),
    ("incidents/{}", "", "777777"),
    ("incidents/{}/log", "", "777777"),
    ("incidents/{}/clocks", "", "777777"),
    ("incidents/{}/why", "", "777777"),
    ("incidents/{}/photos", "", "777777"),
)
"""Where a thing is read, one of the others, and one that does not exist."""


@pytest.mark.parametrize(("address", "foreign", "missing"), ITEMS)
def test_a_thing_of_the_others_is_as_one_that_does_not_exist(
    part: Part, address: str, foreign: str, missing: str
) -> None:
    foreign = foreign or part.foreign["id"]
    theirs, nothing = (f"{API}/{address.format(key)}" for key in (foreign, missing))
    answer, none = part.get(theirs), part.get(nothing)
    assert part.everything(theirs).status_code == 200
    assert answer.status_code == none.status_code == 404
    detail = answer.json()["detail"].replace(foreign, missing)
    assert answer.json() | {"detail": detail} == none.json()
    headers = [
        {name: value for name, value in one.headers.items() if name != "content-length"} for one in (answer, none)
    ]
    assert headers[0] == headers[1]


def test_nothing_is_done_with_an_incident_of_the_others(part: Part) -> None:
    for key in (part.foreign["id"], "777777"):
        answer = part.send("POST", f"{API}/incidents/{key}/actions", {"action": "file"}, **{"If-Match": '"1"'})
        assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no incident {key}.")
    own = {"action": "merge", "to": part.foreign["number"], "reason": "x"}
    answer = part.send("POST", f"{API}/incidents/{part.own['id']}/actions", own, **{"If-Match": '"1"'})
    assert answer.status_code == 422
    assert "There is no incident with the number" in answer.text


@pytest.mark.parametrize("layer", ["communities", "grids", "buildings", "assets", "routes", "incidents"])
def test_tiles_hold_nothing_of_the_others_and_are_not_shared_with_them(part: Part, layer: str) -> None:
    zoom = 16
    address = "/tiles/{}/{}/{}/{}.mvt".format(layer, zoom, *tile_at(*spot(2, 1), zoom))
    for _ in range(2):  # made, and kept
        whole = mapbox_vector_tile.decode(part.everything(address).content)[layer]["features"]
        mine = mapbox_vector_tile.decode(part.get(address).content)[layer]["features"]
        values = {str(value) for one in mine for value in one["properties"].values()}
        assert values, "there is something of ours in the tile"
        assert not values & {*FOREIGN, part.foreign["number"]}
        assert len(mine) < len(whole)
    own, all_of_it = part.get(f"/tiles/{layer}.json").json()["bounds"], part.everything(f"/tiles/{layer}.json").json()
    assert own[2] <= spot(2, 0)[0] + 1e-6
    assert all_of_it["bounds"] != own


def test_counts_of_buildings_from_afar_are_of_the_whole_town_and_not_for_a_part(part: Part) -> None:
    address = "/tiles/buildings/12/{}/{}.mvt".format(*tile_at(*IN_YI, 12))
    assert part.everything(address).status_code == 200
    assert part.get(address).status_code == 204


@pytest.mark.parametrize("layer", ["communities", "grids", "buildings", "assets", "routes", "incidents"])
def test_features_hold_nothing_of_the_others(part: Part, layer: str) -> None:
    base = f"/ogc/collections/{layer}"
    for query in (
        {},
        {"bbox": f"{IN_YI[0] - 0.01},32,119,33"},
        {"filter": "S_INTERSECTS(geometry, POINT(118.7825 32.0415))"},
    ):
        for form in ("json", "csv"):
            answer = part.get(f"{base}/items", f=form, limit=100, **query)
            assert answer.status_code == 200
            assert [word for word in (*FOREIGN, part.foreign["number"]) if f'"{word}"' in answer.text] == []
    assert part.get(f"{base}/items", limit=100).json()["features"]
    key = {
        "communities": YI,
        "grids": YI_1,
        "buildings": "b4",
        "assets": "a2",
        "routes": "r2",
        "incidents": part.foreign["id"],
    }
    assert part.everything(f"{base}/items/{key[layer]}").status_code == 200
    assert part.get(f"{base}/items/{key[layer]}").status_code == 404
    box = part.get(base).json()["extent"]["spatial"]["bbox"][0]
    assert box[2] <= spot(2, 0)[0] + 1e-6


@pytest.mark.parametrize(
    "layer", ["communities", "grids", "buildings", "assets", "routes", "workers", "posts", "incidents"]
)
def test_an_export_holds_nothing_of_the_others(part: Part, layer: str) -> None:
    answer = part.get(f"{API}/exports/{layer}.csv")
    assert answer.status_code == 200
    assert len(answer.text.splitlines()) > 1
    words = set(answer.text.replace('"', "").replace("\n", ",").split(","))
    assert not words & {*FOREIGN, part.foreign["number"]}


def test_a_place_of_the_others_is_as_one_outside_of_every_community(part: Part) -> None:
    outside = part.everything(f"{API}/locate", lon=118.79, lat=32.05, accuracy_m=5).json()
    assert part.get(f"{API}/locate", lon=IN_YI[0], lat=IN_YI[1], accuracy_m=5).json() == outside
    assert outside["rule"] == "fallback"
    both = part.send("POST", f"{API}/locate", {"points": [{"lon": p[0], "lat": p[1]} for p in (IN_JIA, IN_YI)]}).json()
    assert [one["rule"] for one in both["items"]] == ["inside", "fallback"]
    # On the border to them nobody is beyond it.
    edge = part.get(f"{API}/locate", lon=spot(2, 1.5)[0], lat=spot(2, 1.5)[1], accuracy_m=50).json()
    assert {one["code"] for one in edge["candidates"]} <= {JIA_1, JIA_2, f"{JIA}003"}


def test_what_concerns_the_whole_office_is_not_for_a_part(part: Part) -> None:
    calendar = part.get(f"{API}/calendar")
    assert (
        part.send("PUT", f"{API}/calendar", calendar.json(), **{"If-Match": calendar.headers["ETag"]}).status_code
        == 403
    )
    assert part.get(f"{API}/webhooks").status_code == 403
    answer = part.service.client.post(
        f"{API}/imports",
        files={"file": ("x.csv", b"code,name\n")},
        data={"layer": "buildings"},
        headers={"Authorization": f"Bearer {part.token}"},
    )
    assert answer.status_code == 403


def test_a_report_is_taken_wherever_it_lies_and_its_reporter_sees_it_again(part: Part) -> None:
    answer = part.send("POST", f"{API}/incidents", report_at(IN_YI), **{"Idempotency-Key": "k1"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["grid"], made["responsible"], made["duplicates"]) == (YI_1, "W3", [])
    again = part.send("POST", f"{API}/incidents", report_at(IN_YI), **{"Idempotency-Key": "k1"})
    assert again.json() == made
    assert part.get(f"{API}/incidents/{made['id']}").json()["number"] == made["number"]
    colleague = {"Authorization": f"Bearer {token_for(part.service, 'dispatcher', [JIA], 'colleague')}"}
    assert part.service.client.get(f"{API}/incidents/{made['id']}", headers=colleague).status_code == 404
    # A tile is shared by all of one scope: their own report is in none.
    address = "/tiles/incidents/16/{}/{}.mvt".format(*tile_at(*IN_YI, 16))
    drawn = mapbox_vector_tile.decode(part.get(address).content).get("incidents", {"features": []})["features"]
    assert made["number"] not in {one["properties"]["number"] for one in drawn}


def test_a_worker_has_what_was_given_to_them_wherever_it_lies_until_it_is_handed_back(part: Part) -> None:
    service, key = part.service, part.foreign["id"]
    path, worker = f"{API}/incidents/{key}", service.as_("worker")
    assert service.client.get(path, headers=worker).status_code == 404
    for role, body in (("intake", {"action": "file"}), ("dispatcher", {"action": "dispatch", "to": "worker:W1"})):
        version = service.client.get(path, headers=service.as_("admin")).headers["ETag"]
        answer = service.client.post(f"{path}/actions", json=body, headers={**service.as_(role), "If-Match": version})
        assert answer.status_code == 200, answer.text
    mine = service.client.get(path, headers=worker)
    assert mine.status_code == 200
    assert "return" in [one if isinstance(one, str) else one["action"] for one in mine.json()["actions"]]
    back = {"action": "return", "code": "not_territory"}
    answer = service.client.post(f"{path}/actions", json=back, headers={**worker, "If-Match": mine.headers["ETag"]})
    assert answer.status_code == 200, answer.text
    assert service.client.get(path, headers=worker).status_code == 404


def test_a_worker_sees_the_grids_of_the_posts_and_the_outline_of_the_community(part: Part) -> None:
    def codes(name: str) -> set[str]:
        answer = part.service.client.get(f"{API}/{name}", headers=part.service.as_("worker"))
        return {one["code"] for one in answer.json()["items"]}

    assert codes("grids") == {JIA_1, JIA_2}
    assert codes("communities") == {JIA}
    assert codes("buildings") == {"b1", "b2", "b3"}
    here = part.service.client.get(
        f"{API}/locate", params={"lon": IN_JIA[0], "lat": IN_JIA[1]}, headers=part.service.as_("worker")
    ).json()
    assert here["community"] == {"code": JIA, "name": "甲社区"}
    assert here["responsible"]["id"] == "W1"


def test_who_has_no_territory_sees_no_ground(part: Part) -> None:
    nowhere = {"Authorization": f"Bearer {token_for(part.service, 'viewer', [])}"}
    for name in ("communities", "grids", "buildings", "assets", "routes", "workers", "posts", "incidents"):
        answer = part.service.client.get(f"{API}/{name}", headers=nowhere)
        assert (answer.status_code, answer.json()["items"]) == (200, []), name
