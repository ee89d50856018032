"""Search over HTTP: what somebody types in, places out, best first, as bytes that PostgreSQL wrote; never a person."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from gridsvc.access.guard import Caller, allowed
from gridsvc.app.search.corners import NONE, Pairs, pairs_of
from gridsvc.app.search.statements import CORNERS, KINDS, THINGS
from gridsvc.core.errors import Invalid
from gridsvc.core.http import Hot
from gridsvc.territory.schemas import At

router = APIRouter(tags=["territory"])

Kind = Literal["division", "community", "grid", "street", "building", "asset", "incident", "corner"]
MOST_CODE = 40
"""No code is longer, so a longer question is none."""


class SearchQuery(BaseModel):
    """What is looked for, where the asker is, and what kinds of thing will do."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Query(max_length=200, description="A name, number, address or code; Chinese, pinyin, initials")]
    lon: Annotated[float | None, Field(ge=-180, le=180, allow_inf_nan=False)] = None
    lat: Annotated[float | None, Field(ge=-90, le=90, allow_inf_nan=False)] = None
    limit: Annotated[int, Query(ge=1, le=50, description="Most items")] = 10
    at: At = None
    kind: Annotated[list[Kind], Query(description="Only these kinds; may be repeated")] = []


class Found(BaseModel):
    """A place: `match` is exact | prefix | contains | similar | corner; `code` is null for a corner."""

    kind: Kind
    code: str | None
    name: str
    detail: str | None
    community: str | None
    grid: str | None
    lon: float | None
    lat: float | None
    distance_m: float | None
    match: Literal["exact", "prefix", "contains", "similar", "corner"]


class FoundPage(BaseModel):
    """What was found, best first; there is no further page: a closer question is the better way."""

    items: list[Found]
    next: None


@router.get("/search", responses={200: {"model": FoundPage}})
async def search(
    database: Hot, asked: Annotated[SearchQuery, Query()], caller: Annotated[Caller, Depends(allowed("territory.read"))]
) -> Response:
    """Find places by what they are called; nearest first within each way to match, when a position is given.

    Two street names (中山路与汉中路) find where they meet. No person is ever found.
    """
    if (asked.lon is None) != (asked.lat is None):
        raise Invalid("A position needs both lon and lat.")
    if "\0" in asked.q:
        raise Invalid("q holds a NUL character, which no name has.")
    kinds = kinds_for(asked.kind, caller)
    given: dict[str, Any] = {
        "lon": asked.lon,
        "lat": asked.lat,
        "at": asked.at or datetime.now(UTC),
        "limit": asked.limit,
    }
    pairs = pairs_of(asked.q) if "corner" in kinds else NONE
    rows: list[Any] = []
    if pairs.lefts:
        rows = await database.rows(CORNERS.encode(), given | parameters_of(pairs))
    if not rows:
        code = asked.q.strip()
        given |= {"q": asked.q, "kinds": kinds, "code": code if could_be_a_code(code) else None}
        rows = await database.rows(THINGS.encode(), given)
    return Response(
        f'{{"items": [{",".join(row[0] for row in rows)}], "next": null}}'.encode(), media_type="application/json"
    )


def kinds_for(asked: list[Kind], caller: Caller) -> list[str]:
    """Tell which kinds to look among, in the order of the house: those asked for that the role may read."""
    wanted = set(asked or KINDS)
    return [kind for kind in KINDS if kind in wanted and (kind != "incident" or caller.may("incident.read"))]


def could_be_a_code(text: str) -> bool:
    """Tell whether a text has the form of a code: letters of ASCII and signs, and at least one digit, no spaces."""
    return (
        len(text) <= MOST_CODE
        and text.isascii()
        and text.isprintable()
        and " " not in text
        and any(map(str.isdigit, text))
    )


def parameters_of(pairs: Pairs) -> dict[str, Any]:
    """Name the pairs as the statement does."""
    return asdict(pairs)
