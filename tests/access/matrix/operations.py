"""Every operation of the service, the verb it is behind, and how it is aimed at a side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gridsvc.core.mvt import tile_at
from tests.access.matrix.ground import API, Asker, Ground, Side
from tests.town import PASSWORD, RUBBISH

Kind = Literal["thing", "list", "common", "office", "report", "grant", "personal"]
Aimed = Mapping[str, Any]
ZOOM = 16


@dataclass(frozen=True)
class Operation:
    """How one operation is asked for.

    `kind` says what is right: a `thing` of another side is as none, a `list` has nothing of another side, what is
    `common` is the same for everybody, what concerns the `office` is for nobody with a part of the town, a `report` is
    taken wherever it lies, a `grant` gives no more than the giver has, and a `personal` thing is the asker's alone.
    `verb` is the permission it needs, `is_open` that nobody need be known, `sits` that a sign-in is needed and no
    token will do, and `filtered` that a list is asked for what is on the side it is aimed at.

    `within` are the roles that the table of the workflow leaves, `lacks` says that there may be nothing to do it to,
    `counts` that a list tells numbers and no names, and `shared` that who sees everything has what is personal, too.
    """

    kind: Kind
    verb: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    query: Callable[[Side], dict[str, Any]] = lambda _: {}
    body: Callable[[Side], dict[str, Any]] = lambda _: {}
    is_open: bool = False
    sits: bool = False
    filtered: bool = False
    within: frozenset[str] | None = None
    lacks: bool = False
    counts: bool = False
    shared: bool = False

    @property
    def is_aimed(self) -> bool:
        """Tell whether it is another request for another side."""
        return self.kind not in ("common", "office") or self.filtered

    def request(self, label: str, side: Side, asker: Asker, ground: Ground) -> dict[str, Any]:
        """Write the request of an asker, aimed at a side."""
        method, path = label.split(" ")[:2]
        known = dict(side.keys)
        if self.kind == "personal" and side.name == "own":
            kind = next(iter(self.params.values()))
            known[kind] = ground.spare(kind, asker) if asker.role else "1"
        column, row = tile_at(*side.place, ZOOM)
        known |= {"z": str(ZOOM), "x": str(column), "y": str(row), "row": str(row), "col": str(column)}
        for name, value in self.params.items():
            path = path.replace("{" + name + "}", known.get(value, value))
        return {"method": method, "url": path, "params": self.query(side), **self.body(side)}


def thing(verb: str | None, **params: str) -> Operation:
    """Make an operation on one thing, whose key is of a kind."""
    return Operation("thing", verb, params)


def listed(verb: str | None, *names: str, **query: str) -> Operation:
    """Make a list, asked for by parameters: `name=kind of key`, or `bbox` or `place` alone."""

    def asked(side: Side) -> dict[str, Any]:
        lon, lat = side.place
        box = {"bbox": f"{lon - 4e-4},{lat - 4e-4},{lon + 4e-4},{lat + 4e-4}"} if "bbox" in names else {}
        place = {"lon": lon, "lat": lat} if "place" in names else {}
        return {**box, **place, **{name: side.keys.get(kind, kind) for name, kind in query.items()}}

    return Operation("list", verb, query=asked, filtered=bool(names or query))


def common(verb: str | None = None, *, is_open: bool = False, sits: bool = False, **query: Any) -> Operation:
    """Make an operation that is the same wherever it is asked from."""
    return Operation("common", verb, query=lambda _: query, is_open=is_open, sits=sits)


def of(params: Mapping[str, str], operation: Operation) -> Operation:
    """Give an operation parameters in its path."""
    return replace(operation, params={**operation.params, **params})


def sending(operation: Operation, body: Callable[[Side], dict[str, Any]]) -> Operation:
    """Give an operation something to send."""
    return replace(operation, body=body)


def _report(side: Side) -> dict[str, Any]:
    lon, lat = side.place
    place = {"lon": lon, "lat": lat}
    return {"json": {"class": RUBBISH, "condition": "01", "place": place, "text": "x", "source": "dispatcher"}}


def _form(side: Side) -> dict[str, Any]:
    lon, lat = side.place
    return {"data": {"service_code": RUBBISH, "lat": lat, "long": lon, "attribute[condition]": "01"}}


def _action(_: Side) -> dict[str, Any]:
    return {"json": {"action": "file"}, "headers": {"If-Match": '"1"'}}


def _photo(side: Side) -> dict[str, Any]:
    return {"content": bytes.fromhex(side.keys["jpeg"]), "headers": {"Content-Type": "image/jpeg"}}


def _account(side: Side) -> dict[str, Any]:
    # What is refused is made by nobody, and what is made, only once.
    name = f"made-{side.name}"
    return {"json": {"username": name, "password": PASSWORD, "role": "viewer", "territory": [side.keys["community"]]}}


def _points(side: Side) -> dict[str, Any]:
    return {"json": {"points": [{"lon": side.place[0], "lat": side.place[1]}]}}


def _json(**body: Any) -> Callable[[Side], dict[str, Any]]:
    return lambda _: {"json": body}


READ, CASE, TILE = "territory.read", "incident.read", {"z": "z", "x": "x", "y": "y"}
BY_TILE = {"matrices": "WebMercatorQuad", "z": "z", "row": "row", "col": "col"}
# Where the office has no issuer there is nothing to link.
LINK = replace(thing("account.manage", key="account"), lacks=True)
HOOKS = Operation("office", "webhook.manage")
HOOK = {"url": "https://example.org/hook", "kinds": []}
LAYERS = {"communities": "community", "grids": "grid", "buildings": "building", "assets": "asset", "routes": "route"}

TERRITORY = {
    f"GET {API}/locate": listed(READ, "place"),
    f"POST {API}/locate": sending(listed(READ, "place"), _points),
    f"GET {API}/search": listed(READ, q="building"),
    f"GET {API}/divisions": common(READ),
    f"GET {API}/divisions/{{code}}": of({"code": "320102003000"}, common(READ)),
    f"GET {API}/communities": listed(READ, "bbox"),
    f"GET {API}/communities/{{code}}": thing(READ, code="community"),
    f"GET {API}/grids": listed(READ, community="community"),
    f"GET {API}/grids/{{code}}": thing(READ, code="grid"),
    f"GET {API}/grids/{{code}}/history": thing(READ, code="grid"),
    f"GET {API}/grids/{{code}}/lineage": thing(READ, code="grid"),
    f"GET {API}/buildings": listed(READ, "bbox"),
    f"GET {API}/buildings/{{code}}": thing(READ, code="building"),
    f"GET {API}/streets": common(READ),
    f"GET {API}/streets/{{code}}": of({"code": "s1"}, common(READ)),
    f"GET {API}/assets": listed(READ, grid="grid"),
    f"GET {API}/assets/{{code}}": thing(READ, code="asset"),
    f"GET {API}/workers": listed("workforce.read", grid="grid"),
    f"GET {API}/workers/{{worker}}": thing("workforce.read", worker="worker"),
    f"GET {API}/posts": listed("workforce.read", worker="worker"),
    f"GET {API}/posts/{{post}}": thing("workforce.read", post="post"),
    f"GET {API}/me": common("workforce.read"),
    f"GET {API}/routes": listed("patrol.read", "bbox"),
    f"GET {API}/routes/{{route}}": thing("patrol.read", route="route"),
}
INCIDENTS = {
    f"GET {API}/board": replace(listed(CASE, community="community"), counts=True),
    f"GET {API}/calendar": common(CASE),
    f"PUT {API}/calendar": sending(Operation("office", "calendar.change"), _json(days=[])),
    f"POST {API}/calendar/preview": sending(Operation("office", "calendar.change"), _json(days=[])),
    f"GET {API}/catalogue": common(CASE),
    f"GET {API}/catalogue/versions": common(CASE),
    f"GET {API}/catalogue/crosswalk": Operation("common", CASE, query=lambda _: {"from": "town", "to": "town"}),
    f"GET {API}/incidents": listed(CASE, community="community"),
    f"POST {API}/incidents": sending(Operation("report", "incident.report"), _report),
    f"GET {API}/incidents/duplicates": listed(CASE, "place", **{"class": RUBBISH}),
    f"GET {API}/incidents/reasons": common(CASE),
    f"GET {API}/incidents/{{incident}}": thing(CASE, incident="incident"),
    f"GET {API}/incidents/{{incident}}/log": thing(CASE, incident="incident"),
    f"GET {API}/incidents/{{incident}}/clocks": thing(CASE, incident="incident"),
    f"GET {API}/incidents/{{incident}}/why": thing(CASE, incident="incident"),
    f"POST {API}/incidents/{{incident}}/actions": sending(
        replace(thing("incident.act", incident="incident"), within=frozenset({"intake", "dispatcher", "supervisor"})),
        _action,
    ),
    f"PUT {API}/incidents/{{incident}}/photos/{{sha256}}": sending(
        thing("incident.report", incident="incident", sha256="sha256"), _photo
    ),
    f"GET {API}/incidents/{{incident}}/photos/{{sha256}}": thing(CASE, incident="incident", sha256="sha256"),
    f"GET {API}/incidents/{{incident}}/photos": thing(CASE, incident="incident"),
    f"GET {API}/incidents/{{incident}}/contact": thing("contact.reveal", incident="incident"),
    f"POST {API}/incidents/{{incident}}/contact/reveal": sending(
        thing("contact.reveal", incident="incident"), _json(reason="回访")
    ),
    f"GET {API}/webhooks": HOOKS,
    f"POST {API}/webhooks": sending(HOOKS, _json(**HOOK)),
    f"DELETE {API}/webhooks/{{webhook}}": replace(HOOKS, params={"webhook": "1"}, lacks=True),
    f"GET {API}/webhooks/{{webhook}}/deliveries": replace(HOOKS, params={"webhook": "1"}, lacks=True),
}
ACCESS = {
    f"POST {API}/session": sending(common(is_open=True), _json(username="nobody", password="a long wrong sentence")),
    f"DELETE {API}/session": common(is_open=True),
    f"GET {API}/session/ways": common(is_open=True),
    f"POST {API}/session/issuer": common(is_open=True),
    f"GET {API}/session/issuer/return": common(is_open=True),
    f"POST {API}/session/issuer/code": sending(common(is_open=True), _json(code="000000")),
    f"GET {API}/me/sessions": common(sits=True),
    f"DELETE {API}/me/sessions": common(sits=True),
    f"DELETE {API}/me/sessions/{{key}}": Operation("personal", params={"key": "session"}, sits=True),
    # Nothing that would do: the askers keep their secrets for what is asked next.
    f"POST {API}/me/proof": sending(common(sits=True), _json(word="x")),
    f"PUT {API}/me/password": sending(common(sits=True), _json(old=PASSWORD, new=PASSWORD)),
    f"POST {API}/me/factor": sending(common(sits=True), _json(password=PASSWORD)),
    f"POST {API}/me/factor/confirm": sending(common(sits=True), _json(code="000000")),
    f"POST {API}/me/factor/remove": sending(common(sits=True), _json(password=PASSWORD)),
    f"GET {API}/accounts": listed("account.manage"),
    f"POST {API}/accounts": sending(Operation("grant", "account.manage"), _account),
    f"GET {API}/accounts/{{key}}": thing("account.manage", key="account"),
    f"PATCH {API}/accounts/{{key}}": sending(thing("account.manage", key="account"), _json(department="x")),
    f"GET {API}/accounts/{{key}}/identity": LINK,
    f"PUT {API}/accounts/{{key}}/identity": sending(LINK, _json(subject="x")),
    f"DELETE {API}/accounts/{{key}}/identity": LINK,
    f"GET {API}/tokens": common(),
    f"POST {API}/tokens": sending(common(sits=True), _json(label="x")),
    f"DELETE {API}/tokens/{{key}}": Operation("personal", params={"key": "token"}),
    f"GET {API}/audit": listed("audit.read", community="community"),
    f"GET {API}/consent": common(),
    f"GET {API}/me/consent": common(),
    f"POST {API}/me/consent": sending(common(), _json(version="1", agreed=True)),
    f"DELETE {API}/me/consent": replace(common(), lacks=True),
}
FILES = {
    f"GET {API}/exports/{{file}}": of({"file": "buildings.csv"}, listed("export")),
    f"POST {API}/imports": Operation("office", "import.boundaries"),
    f"GET {API}/jobs": common(),
    f"GET {API}/jobs/{{job}}": Operation("personal", params={"job": "job"}, shared=True),
    f"DELETE {API}/jobs/{{job}}": Operation("personal", params={"job": "job"}, shared=True),
}
MAPS = {
    "GET /tiles/style.json": common(READ),
    "GET /tiles/qgis.xml": common(READ),
    "GET /tiles": common(READ),
    "GET /tiles/{layer}/{z}/{x}/{y}.mvt": of({"layer": "assets", **TILE}, Operation("list", READ, filtered=True)),
    "GET /tiles/{layer}.json": of({"layer": "buildings"}, common(READ)),
    "GET /ogc/tileMatrixSets": common(READ),
    "GET /ogc/tileMatrixSets/{matrices}": of({"matrices": "WebMercatorQuad"}, common(READ)),
    "GET /ogc/tiles": common(READ),
    "GET /ogc/collections/{collection}/tiles": of({"collection": "grids"}, common(READ)),
    "GET /ogc/collections/{collection}/tiles/{matrices}": of(
        {"collection": "grids", "matrices": "WebMercatorQuad"}, common(READ)
    ),
    "GET /ogc/collections/{collection}/tiles/{matrices}/{z}/{row}/{col}": of(
        {"collection": "assets", **BY_TILE}, Operation("list", READ, filtered=True)
    ),
}
OPEN311 = {
    f"GET /open311/v2/{address}.{{form}}": of({"form": "json"}, operation)
    for address, operation in {
        "discovery": common(is_open=True),
        "services": common(CASE),
        "services/{code}": of({"code": RUBBISH}, common(CASE)),
        "requests": listed(CASE),
        "requests/{number}": thing(CASE, number="number"),
    }.items()
} | {
    "POST /open311/v2/requests.{form}": of({"form": "json"}, sending(Operation("report", "incident.report"), _form)),
}
HEALTH = {"GET /healthz": common(is_open=True), "GET /readyz": common(is_open=True)}

DESCRIBED: dict[str, Operation] = {**TERRITORY, **INCIDENTS, **ACCESS, **FILES, **MAPS, **OPEN311, **HEALTH}
"""What the OpenAPI document of the service lists."""

FEATURES: dict[str, Operation] = {
    "GET /ogc": common(is_open=True),
    "GET /ogc/conformance": common(is_open=True),
    "GET /ogc/api": common(),
    "GET /ogc/collections": common(),
    **{f"GET /ogc/collections/{layer}": common(READ) for layer in LAYERS},
    **{f"GET /ogc/collections/{layer}/queryables": common(READ) for layer in LAYERS},
    **{f"GET /ogc/collections/{layer}/items": listed(READ, "bbox") for layer in LAYERS},
    **{f"GET /ogc/collections/{layer}/items/{{key}}": thing(READ, key=key) for layer, key in LAYERS.items()},
    "GET /ogc/collections/incidents/items": listed(CASE, "bbox"),
    "GET /ogc/collections/incidents/items/{key}": thing(CASE, key="incident"),
}
"""OGC API – Features, which describes itself at `/ogc/api`."""

PAST = "2026-06-01T00:00:00Z"
AGAIN: dict[str, Operation] = {
    **{
        f"GET /tiles/{layer}/{{z}}/{{x}}/{{y}}.mvt": of(TILE, Operation("list", READ, filtered=True))
        for layer in (*LAYERS, "incidents")
    },
    **{
        f"GET {API}/{layer} at": Operation("list", READ, query=lambda _: {"at": PAST, "limit": 1000})
        for layer in ("communities", "grids", "buildings", "assets")
    },
    f"GET {API}/search at": listed(READ, q="asset", at=PAST),
    **{f"GET {API}/exports/{layer}.csv": listed("export") for layer in (*LAYERS, "workers", "posts", "incidents")},
}
"""The same ways again, of other layers and moments; what follows a second space in a label only tells them apart."""

OPERATIONS = DESCRIBED | FEATURES | AGAIN
