"""The issuer as the standard wants it met: by TLS that is checked, with keys that are long enough, and tokens that stay here."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from joserfc.jwk import RSAKey
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gridsvc.access import guard
from gridsvc.core.db import transaction
from gridsvc.core.settings import Settings
from tests.access.issuer.conftest import Office
from tests.access.test_sign_in import enter


def test_the_tokens_of_the_issuer_never_leave_the_server(office: Office) -> None:
    issued: list[str] = []
    issue = office.issuer.issue

    def remembered(nonce: str) -> str:
        issued.append(issue(nonce))
        return issued[-1]

    office.issuer.issue = remembered  # type: ignore[method-assign]
    answer = office.enter()
    assert answer.status_code == 303
    assert len(issued) == 1
    with transaction(office.service.engine) as session:
        kept = [
            str(row)
            for table in ("credential", "sign_in_attempt", "identity", "event", "account")
            for row in session.execute(text(f"select to_jsonb(t)::text from {table} t")).scalars()
        ]
    told = [json.dumps(dict(answer.headers)), answer.text, office.me().text, *kept]
    cookies = [str(cookie.value) for cookie in office.service.client.cookies.jar]
    assert not any(issued[0] in one for one in (*told, *cookies))


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_key_that_is_too_short_signs_nothing_here(office: Office) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
    pem = weak.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    office.issuer.key = RSAKey.import_key(pem, {"kid": "weak", "use": "sig"})
    assert office.enter().status_code == 401
    assert office.me().status_code == 401
    office.issuer.key = RSAKey.generate_key(2048, {"kid": "strong", "use": "sig"})
    assert office.enter().headers["location"] == "/"
    assert office.me().status_code == 200


def test_a_certificate_nobody_vouches_for_ends_the_matter(
    office: Office, chosen: dict[str, Any], tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    asked: list[str] = []

    async def describe(request: Request) -> Response:
        asked.append(request.url.path)
        return JSONResponse({})

    config = uvicorn.Config(
        Starlette(routes=[Route("/.well-known/openid-configuration", describe)]),
        port=0, log_level="critical", lifespan="off", ws="none",
        ssl_keyfile=str(tmp_path / "key.pem"), ssl_certfile=str(tmp_path / "cert.pem"),
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        chosen["oidc_issuer"] = f"https://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
        answer = office.service.client.post("/api/v1/session/issuer", json={"next": "/"})
        assert answer.status_code == 503
        assert asked == [], "something was asked over a line nobody vouches for"
    finally:
        server.should_exit = True
        thread.join()


def test_the_office_may_demand_a_second_factor_of_everybody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def demand(of: str) -> None:
        monkeypatch.setattr(guard, "settings", lambda: Settings(second_factor=of))

    for of, roles in (("everybody", ("viewer", "worker", "planner")), ("required", ("planner", "admin"))):
        demand(of)
        for role in roles:
            enter(office.service, role)
            refused = office.service.client.get("/api/v1/grids?limit=1")
            assert (refused.status_code, refused.json()["todo"]) == (403, "factor"), (of, role)
    enter(office.service, "viewer")
    assert office.service.client.get("/api/v1/grids?limit=1").status_code == 200
