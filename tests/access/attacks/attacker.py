"""Somebody who attacks: with what they may have, and ways to see whether it got them anything."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
from httpx2 import Response
from sqlalchemy import text

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.access.guard import COOKIE
from gridsvc.access.tables import Account
from gridsvc.core.db import transaction
from tests.access.matrix.ground import API, Ground, sign_in
from tests.conftest import early_in_a_step
from tests.town import JIA, PASSWORD

OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
REFUSED = (400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429)

NUMBERS = count()
Attack = Callable[["Attacker"], None]
ATTACKS: dict[str, Attack] = {}
"""Every attack by its name: a function that tries it, and fails where it got anything."""


def attack(name: str) -> Callable[[Attack], Attack]:
    """Put an attack into the table."""

    def named(function: Attack) -> Attack:
        assert name not in ATTACKS, name
        ATTACKS[name] = function
        return function

    return named


class Attacker:
    """Who attacks: a dispatcher of one part of the town with a browser, and whoever else they can pass for."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.client = ground.client
        self.engine = ground.engine

    def leave(self) -> None:
        """Leave nothing behind that would change the next attack."""
        self.client.cookies.clear()
        with transaction(self.engine) as session:
            session.execute(text("delete from sign_in_failure"))
        self.forget()

    def forget(self) -> None:
        """Let the service look every secret up again, as it does after three seconds."""
        self.client.app.state.doorkeeper = None  # type: ignore[attr-defined]

    def change(self, statement: str, **values: Any) -> None:
        """Let something be otherwise in the database."""
        with transaction(self.engine) as session:
            session.execute(text(statement), values)
        self.forget()

    def value(self, query: str, **values: Any) -> Any:
        """Look something up as the owner of the database."""
        with transaction(self.engine) as session:
            return session.scalar(text(query), values)

    def ask(self, method: str, path: str, who: str = "dispatcher", **more: Any) -> Response:
        """Ask with the token of somebody of the matrix."""
        self.client.cookies.clear()
        token = self.ground.askers[who].token
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        return self.client.request(method, path, headers=headers, **more)

    def bare(self, method: str, path: str, **more: Any) -> Response:
        """Ask with nothing but what is given."""
        self.client.cookies.clear()
        return self.client.request(method, path, **more)

    def browse(self, secret: str, method: str = "GET", path: str = f"{API}/me", **more: Any) -> Response:
        """Ask with the cookie of a sign-in."""
        self.client.cookies.clear()
        headers = {"Cookie": f"{COOKIE}={secret}"} | more.pop("headers", OWN_SITE)
        return self.client.request(method, path, headers=headers, **more)

    def account(self, role: str = "dispatcher", codes: tuple[str, ...] = (JIA,)) -> str:
        """Make a fresh account; answer its name."""
        name = f"mark-{role}-{next(NUMBERS)}"
        with transaction(self.engine) as session:
            add_account(session, name, role, PASSWORD, actor="test", codes=list(codes))
        return name

    def signed_in(self, username: str) -> str:
        """Sign somebody in; answer the secret of the cookie."""
        return sign_in(self.client, username)

    def enter(
        self, username: str, password: str = PASSWORD, headers: dict[str, str] | None = None, **more: Any
    ) -> Response:
        """Try to sign in with a browser that has no cookie."""
        self.client.cookies.clear()
        given = {"username": username, "password": password, **more}
        answer = self.client.post(f"{API}/session", json=given, headers=headers or {})
        self.client.cookies.clear()
        return answer

    def token(self, username: str, **limits: Any) -> str:
        """Issue a token of an account."""
        with transaction(self.engine) as session:
            account = session.query(Account).filter_by(username=username).one()
            return issue_token(session, account, "theirs", actor="test", **limits)

    def with_factor(self, username: str) -> tuple[str, pyotp.TOTP, list[str]]:
        """Sign in and add a second factor; answer the secret of the cookie, the phone and the recovery codes."""
        secret = self.signed_in(username)
        begun = self.browse(secret, "POST", f"{API}/me/factor", json={"password": PASSWORD}).json()
        phone = pyotp.TOTP(parse_qs(urlsplit(begun["address"]).query)["secret"][0])
        early_in_a_step()
        earlier = phone.at(datetime.now(UTC) - timedelta(seconds=30))
        done = self.browse(secret, "POST", f"{API}/me/factor/confirm", json={"code": earlier})
        assert done.status_code == 200, done.text
        return secret, phone, done.json()["recovery_codes"]

    def hidden(self, answer: Response, *sides: str) -> bool:
        """Tell whether nothing of other sides is in an answer, apart from what it was asked with."""
        told = answer.content.replace(str(answer.request.url).encode(), b"")
        return not any(word.encode() in told for word in self.words(*sides))

    def words(self, *sides: str) -> set[str]:
        """Give the words that would give other sides away."""
        return {word for side in sides or ("sibling", "foreign") for word in self.ground.sides[side].words}


def refused(answer: Response, *statuses: int) -> None:
    """Make sure that an answer is a refusal, of these kinds."""
    assert answer.status_code in (statuses or REFUSED), (answer.status_code, answer.text[:300])
