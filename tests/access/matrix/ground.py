"""Three sides of a town with something of everything on each, and everybody who asks: one of each role on the first side."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi.testclient import TestClient
from httpx2 import Response
from PIL import Image
from sqlalchemy import Engine, func, insert, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.access.guard import COOKIE
from gridsvc.access.permissions import ROLES
from gridsvc.access.tables import Account
from gridsvc.core.db import transaction
from gridsvc.territory.tables import Community, CommunityVersion, Division, Grid, GridVersion
from tests.town import FOUNDED, JIA, JIA_1, PASSWORD, RUBBISH, YI, YI_1, metric, rectangle, spot, stored

API = "/api/v1"
BING_STREET, BING = "320102004000", "320102004901"
BING_1 = f"{BING}001"
PLACES = {"own": (JIA, JIA_1, (0.5, 1.5)), "sibling": (YI, YI_1, (2.5, 1.5)), "foreign": (BING, BING_1, (10.5, 1.5))}
"""Community, grid and a place in it: who asks is of the first, the second is beside it in the same street, the third away."""
SCOPED = "webhook.manage"
"""The one verb of a token that is kept from all others."""


@dataclass(frozen=True)
class Side:
    """One side: the key of its one thing of each kind, a place in it, and the words that would give any of it away."""

    name: str
    keys: Mapping[str, str]
    place: tuple[float, float]
    words: frozenset[str]


@dataclass
class Asker:
    """Somebody who asks: how they are recognised, by a token and by a sign-in, and which verbs they may."""

    name: str
    role: str | None
    account: int | None = None
    token: str | None = None
    cookie: str | None = None
    everywhere: bool = False
    verbs: frozenset[str] | None = None


@dataclass
class Ground:
    """The service over the town, the sides, and who asks."""

    client: TestClient
    engine: Engine
    sides: dict[str, Side] = field(default_factory=dict)
    askers: dict[str, Asker] = field(default_factory=dict)

    def spare(self, kind: str, asker: Asker) -> str:
        """Make a thing that is the asker's own, to be ended by them: a token, a sign-in or a job."""
        with transaction(self.engine) as session:
            if kind == "job":
                row = "insert into job (kind, actor, arguments) values ('import', :who, '{}') returning id"
                return str(session.scalar(text(row), {"who": f"m-{asker.name}"}))
            account = session.get_one(Account, asker.account)
            if kind == "token":
                issue_token(session, account, "spare", actor="test")
            else:
                sign_in(self.client, account.username)
            newest = "select id from credential where account = :account and kind = :kind order by id desc limit 1"
            return str(session.scalar(text(newest), {"account": asker.account, "kind": kind}))


def build(client: TestClient, engine: Engine, tokens: Mapping[str, str]) -> Ground:
    """Furnish the sides, and let everybody in."""
    ground = Ground(client, engine)
    with transaction(engine) as session:
        _found(session)
    for name, (community, grid, cell) in PLACES.items():
        with transaction(engine) as session:
            keys = _furnish(session, name, community, grid, cell)
        sign_in(client, f"account-{name}-77")
        with transaction(engine) as session:
            newest = text("select max(id) from credential where account = :account and kind = 'session'")
            keys["session"] = str(session.scalar(newest, {"account": int(keys["account"])}))
        keys |= _report(client, tokens["intake"], spot(*cell))
        words = {f"{name}-77", community, keys["number"]}
        ground.sides[name] = Side(name, keys, spot(*cell), frozenset(words))
    for role in ROLES:
        _let_in(ground, Asker(role, role), [JIA])
    _let_in(ground, Asker("everywhere", "admin", everywhere=True), ["everywhere"])
    _let_in(ground, Asker("onlooker", "viewer", everywhere=True), ["everywhere"])
    _let_in(ground, Asker("scoped", "admin", verbs=frozenset({SCOPED})), [JIA])
    ground.askers["stranger"] = Asker("stranger", None)
    return ground


def _let_in(ground: Ground, asker: Asker, codes: list[str]) -> None:
    scopes = sorted(asker.verbs) if asker.verbs is not None else None
    with transaction(ground.engine) as session:
        account = add_account(session, f"m-{asker.name}", str(asker.role), PASSWORD, actor="test", codes=codes)
        asker.account, asker.token = account.id, issue_token(session, account, "matrix", actor="test", scopes=scopes)
    asker.cookie = sign_in(ground.client, account.username)
    ground.askers[asker.name] = asker


