"""The phone of a worker is for those who call workers; everybody else sees it masked, everywhere."""

from gridsvc.access.accounts import find_account
from gridsvc.access.credentials import issue_token
from gridsvc.access.permissions import ROLES
from gridsvc.core.db import transaction
from tests.conftest import Service

PHONE = "10000000001"
CALLING = {"admin", "dispatcher", "supervisor"}


def test_only_who_calls_workers_is_told_the_whole_phone(service: Service) -> None:
    for role in ROLES:
        for path in ("/api/v1/workers", "/api/v1/workers/W1"):
            answer = service.client.get(path, headers=service.as_(role))
            assert answer.status_code == 200
            assert "100****0001" in answer.text
            assert (PHONE in answer.text) == (role in CALLING), (role, path)


def test_a_token_for_reading_alone_is_told_no_phone(service: Service) -> None:
    with transaction(service.engine) as session:
        account = find_account(session, "dispatcher")
        token = issue_token(
            session, account, "map", actor="test", scopes=["workforce.read", "export", "territory.read"]
        )
    reading = {"Authorization": f"Bearer {token}"}
    where = {"lon": 118.7805, "lat": 32.0415}
    assert service.client.get("/api/v1/locate", params=where, headers=reading).json()["responsible"]["id"] == "W1"
    for path in ("workers", "workers/W1", "exports/workers.csv", "locate?lon=118.7805&lat=32.0415"):
        answer = service.client.get(f"/api/v1/{path}", headers=reading)
        assert answer.status_code == 200, path
        assert PHONE not in answer.text, path
