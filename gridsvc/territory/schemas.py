"""The shapes of the ground as others read them; they describe answers that PostgreSQL writes itself."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from gridsvc.core.browse import Boxed
from gridsvc.core.http import Moment

Geometry = dict[str, Any]
At = Annotated[Moment | None, Query(description="The moment asked for (RFC 3339 with zone); now when left out")]
Text = Annotated[str | None, Query(min_length=1, max_length=100)]


class Place(BaseModel):
    """A point: degrees, EPSG:4326, and how far off it may be, in metres (a phone without satellites: kilometres)."""

    # In JSON a number is no text.
    model_config = ConfigDict(extra="forbid", strict=True)

    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    accuracy_m: Annotated[float | None, Field(ge=0, le=100_000, allow_inf_nan=False)] = None


class DivisionQuery(Boxed):
    """Which divisions, as of when."""

    q: Text = None
    kind: Text = None
    at: At = None


class CommunityQuery(Boxed):
    """Which communities, as of when."""

    q: Text = None
    street: Text = None
    at: At = None


class GridQuery(Boxed):
    """Which grids, as of when."""

    community: Text = None
    kind: Text = None
    q: Text = None
    at: At = None


class ThingQuery(Boxed):
    """Which buildings, streets or assets, as of when."""

    community: Text = None
    grid: Text = None
    kind: Text = None
    q: Text = None
    at: At = None


class Division(BaseModel):
    """行政区划: `code` is the national 12-digit code, `level` province | city | county | street."""

    code: str
    name: str
    level: str
    parent: str | None
    geometry: Geometry | None = None


class Community(BaseModel):
    """社区: area in m² measured in its CGCS2000 3-degree zone; geometry a MultiPolygon."""

    code: str
    name: str
    street: str | None
    version: int
    area_m2: float
    households: int
    valid_from: datetime
    valid_to: datetime | None
    geometry: Geometry | None = None


class Grid(BaseModel):
    """网格: one cell of a community in the version that held at the moment asked for; geometry a Polygon."""

    code: str
    name: str
    kind: str
    community: str
    version: int
    area_m2: float
    households: int
    buildings: int
    valid_from: datetime
    valid_to: datetime | None
    geometry: Geometry | None = None


class Version(BaseModel):
    """A version of a grid: what it was called and where it lay, from when to when (null: still)."""

    version: int
    name: str
    kind: str
    area_m2: float
    valid_from: datetime
    valid_to: datetime | None
    geometry: Geometry | None = None


class Descent(BaseModel):
    """What became of what: the shares are of the old grid's area, buildings and households (of the new one's: create)."""

    at: datetime
    kind: Literal["split", "merge", "reshape", "rename", "retire", "create"]
    from_: Annotated[str | None, Field(alias="from")]
    from_version: int | None
    to: str | None
    to_version: int | None
    area_share: float
    building_share: float
    household_share: float


class Building(BaseModel):
    """楼栋: counts only; `households_source` says whether they were counted or estimated."""

    code: str
    name: str | None
    number: str | None
    address: str | None
    use: str
    levels: int | None
    households: int | None
    households_source: str | None
    inhabitants: int | None
    grid: str | None
    community: str | None
    geometry: Geometry | None = None


class Street(BaseModel):
    """A piece of street: length in metres; geometry a MultiLineString."""

    code: str
    name: str | None
    name_en: str | None
    kind: str
    bridge: bool
    tunnel: bool
    layer: int
    oneway: bool
    foot: str | None
    length_m: float
    geometry: Geometry | None = None


class Asset(BaseModel):
    """部件: class key (`asset:01037`) and state; geometry a Point."""

    code: str
    # `class` is a word of Python, so the field has an alias in the answer.
    class_: Annotated[str, Field(alias="class")]
    name: str | None
    state: str
    grid: str | None
    community: str | None
    geometry: Geometry | None = None
