"""What every endpoint shares: the request's transaction, the hot pool, and refusals as problem+json (RFC 9457)."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import orjson
import structlog
from fastapi import Depends, FastAPI, Header, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from psycopg import DataError as DriverDataError
from psycopg import OperationalError as DriverError
from psycopg.errors import InsufficientPrivilege
from psycopg_pool import PoolTimeout
from pydantic import AwareDatetime, BeforeValidator
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as EngineTimeout
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from gridsvc.core.chinese import chinese, speaks_chinese
from gridsvc.core.db import Database
from gridsvc.core.errors import Refusal, Stale, Unconditional

log = structlog.get_logger()

STATUS = {
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "gone": 410,
    "stale": 412,
    "unconditional": 428,
    "too_large": 413,
    "unavailable": 503,
    "too_many": 429,
    "refused": 400,
}
"""The one table from a refusal's kind to HTTP."""


_PROBLEM = {
    "description": "A refusal: a sentence that names what is wrong, and loses nothing",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            }
        }
    },
}
REFUSALS: dict[int | str, dict[str, Any]] = {"4XX": _PROBLEM, "503": _PROBLEM}
"""What every operation may also answer, as the OpenAPI document says it."""


def database_of(request: Request) -> Database:
    """Give the application's database."""
    database: Database = request.app.state.database
    return database


def open_session(database: Annotated[Database, Depends(database_of)]) -> Iterator[Session]:
    """Give the request its one transaction: committed at the edge, rolled back on any error."""
    with database.sessions.begin() as session:
        yield session


# Scope "function": the commit happens before the answer is sent. With the default scope the code after `yield` runs
# after the answer, and a failed commit would still have been told as a success.
InTransaction = Annotated[Session, Depends(open_session, scope="function")]
Hot = Annotated[Database, Depends(database_of)]


def _no_number(given: object) -> object:
    """Refuse a number, which would be taken for seconds since 1970: `at=2026` is meant otherwise."""
    if isinstance(given, int | float) or (isinstance(given, str) and NUMBER.fullmatch(given)):
        raise ValueError("a moment is written like 2026-05-01T08:00:00+08:00")
    return given


