"""The shape of a job as others read it, and which jobs can be asked for."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from gridsvc.core.browse import ListQuery

State = Literal["queued", "running", "done", "failed", "cancelled"]


class JobQuery(ListQuery):
    """Which jobs."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    kind: Annotated[str | None, Query(min_length=1, max_length=100)] = None


class Job(BaseModel):
    """A job; of one that failed, `message` is the sentence that says why, and `result` has its faults."""

    id: str
    kind: str
    actor: str
    state: State
    done: int
    total: int | None
    eta_s: float | None
    message: str
    arguments: dict[str, Any]
    result: Any
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
