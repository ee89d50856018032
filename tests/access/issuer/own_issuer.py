"""A small issuer of identities that really answers on this machine, and does wrong what a test asks it to."""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET, SUBJECT = "gridsvc", "a/secret:of the client", "00u-planner"
Key = RSAKey | ECKey | OKPKey | OctKey


@dataclass
class OwnIssuer:
    """An issuer that does as it should, until a test says otherwise: `claims`, `header`, `discovery` override, None takes away."""

    address: str = ""
    key: Key = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first", "use": "sig"}))
    shown: list[Key] | None = None
    """The keys that are published; else the one that signs."""
    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    raw_token: str | None = None
    names_itself: str | None = None
    token_status: int = 200
    needs_pkce: bool = True
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def describe(self, _: Request) -> Response:
        self.asked.append("discovery")
        told = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "userinfo_endpoint": f"{self.address}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            **self.discovery,
        }
        return JSONResponse({name: value for name, value in told.items() if value is not None})

    async def keys(self, _: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse(KeySet(self.shown or [self.key]).as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        self.asked.append("authorize")
        code = secrets.token_urlsafe()
        asked = dict(request.query_params)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"]} | ({"iss": self.names_itself} if self.names_itself else {})
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def token(self, request: Request) -> Response:
        self.asked.append("token")
        if self.token_status != 200:
            return Response("<html>upstream", self.token_status)
        given = dict(parse_qsl((await request.body()).decode()))
        basic = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        if basic != "gridsvc:a%2Fsecret%3Aof%20the%20client":
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self.codes.pop(given["code"], None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["redirect_uri"] != given["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if self.needs_pkce and (asked.get("code_challenge"), asked.get("code_challenge_method")) != (proof, "S256"):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "id_token": self.issue(asked["nonce"])})

    async def userinfo(self, _: Request) -> Response:
        self.asked.append("userinfo")
        return JSONResponse({"sub": SUBJECT})

    def issue(self, nonce: str) -> str:
        """Write the id_token."""
        if self.raw_token is not None:
            return self.raw_token
        now = int(time.time())
        claims = {"iss": self.address, "sub": SUBJECT, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce}
        claims |= self.claims
        header = {"alg": self.algorithm, "kid": self.key.kid, **self.header}
        return jwt.encode(
            {name: value for name, value in header.items() if value is not None},
            {name: value for name, value in claims.items() if value is not None},
            self.key,
            registry=JWSRegistry(algorithms=[self.algorithm], strict_check_header=False),
        )


@contextmanager
def running(host: str = "127.0.0.1") -> Iterator[OwnIssuer]:
    """Run an issuer on a port of this machine; `host` is what it calls it."""
    own = OwnIssuer()
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", own.describe),
            Route("/keys", own.keys),
            Route("/authorize", own.authorize),
            Route("/token", own.token, methods=["POST"]),
            Route("/userinfo", own.userinfo),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    own.address = f"http://{host}:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield own
    finally:
        server.should_exit = True
        thread.join()
