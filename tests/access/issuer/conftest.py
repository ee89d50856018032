"""The service that trusts a small issuer of its own, and the ways a browser takes between both."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from gridsvc.access import accounts
from gridsvc.access.accounts import find_account
from gridsvc.access.issuer import asking
from gridsvc.access.issuer.linking import link
from gridsvc.core.db import transaction
from gridsvc.core.settings import Settings
from tests.access.issuer.own_issuer import CLIENT, SECRET, SUBJECT, OwnIssuer, running
from tests.conftest import Service


@pytest.fixture
def issuer() -> Iterator[OwnIssuer]:
    """Run an issuer."""
    with running() as own:
        yield own


@dataclass(frozen=True)
class Office:
    """The service that trusts the issuer; whoever is `planner` here is linked to the subject there."""

    service: Service
    issuer: OwnIssuer

    def begin(self, onward: str = "/") -> str:
        """Begin a sign-in; answer the address the browser is sent to."""
        answer = self.service.client.post("/api/v1/session/issuer", json={"next": onward})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["address"])

    def visit(self, address: str) -> str:
        """Go to the issuer as a browser does; answer the address it sends back to, below the host."""
        sent = httpx.get(address, follow_redirects=False, trust_env=False)
        parts = urlsplit(sent.headers["location"])
        return f"{parts.path}?{parts.query}"

    def come_back(self, address: str, **headers: str) -> httpx.Response:
        """Come back from the issuer."""
        return self.service.client.get(address, headers=headers, follow_redirects=False)

    def enter(self, onward: str = "/") -> httpx.Response:
        """Do the whole of it."""
        return self.come_back(self.visit(self.begin(onward)))

    def me(self) -> httpx.Response:
        """Ask who is signed in."""
        return self.service.client.get("/api/v1/me")


def asked_of(address: str) -> dict[str, str]:
    """Read what an address asks."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.fixture
def chosen(issuer: OwnIssuer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Set the issuer; a test may set more in what this gives."""
    values: dict[str, Any] = {
        "oidc_issuer": issuer.address,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_label": "市政统一认证",
    }
    for module in (asking, accounts):
        monkeypatch.setattr(module, "settings", lambda: Settings(**values))
    return values


@pytest.fixture
def office(service: Service, issuer: OwnIssuer, chosen: dict[str, Any]) -> Office:
    """Give the service that trusts the issuer."""
    assert chosen
    with transaction(service.engine) as session:
        link(session, find_account(session, "planner"), issuer.address, SUBJECT, actor="test")
    return Office(service, issuer)
