"""Whose is this place, over HTTP: a point in, the grid, its people, and how sure that is, out; one query."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gridsvc.access.guard import allowed
from gridsvc.core.geo import snap_numbers
from gridsvc.core.http import Hot
from gridsvc.core.settings import settings
from gridsvc.territory.locate import AT_A_POINT, point_parameters
from gridsvc.workforce.schemas import Person

router = APIRouter(tags=["territory"], dependencies=[Depends(allowed("territory.read"))])

ANSWER = """
    json_build_object(
        'community', case when l.community is not null
            then json_build_object('code', l.community, 'name', l.community_name) end,
        'grid', case when l.grid is not null
            then json_build_object('code', l.grid, 'name', l.grid_name, 'version', l.grid_version) end,
        'responsible', on_post(l.grid, 'responsible', %(at)s),
        'backup', on_post(l.grid, 'backup', %(at)s),
        'rule', l.rule,
        'queue', case when l.community is null then %(queue)s::text end,
        'border_distance_m', l.border_distance_m,
        'on_border', l.on_border,
        'ambiguous', l.ambiguous,
        'candidates', l.candidates
    )"""
LOCATE = f"select {ANSWER}::text from {AT_A_POINT} l"
LOCATE_MANY = f"""
    select coalesce(json_agg({ANSWER} order by p.number), '[]')::text
    from unnest(%(lons)s::float8[], %(lats)s::float8[], %(accuracies)s::float8[])
        with ordinality as p (lon, lat, accuracy_m, number)
    cross join lateral locate_point(st_setsrid(st_makepoint(p.lon, p.lat), 4326), %(at)s, p.accuracy_m) l"""
MOST_POINTS = 10_000


class Point(BaseModel):
    """A point: degrees, EPSG:4326; how far off it may be, in metres; and the moment asked for."""

    model_config = ConfigDict(extra="forbid")

    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)]
    lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)]
    accuracy_m: Annotated[float | None, Query(ge=0, le=1000, allow_inf_nan=False)] = None
    at: Annotated[AwareDatetime | None, Query(description="The moment asked for; now when left out")] = None


class Location(BaseModel):
    """Whose a place is: `rule` is inside | border | community | fallback; distances in metres."""

    community: dict[str, Any] | None
    grid: dict[str, Any] | None
    responsible: Person | None
    backup: Person | None
    rule: str
    queue: str | None
    border_distance_m: float | None
    on_border: bool
    ambiguous: bool
    candidates: list[dict[str, Any]]


class Spot(BaseModel):
    """One of many points."""

    model_config = ConfigDict(extra="forbid")

    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    accuracy_m: Annotated[float | None, Field(ge=0, le=1000, allow_inf_nan=False)] = None


class Points(BaseModel):
    """Many points, and the one moment they are asked for."""

    model_config = ConfigDict(extra="forbid")

    points: Annotated[list[Spot], Field(min_length=1, max_length=MOST_POINTS)]
    at: AwareDatetime | None = None


class Locations(BaseModel):
    """The answers, in the order of the points."""

    items: list[Location]


@router.get("/locate", responses={200: {"model": Location}})
async def read_location(database: Hot, asked: Annotated[Point, Query()]) -> Response:
    """Find the grid, the community and the people of a point; on a border the lowest code owns it, and it says so."""
    parameters = point_parameters(asked.lon, asked.lat, asked.at or datetime.now(UTC), asked.accuracy_m)
    rows = await database.rows(LOCATE.encode(), {**parameters, "queue": settings().fallback_queue})
    return Response(rows[0][0].encode(), media_type="application/json")


@router.post("/locate", responses={200: {"model": Locations}})
async def read_locations(database: Hot, asked: Points) -> Response:
    """Find the owners of up to 10,000 points at once: the same answers as one by one, in the same order."""
    lons, lats = (snap_numbers([getattr(spot, axis) for spot in asked.points]).tolist() for axis in ("lon", "lat"))
    parameters = {
        "lons": lons,
        "lats": lats,
        "accuracies": [spot.accuracy_m for spot in asked.points],
        "at": asked.at or datetime.now(UTC),
        "queue": settings().fallback_queue,
    }
    rows = await database.rows(LOCATE_MANY.encode(), parameters)
    return Response(f'{{"items": {rows[0][0]}}}'.encode(), media_type="application/json")
