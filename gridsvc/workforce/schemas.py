"""The shapes of the people on duty as others read them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from gridsvc.core.browse import ListQuery
from gridsvc.territory.schemas import At

Text = Annotated[str | None, Query(min_length=1, max_length=100)]
Role = Literal["responsible", "assistant", "backup"]


class WorkerQuery(ListQuery):
    """Which workers, as of when."""

    grid: Text = None
    department: Text = None
    q: Text = None
    at: At = None


class PostQuery(ListQuery):
    """Which posts, as of when."""

    grid: Text = None
    worker: Text = None
    role: Role | None = None
    at: At = None


class Worker(BaseModel):
    """网格员: `id` is the staff number, `grids` those the worker is responsible for now; `phone` only for who may (`worker.phone`)."""

    id: str
    name: str
    phone_masked: str | None
    phone: str | None = None
    department: str | None
    on_duty: bool
    grids: list[str]


class Post(BaseModel):
    """A worker's post on a grid."""

    id: str
    grid: str
    worker: str
    role: Role
    valid_from: datetime
    valid_to: datetime | None


class Person(BaseModel):
    """A worker as named beside a grid; the phone is always masked."""

    id: str
    name: str
    phone_masked: str | None


class Me(BaseModel):
    """Who is signed in and what they may do; `territory` are prefixes of codes, `worker` when the account belongs to one, `timezone` is the office's."""

    username: str
    role: str
    permissions: list[str]
    territory: list[str]
    worker: Worker | None
    timezone: str
    has_factor: bool