def sign_in(client: TestClient, username: str) -> str:
    """Sign in; answer the secret of the cookie."""
    answer = client.post(f"{API}/session", json={"username": username, "password": PASSWORD})
    client.cookies.clear()
    assert answer.status_code == 204, answer.text
    return str(answer.cookies[COOKIE])


def _found(session: Session) -> None:
    """Draw the third side: a street of its own, with one community of one grid."""
    always = Range(FOUNDED, None, bounds="[)")
    shape = rectangle(10, 1)
    dated = {"version": 1, "valid": always, "area_m2": func.st_area(metric(shape))}
    session.execute(insert(Division).values(code=BING_STREET, name="示例街道二", level="street"))
    session.execute(insert(Community).values(code=BING, street=BING_STREET))
    session.execute(
        insert(CommunityVersion).values(community=BING, name="丙社区", geometry=stored(shape, many=True), **dated)
    )
    session.execute(insert(Grid).values(code=BING_1))
    session.execute(
        insert(GridVersion).values(grid=BING_1, name="丙一网格", kind="residential", geometry=stored(shape), **dated)
    )


def _furnish(session: Session, name: str, community: str, grid: str, cell: tuple[float, float]) -> dict[str, str]:
    """Put one of each kind on a side; answer their keys."""
    account = add_account(session, f"account-{name}-77", "dispatcher", PASSWORD, actor="test", codes=[community])
    issue_token(session, account, "theirs", actor="test")
    lon, lat = spot(*cell)
    given = {"name": f"{name}-77", "grid": grid, "lon": lon, "lat": lat, "account": account.id, "rubbish": RUBBISH}
    for statement in FURNITURE.split(";"):
        session.execute(text(statement), given)

    def one(query: str) -> str:
        return str(session.scalar(text(query), given))

    return {
        "community": community,
        "grid": grid,
        "building": f"house-{name}-77",
        "asset": f"lamp-{name}-77",
        "route": f"route-{name}-77",
        "worker": f"W-{name}-77",
        "post": one("select id from post where worker = 'W-' || :name"),
        "account": str(account.id),
        "token": one("select id from credential where account = :account"),
        "job": one("select id from job where arguments ->> 'file' = :name"),
    }


FURNITURE = """
    insert into building (code, name, address, use, geometry)
        values ('house-' || :name, '楼' || :name, '示例路 ' || :name || ' 号', 'residential',
            st_multi(st_expand(st_setsrid(st_makepoint(:lon, :lat), 4326), 0.00005)));
    insert into asset (code, class, geometry)
        values ('lamp-' || :name, 'asset:01037', st_setsrid(st_makepoint(:lon, :lat), 4326));
    insert into route (id, name, grid, length_m, geometry)
        values ('route-' || :name, :name, :grid, 1, st_multi(st_setsrid(st_makeline(
            st_makepoint(:lon, :lat), st_makepoint(:lon + 0.0001, :lat)), 4326)));
    insert into worker (code, name, phone, department) values ('W-' || :name, '示例网格员 ' || :name, '10000000077', '示例');
    insert into post (grid, worker, role, valid)
        values (:grid, 'W-' || :name, 'assistant', tstzrange('2026-01-01', null));
    insert into job (kind, actor, arguments)
        values ('import', 'account-' || :name, jsonb_build_object('file', :name))"""


def _report(client: TestClient, token: str, place: tuple[float, float]) -> dict[str, str]:
    """Report something with a photo and a contact, as somebody who sees everything."""
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8), (int(place[0] * 1e4) % 256, 9, 9)).save(drawn, "JPEG")
    sha256 = hashlib.sha256(drawn.getvalue()).hexdigest()
    given = {
        "class": RUBBISH,
        "condition": "01",
        "place": {"lon": place[0], "lat": place[1]},
        "text": "垃圾",
        "source": "hotline",
        "photos": [sha256],
        "contact": "10000000000",
    }
    header = {"Authorization": f"Bearer {token}"}
    made = _sure(client.post(f"{API}/incidents", json=given, headers=header)).json()
    photo = f"{API}/incidents/{made['id']}/photos/{sha256}"
    _sure(client.put(photo, content=drawn.getvalue(), headers={**header, "Content-Type": "image/jpeg"}))
    return {"incident": made["id"], "number": made["number"], "sha256": sha256, "jpeg": drawn.getvalue().hex()}


def _sure(answer: Response) -> Response:
    assert answer.status_code == 201, answer.text
    return answer
