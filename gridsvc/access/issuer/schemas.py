"""The shapes of signing in through the issuer as others read and send them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from gridsvc.access.schemas import Asked, Code


class IssuerWay(BaseModel):
    """The issuer's name for people, which stands on the button."""

    label: str


class Ways(BaseModel):
    """How one may sign in besides a password; `issuer` is null where none is set."""

    issuer: IssuerWay | None


class Onward(Asked):
    """Where to go after the sign-in: a path of this service."""

    next: Annotated[str, Field(max_length=500)] = "/"


class Departure(BaseModel):
    """The issuer's address to go to."""

    address: str


class IssuerCode(Asked):
    """The code of the second factor, after the issuer has said who it is."""

    code: Code


class Subject(Asked):
    """What an account is called at the issuer (`sub`)."""

    subject: Annotated[str, Field(min_length=1, max_length=255)]


class Identity(BaseModel):
    """Who an account is at the issuer."""

    issuer: str
    subject: str
    linked_at: datetime
