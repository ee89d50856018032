"""An incident that was reported, and the way to do something with it over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import Service
from tests.flows.test_report_an_incident import report

Act = Callable[..., dict[str, Any]]


@pytest.fixture
def made(service: Service) -> dict[str, Any]:
    """Report an incident in 甲一网格; the department account is the one that mends."""
    with service.engine.begin() as connection:
        connection.execute(text("update account set department = '示例部门' where role = 'department'"))
    answer = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=service.as_("intake"))
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == '"1"'
    incident: dict[str, Any] = answer.json()
    return incident


@pytest.fixture
def act(service: Service) -> Act:
    """Give the way to do something with an incident as it is at the moment."""

    def do(incident: str, role: str, action: str, status: int = 200, **said: Any) -> dict[str, Any]:
        url = f"/api/v1/incidents/{incident}"
        read = service.client.get(url, headers=service.as_(role))
        headers = service.as_(role) | {"If-Match": read.headers["etag"]}
        answer = service.client.post(f"{url}/actions", json={"action": action, **said}, headers=headers)
        assert answer.status_code == status, (action, answer.text)
        if status == 200:
            assert action in read.json()["actions"], (action, read.json()["actions"])
        shown: dict[str, Any] = answer.json()
        return shown

    return do
