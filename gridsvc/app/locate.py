"""Whose is this place, over HTTP: a point in, the grid, its people, and how sure that is, out; in one query, or a shared one."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gridsvc.access.guard import allowed, identify
from gridsvc.core.db import Database, Seen, seen_now
from gridsvc.core.geo import snap_numbers
from gridsvc.core.http import Moment, database_of
from gridsvc.core.settings import settings
from gridsvc.territory.schemas import At, Place
from gridsvc.workforce.schemas import Person

reader = allowed("territory.read")
router = APIRouter(tags=["territory"], dependencies=[Depends(reader)])

LOCATE = """
    select json_build_object(
        'community', case when l.community is not null
            then json_build_object('code', l.community, 'name', l.community_name) end,
        'grid', case when l.grid is not null
            then json_build_object('code', l.grid, 'name', l.grid_name, 'version', l.grid_version) end,
        'responsible', responsible.person,
        'backup', backup.person,
        'rule', l.rule,
        'queue', case when l.community is null then %(queue)s::text end,
        'border_distance_m', l.border_distance_m,
        'on_border', l.on_border,
        'ambiguous', l.ambiguous,
        'candidates', l.candidates
    )::text
    from unnest(
        (select %(lons)s::float8[]), (select %(lats)s::float8[]),
        (select %(accuracies)s::float8[]), (select %(moments)s::timestamptz[])
    ) with ordinality as p (lon, lat, accuracy_m, at, number)
    cross join lateral locate_point(st_setsrid(st_makepoint(p.lon, p.lat), 4326), p.at, p.accuracy_m) l
    left join lateral posted(l.grid, 'responsible', p.at) responsible on true
    left join lateral posted(l.grid, 'backup', p.at) backup on true
    order by p.number"""
"""The answers to many questions, in their order; its parameters are those of `answers`.

The arrays hide in `(select …)`: a planner that saw how many points there are would plan anew for every number of them,
which takes ten times as long as the answer.
"""
ANSWERS = f"select array({LOCATE})".encode()
MOST_POINTS = 10_000
MOST_BYTES = 2 << 20
"""Bytes of a question about many points, 200 for each; a longer one is refused unread."""
STATEMENTS_AT_ONCE = 2


class Question(Place):
    """A point, and the moment asked for, out of an address: there a number is text."""

    model_config = ConfigDict(extra="forbid", strict=False)

    at: At = None


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


class Points(BaseModel):
    """Many points, and the one moment they are asked for."""

    model_config = ConfigDict(extra="forbid")

    points: Annotated[list[Place], Field(min_length=1, max_length=MOST_POINTS)]
    at: Moment | None = None


class Locations(BaseModel):
    """The answers, in the order of the points."""

    items: list[Location]


class Together:
    """Asks the database about all the points that came in while it was busy with those before them, in one statement.

    A statement begins after every question in it has come, so no answer is older than its question, whatever was
    published meanwhile, and by whom; and the cost of a statement is shared by all who wait for it and see the same.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lanes = asyncio.Semaphore(STATEMENTS_AT_ONCE)
        self._waiting: dict[str, tuple[list[Question], asyncio.Task[list[str]]]] = {}

    async def ask(self, question: Question, scope: str) -> str:
        """Answer one question, as JSON, to somebody who sees a scope."""
        if scope not in self._waiting:
            self._waiting[scope] = ([], asyncio.create_task(self._answered(scope)))
        asked, answered = self._waiting[scope]
        place = len(asked)
        asked.append(question)
        # One who goes away must not take the answer from the others.
        return (await asyncio.shield(answered))[place]

    async def _answered(self, scope: str) -> list[str]:
        async with self._lanes:
            asked, _ = self._waiting.pop(scope)
            return await answers(self._database, asked, [question.at for question in asked], Seen(scope))


def lean(understand: Callable[[Request], Awaitable[BaseModel]]) -> type[APIRoute]:
    """Make the kind of route that its signature documents, but that does not solve it anew for each request.

    That would cost as much as the answer itself. The door is the same, and `understand` makes the same model.
    """

    class Lean(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Give the way from a request to its answer."""

            async def answer(request: Request) -> Response:
                await reader(await identify(request))
                response: Response = await self.endpoint(await understand(request), request)
                return response

            return answer

    return Lean


async def question_in(request: Request) -> Question:
    """Take a question out of an address, or refuse it as any other that is not understood."""
    try:
        return Question.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise not_understood(error, "query") from None


async def points_in(request: Request) -> Points:
    """Take many points out of a body; one that is too long is refused before it is read."""
    told = request.headers.get("content-length", "")
    body = bytearray()
    if not told.isdigit() or int(told) <= MOST_BYTES:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                break
        else:
            try:
                return Points.model_validate_json(bytes(body))
            except ValidationError as error:
                raise not_understood(error, "body") from None
    raise HTTPException(
        413, f"That is more than {MOST_BYTES:,} bytes; ask for {MOST_POINTS:,} points at a time at most."
    )


def not_understood(error: ValidationError, where: str) -> RequestValidationError:
    """Turn the faults of a model into a refusal that tells where each was found."""
    return RequestValidationError([{**one, "loc": (where, *one["loc"])} for one in error.errors()])


async def answers(database: Database, places: Sequence[Place], moments: list[datetime | None], seen: Seen) -> list[str]:
    """Ask for many places, each at its moment (None: now); the answers, as JSON, in the same order.

    What lies outside of what is seen is answered as what lies outside of every community.
    """
    now = datetime.now(UTC)
    lons, lats = (snap_numbers([getattr(place, axis) for place in places]).tolist() for axis in ("lon", "lat"))
    # Written as PostgreSQL writes arrays: for the driver to find out what is in a list takes a tenth of the whole answer.
    parameters = {
        "lons": _array(lons),
        "lats": _array(lats),
        "accuracies": _array(["NULL" if place.accuracy_m is None else place.accuracy_m for place in places]),
        "moments": _array([f'"{at or now}"' for at in moments]),
        "queue": settings().fallback_queue,
    }
    found: list[str] = await database.value(ANSWERS, parameters, seen)
    return found


def _array(values: Sequence[float | str]) -> str:
    return f"{{{','.join(map(str, values))}}}"


def together_of(request: Request) -> Together:
    """Give the application's shared way to the database, made at the first request."""
    state = request.app.state
    if getattr(state, "together", None) is None:
        state.together = Together(database_of(request))
    together: Together = state.together
    return together


async def read_location(asked: Annotated[Question, Query()], request: Request) -> Response:
    """Find the grid, the community and the people of a point; on a border the lowest code owns it, and it says so."""
    answer = await together_of(request).ask(asked, seen_now().scope)
    return Response(answer.encode(), media_type="application/json")


async def read_locations(asked: Points, request: Request) -> Response:
    """Find the owners of up to 10,000 points at once: the same answers as one by one, in the same order."""
    items = await answers(database_of(request), asked.points, [asked.at] * len(asked.points), seen_now())
    return Response(f'{{"items": [{", ".join(items)}]}}'.encode(), media_type="application/json")


for method, endpoint, understand, model in (
    ("GET", read_location, question_in, Location),
    ("POST", read_locations, points_in, Locations),
):
    router.add_api_route(
        "/locate", endpoint, methods=[method], responses={200: {"model": model}}, route_class_override=lean(understand)
    )
