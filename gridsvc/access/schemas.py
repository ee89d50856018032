"""The shapes of the door as others read and send them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gridsvc.access.permissions import ROLES
from gridsvc.access.proof.passwords import LONGEST

Password = Annotated[str, Field(max_length=LONGEST)]
Code = Annotated[str, Field(max_length=40)]
Role = Literal["admin", "planner", "dispatcher", "intake", "supervisor", "department", "worker", "viewer"]
assert set(Role.__args__) == set(ROLES)  # type: ignore[attr-defined]  # noqa: S101 - two lists that must not drift apart


class Asked(BaseModel):
    """Something sent: fields nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")


class SignIn(Asked):
    """A user name and a password, and the code of a second factor where the account has one."""

    username: Annotated[str, Field(max_length=100)]
    password: Password
    code: Code | None = None


class NewPassword(Asked):
    """The old password and the new one."""

    old: Password
    new: Password


class Proof(Asked):
    """The password again, and a code where one is needed, before something that matters."""

    password: Password
    code: Code | None = None


class ProofAgain(Asked):
    """One's own password, or a code of one's own second factor, given again; of both, both must be right."""

    password: Password | None = None
    code: Code | None = None


class FactorCode(Asked):
    """Six digits of the phone."""

    code: Code


class Factor(BaseModel):
    """A new second factor: its `otpauth:` address, and that as an SVG to scan."""

    address: str
    svg: str


class Confirmed(BaseModel):
    """Codes that open the door once each, in place of the phone."""

    recovery_codes: list[str]


class OwnSession(BaseModel):
    """A sign-in of one's own; `current` is the one that asks."""

    id: int
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str | None
    agent: str | None
    current: bool


class OwnSessions(BaseModel):
    """One's own sign-ins."""

    items: list[OwnSession]


class Account(BaseModel):
    """Somebody who may sign in; a `territory` of null follows the posts of the account's worker."""

    id: int
    username: str
    role: Role
    department: str | None
    territory: list[str] | None
    has_factor: bool
    created_at: datetime
    disabled_at: datetime | None


class Accounts(BaseModel):
    """Accounts by name."""

    items: list[Account]
    next: str | None = None


Territory = Annotated[list[Annotated[str, Field(max_length=40)]] | None, Field(max_length=5000)]
"""Codes of divisions, communities and grids, or `everywhere`."""


class NewAccount(Asked):
    """An account to be made; without a password it can only use tokens.

    Without a `territory` a worker follows the posts, and others get that of who makes the account.
    """

    username: Annotated[str, Field(min_length=1, max_length=100)]
    role: Role
    department: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    territory: Territory = None
    password: Password | None = None


class AccountChange(Asked):
    """What shall be otherwise about an account; what is left out stays. `follows_posts` takes a set territory away.

    `unlock` forgets wrong answers that lock the name; `end_sessions` signs the account out everywhere.
    """

    role: Role | None = None
    department: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    territory: Territory = None
    follows_posts: bool = False
    disabled: bool | None = None
    password: Password | None = None
    remove_factor: bool = False
    end_sessions: bool = False
    unlock: bool = False


class Token(BaseModel):
    """An API token, without its secret."""

    id: int
    label: str
    scopes: list[str] | None
    territory: list[str] | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime


class Tokens(BaseModel):
    """One's own API tokens."""

    items: list[Token]


class NewToken(Asked):
    """A token to be issued: what it is for, how long it holds, and the verbs and territory it is limited to, if any."""

    label: Annotated[str, Field(min_length=1, max_length=100)]
    days: Annotated[int, Field(ge=1, le=365, strict=True)] = 90
    scopes: Annotated[list[str] | None, Field(min_length=1, max_length=50)] = None
    territory: Territory = None


class IssuedToken(BaseModel):
    """A new token; the secret is shown this once."""

    id: int
    token: str
    expires_at: datetime
