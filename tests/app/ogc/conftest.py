"""One service over one town for all reading tests of `/ogc`; nothing here is written after it is made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gridsvc.app.main import create_app
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings
from tests.conftest import Service, Town, copy_database
from tests.town import RUBBISH, spot

Get = Callable[..., Any]


@dataclass(frozen=True)
class Served:
    """The town with three reports, its address, and the service over it."""

    url: str
    service: Service


@pytest.fixture(scope="session")
def served(town: Town) -> Iterator[Served]:
    """Serve a copy of the town in which three incidents have been reported."""
    url = copy_database(town.url)
    database = Database.at(url, Settings(pool_size=2))
    with TestClient(create_app(database, Settings()), raise_server_exceptions=False) as client:
        service = Service(client, database.engine, town.tokens)
        for column in (0.5, 1.5, 2.5):
            lon, lat = spot(column, 1.5)
            body = {
                "class": RUBBISH,
                "condition": "01",
                "source": "public",
                "place": {"lon": lon, "lat": lat},
                "text": "<script>alert(1)</script> =1+1",
            }
            answer = client.post("/api/v1/incidents", json=body, headers=service.as_("worker"))
            assert answer.status_code == 201, answer.text
        yield Served(url, service)


@pytest.fixture
def get(served: Served) -> Get:
    """Give a function that reads an address below /ogc as a viewer; it expects 200 unless told otherwise."""

    def read(path: str, status: int = 200, headers: dict[str, str] | None = None, **query: object) -> Any:
        answer = served.service.client.get(
            path if path.startswith("http") else f"/ogc{path}",
            params={name.replace("_", "-"): str(value) for name, value in query.items()} or None,
            headers={**served.service.as_("viewer"), **(headers or {})},
        )
        assert answer.status_code == status, answer.text
        return answer

    return read
