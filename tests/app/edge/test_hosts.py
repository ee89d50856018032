"""By which name the service is called: its own, or it does not answer."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from gridsvc.app.edge.hosts import name_of
from gridsvc.app.main import create_app
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings
from tests.conftest import Town, copy_database, served


@pytest.fixture(scope="module")
def named(town: Town) -> Iterator[TestClient]:
    """Run a service that has two names."""
    database = Database.at(served(copy_database(town.url)), Settings(pool_size=1))
    app = create_app(database, Settings(allowed_hosts="Grid.example, [::1]"))
    with TestClient(app, base_url="http://grid.example") as client:
        yield client


@pytest.mark.parametrize("host", ["grid.example", "GRID.example:8000", "[::1]:8000"])
def test_its_own_names_will_do_with_any_port(named: TestClient, town: Town, host: str) -> None:
    token = {"Authorization": f"Bearer {town.tokens['viewer']}"}
    assert named.get("/api/v1/grids", headers={"Host": host} | token).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "grid.example.evil.example", "127.0.0.1", "", "[::1", "grid.example@evil"]
)
@pytest.mark.parametrize(
    "path", ["/api/v1/grids", "/tiles/grids/14/13600/6650.mvt", "/", "/ogc", "/open311/v2/discovery.json"]
)
def test_by_another_name_nothing_is_answered(named: TestClient, town: Town, host: str, path: str) -> None:
    token = {"Authorization": f"Bearer {town.tokens['viewer']}"}
    answer = named.get(path, headers={"Host": host} | token)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "evil" not in answer.text


def test_who_asks_whether_it_is_well_may_call_it_by_its_address(named: TestClient) -> None:
    assert named.get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code == 200


def test_a_name_is_read_without_its_port() -> None:
    assert [name_of(host) for host in (b"a.b", b"A.b:80", b"[::1]:80", b"")] == ["a.b", "a.b", "[::1]", ""]