NUMBER = re.compile(r"\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*")
Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""A moment with its zone, as RFC 3339 writes it."""

IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag of what is changed, as it was read")]


def etag(version: object) -> str:
    """Write a version as a strong ETag."""
    return f'"{version}"'


def require_match(given: str | None, version: object, what: str) -> None:
    """Let a change through that was made to the present version of a thing.

    Raises Unconditional (428) when none is named, and Stale (412) with the present one when it is another.
    """
    if given is None:
        raise Unconditional(f"Say in If-Match to which version of {what} this is done; reading it gives its ETag.")
    named = {one.strip().removeprefix("W/") for one in given.split(",")}
    if "*" not in named and etag(version) not in named:
        raise Stale(f"There is a newer version of {what} than the one this is done to; read it again.", version=version)


class Problem(JSONResponse):
    """A refusal as application/problem+json (RFC 9457), in the reader's language."""

    media_type = "application/problem+json"

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said
        super().__init__(said, said["status"])
        self.headers["Vary"] = "Accept-Language"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; who would rather read Chinese gets the sentences in Chinese."""
        spoken = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-language"), None)
        if speaks_chinese(spoken):
            self.body = self.render(_in_chinese(self._said))
            self.headers.update({"Content-Length": str(len(self.body)), "Content-Language": "zh"})
        await super().__call__(scope, receive, send)


def problem(status: int, title: str, detail: str, **extra: Any) -> Problem:
    """Shape a refusal."""
    said: dict[str, Any] = jsonable_encoder(
        {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}
    )
    return Problem(said)


def _in_chinese(said: dict[str, Any]) -> dict[str, Any]:
    faults = said.get("faults")
    if not (isinstance(faults, list) and all(isinstance(one, dict) and {*one} == {"field", "fault"} for one in faults)):
        return {**said, "detail": chinese(said["detail"])}
    faults = [{"field": one["field"], "fault": chinese(one["fault"])} for one in faults]
    return {**said, "detail": _listed(faults), "faults": faults}


def _listed(faults: list[dict[str, str]]) -> str:
    return "; ".join(f"{one['field']}: {one['fault']}" for one in faults)


def answer_json(body: Any, media: str = "application/json") -> Response:
    """Answer plain data as JSON of some media type."""
    return Response(orjson.dumps(body), media_type=media)


def answer_html(page: str, status: int = 200) -> Response:
    """Answer a page."""
    return Response(page.encode(), status, media_type="text/html", headers={"Vary": "Accept, Accept-Language"})


def answer_problems(app: FastAPI) -> None:
    """Teach the application to answer every refusal, and every fault, as problem+json."""
    app.exception_handler(Refusal)(_refused)
    app.exception_handler(RequestValidationError)(_not_understood)
    app.exception_handler(HTTPException)(_http)
    for away in (OperationalError, EngineTimeout, DriverError, PoolTimeout):
        app.add_exception_handler(away, _database_away)
    for unfit in (DataError, DriverDataError):
        app.add_exception_handler(unfit, _not_storable)
    for beyond in (ProgrammingError, InsufficientPrivilege):
        app.add_exception_handler(beyond, _beyond)
    app.add_exception_handler(Exception, _fault)


WATCHED = ("unauthenticated", "forbidden", "too_many")
"""Refusals that whoever watches over the office wants to see by their sentence: somebody tried what they may not."""


def _refused(request: Request, error: Refusal) -> JSONResponse:
    if error.kind != "not_found":
        # What was typed wrong may be private: of that only the fact is told.
        watched = error.kind in WATCHED
        whence = request.client.host if request.client else None
        note = log.warning if watched else log.info
        note(
            "request.refused", kind=error.kind, method=request.method, path=request.url.path, address=whence,
            sentence=error.sentence if watched else None,
        )  # fmt: skip
    answer = problem(STATUS[error.kind], error.kind.replace("_", " "), error.sentence, **error.facts)
    if "retry_after_s" in error.facts:
        answer.headers["Retry-After"] = str(error.facts["retry_after_s"])
    if error.kind == "unauthenticated":
        # A GIS client asks for its password when challenged with Basic; a page shows its own form instead, so a
        # browser (which always says how it fetches) must not be made to pop up a dialogue.
        page = "sec-fetch-mode" in request.headers
        answer.headers["WWW-Authenticate"] = "Bearer" if page else 'Basic realm="gridsvc", Bearer'
    return answer


def _not_understood(request: Request, error: RequestValidationError) -> JSONResponse:
    log.info("request.refused", kind="not_understood", method=request.method, path=request.url.path)
    faults = [
        {"field": ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0]), "fault": fault["msg"]}
        for fault in error.errors()
    ]
    return problem(422, "invalid", _listed(faults), faults=faults)


def _http(_: Request, error: HTTPException) -> JSONResponse:
    answer = problem(error.status_code, "refused", str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


def _database_away(_: Request, error: Exception) -> JSONResponse:
    log.error("database.unavailable", error=str(error))
    answer = problem(503, "unavailable", "The database does not answer right now; nothing was changed. Try again.")
    answer.headers["Retry-After"] = "2"
    return answer


def _not_storable(_: Request, error: Exception) -> JSONResponse:
    # What the models let through and PostgreSQL cannot hold: a NUL in a text, a number out of range.
    log.warning("request.not_storable", error=str(error))
    return problem(422, "invalid", "A value cannot be stored: it is out of range or holds a forbidden character.")


def _beyond(request: Request, error: Exception) -> JSONResponse:
    # The second wall: a row that the caller may not write has come past the first.
    if not isinstance(getattr(error, "orig", error), InsufficientPrivilege):
        return _fault(request, error)
    log.warning("request.beyond_territory", path=request.url.path, error=str(error))
    return problem(403, "forbidden", "That lies outside of your territory.")


def _fault(request: Request, error: Exception) -> JSONResponse:
    log.error("request.failed", path=request.url.path, exc_info=error)
    return problem(500, "fault", "Something went wrong on the server; nothing was changed. The fault has been logged.")
