"""The shapes of the planned walks as others read them."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from gridsvc.core.browse import Boxed
from gridsvc.territory.schemas import At

Text = Annotated[str | None, Query(min_length=1, max_length=100)]


class RouteQuery(Boxed):
    """Which routes, and who walks them when."""

    grid: Text = None
    community: Text = None
    worker: Text = None
    q: Text = None
    at: At = None


class Checkpoint(BaseModel):
    """巡查点: a stop in walking order from 1; `place` a GeoJSON Point."""

    position: int
    name: str
    place: dict[str, Any]


class Route(BaseModel):
    """巡查路线: length in metres; `worker` is who walks it; geometry a MultiLineString."""

    id: str
    name: str
    grid: str
    worker: str | None
    length_m: float
    checkpoints: list[Checkpoint]
    geometry: dict[str, Any] | None = None
