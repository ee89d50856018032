"""Features over HTTP: a question in, the bytes that PostgreSQL wrote out, as GeoJSON, FlatGeobuf, CSV or a page."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from psycopg import DataError, InternalError
from psycopg.rows import TupleRow

from gridsvc.access.guard import CallerNow
from gridsvc.app.ogc import pages
from gridsvc.app.ogc.asking import (
    FORMATS,
    BadRequest,
    Question,
    as_bad_request,
    read_parameters,
    read_question,
    write_cursor,
)
from gridsvc.app.ogc.collections import Collection, collection_of
from gridsvc.app.ogc.conformance import GEOJSON, HTML, JSON
from gridsvc.app.ogc.flatgeobuf import write_flatgeobuf
from gridsvc.app.ogc.links import Link, address, header, link, root_of, with_query
from gridsvc.app.ogc.negotiation import form_of, language_of, refuse_long_query
from gridsvc.app.ogc.statements import (
    Statement,
    columns_of,
    is_by_key_alone,
    is_kept,
    item_statement,
    page_statement,
)
from gridsvc.core.cql2.moments import read_moment
from gridsvc.core.crs import STORED, reference
from gridsvc.core.db import Database
from gridsvc.core.errors import Invalid, NotFound
from gridsvc.core.http import Hot

router = APIRouter(
    prefix="/ogc", include_in_schema=False, route_class=pages.PageRoute, dependencies=[Depends(refuse_long_query)]
)

PART = 1000
"""Features that are in memory at once; a bigger page is sent in parts."""
MEDIA = {"json": GEOJSON, "html": HTML, "csv": "text/csv; charset=utf-8", "flatgeobuf": "application/flatgeobuf"}


@dataclass(frozen=True)
class Part:
    """Some features as bytes, how many, and where the next part begins (None: there is no next)."""

    written: bytes
    count: int
    after: tuple[Any, ...] | None


@router.get("/collections/{name}/items")
async def read_items(database: Hot, request: Request, caller: CallerNow, name: str) -> Response:
    """Read a page of a collection's features."""
    collection = collection_of(name, caller)
    form = form_of(request, FORMATS)
    asked = read_question(collection, request.query_params.multi_items(), form)
    # The moment is fixed by the first page, so that a walk along `next` sees one state.
    now = datetime.now(UTC)
    if form == "html":
        asked = replace(asked, crs=STORED, properties=tuple(collection.properties))
    part = await read_part(database, collection, replace(asked, limit=_first(asked)), now)
    page = _Page(database, collection, asked, now, root_of(request))
    if form == "html":
        return pages.items_page(collection, part.written, page.links(part.after), language_of(request), asked.kept)
    headers = {"Content-Crs": f"<{asked.crs.uri}>", "Cache-Control": "private, no-cache", "Vary": "Accept"}
    if asked.limit <= PART or form == "flatgeobuf":
        if form != "json":
            headers["Link"] = header(page.links(part.after))
        return Response(page.head() + part.written + page.tail(part), media_type=MEDIA[form], headers=headers)
    return StreamingResponse(page.stream(part), media_type=MEDIA[form], headers=headers)


@router.get("/collections/{name}/items/{key}")
async def read_item(database: Hot, request: Request, caller: CallerNow, name: str, key: str) -> Response:
    """Read one feature; `KEY@TIME` is the feature as of a moment."""
    collection = collection_of(name, caller)
    form = form_of(request, {"json": "json", "geojson": "json", "html": "html"})
    given = read_parameters(request.query_params.multi_items(), {"f", "lang", "crs"})
    with as_bad_request():
        crs = reference(given["crs"]) if "crs" in given and form == "json" else STORED
    found, at = split_identity(collection, key)
    rows = await answer(database, item_statement(collection, found, at or datetime.now(UTC), crs), prepare=None)
    if not rows:
        raise NotFound(f"There is no {collection.layer.one} {key[:60]!r}.")
    here = address(root_of(request), "collections", name, "items", key)
    links = [
        link(here, "self" if form == "json" else "alternate", GEOJSON, "This feature as GeoJSON"),
        link(f"{here}?f=html", "alternate" if form == "json" else "self", HTML, "This feature on a page"),
        link(address(root_of(request), "collections", name), "collection", JSON, "Its collection"),
    ]
    if form == "html":
        return pages.item_page(collection, key, rows[0][0], links, language_of(request))
    headers = {"Content-Crs": f"<{crs.uri}>", "Cache-Control": "private, no-cache", "Vary": "Accept"}
    body = bytes(rows[0][0])[:-1] + b',"links":' + orjson.dumps(links) + b"}"
    return Response(body, media_type=GEOJSON, headers=headers)


async def read_part(database: Database, collection: Collection, asked: Question, now: datetime) -> Part:
    """Read up to `limit` features."""
    # Where only the key decides, one plan is good for every page; else the values decide which plan is.
    plain = not asked.conditions and not asked.order and asked.time is None
    rows = await answer(database, page_statement(collection, asked, now), prepare=None if plain else False)
    if is_kept(collection, asked):
        *page, due = rows[0]
        rows = [tuple(page)]
        if due:
            rows = await answer(database, page_statement(collection, asked, now, anew=True), prepare=False)
    if asked.form == "flatgeobuf":
        after = _place(rows[asked.limit - 1][-1], collection, asked) if len(rows) > asked.limit else None
        kept = [row[:-1] for row in rows[: asked.limit]]
        columns, layer = columns_of(collection.layer, asked), collection.layer
        written = await to_thread.run_sync(write_flatgeobuf, kept, columns, layer.shape, asked.crs.srid)
        return Part(written, len(kept), after)
    ((written, count, place),) = rows
    if count <= asked.limit:
        return Part(bytes(written), count, None)
    return Part(bytes(written), asked.limit, _place(place, collection, asked))


async def answer(database: Database, statement: Statement, *, prepare: bool | None) -> list[TupleRow]:
    """Run a statement; what PostGIS cannot work out is a fault of the question."""
    try:
        return await database.rows(statement.sql, statement.parameters, binary=True, prepare=prepare)
    except (InternalError, DataError):
        raise BadRequest(
            "The database cannot work this out: mind the geometries and numbers of the question."
        ) from None


def split_identity(collection: Collection, text: str) -> tuple[str | int, datetime | None]:
    """Take the id of a feature apart into its key and its moment; raise NotFound for what is no id here."""
    key, sign, moment = text.rpartition("@") if collection.layer.valid is not None else (text, "", "")
    if not sign:
        key = text
    try:
        at = read_moment(moment) if sign else None
    except Invalid:
        key, at = text, None
    if "\x00" in key:
        raise NotFound(f"There is no {collection.layer.one} of that id.")
    if not collection.layer.newest_first:
        return key, at
    if not (key.isascii() and key.isdecimal()) or len(key) > 18:
        raise NotFound(f"There is no {collection.layer.one} {key[:60]!r}.")
    return int(key), at


@dataclass(frozen=True)
class _Page:
    """What stands around the features of one page."""

    database: Database
    collection: Collection
    asked: Question
    now: datetime
    root: str

    def head(self) -> bytes:
        """Write what comes before the first feature."""
        if self.asked.form == "csv":
            names = dict.fromkeys(("id", *self.asked.properties, "geometry"))
            return ",".join(f'"{name}"' for name in names).encode() + b"\r\n"
        if self.asked.form == "flatgeobuf":
            return b""
        return b'{"type":"FeatureCollection","timeStamp":"' + _rfc3339(self.now).encode() + b'","features":['

    def tail(self, part: Part) -> bytes:
        """Write what comes after the last feature; how many match is said where it is known for nothing."""
        if self.asked.form != "json":
            return b"\r\n" if self.asked.form == "csv" and part.count else b""
        whole = self.asked.after is None and part.after is None
        matched = b',"numberMatched":%d' % part.count if whole else b""
        return b'],"numberReturned":%d%b,"links":%b}' % (part.count, matched, orjson.dumps(self.links(part.after)))

    async def stream(self, part: Part) -> AsyncIterator[bytes]:
        """Give a long page in parts, each read when the one before has been taken."""
        between = b"," if self.asked.form == "json" else b"\r\n"
        total = part.count
        yield self.head() + part.written
        while part.after is not None and total < self.asked.limit:
            limit = min(PART, self.asked.limit - total)
            part = await read_part(
                self.database, self.collection, replace(self.asked, limit=limit, after=part.after), self.now
            )
            total += part.count
            yield between + part.written
        yield self.tail(replace(part, count=total))

    def links(self, after: tuple[Any, ...] | None) -> list[Link]:
        """Link the page to itself, its other forms, its collection and the next page."""
        base = address(self.root, "collections", self.collection.name)
        items, kept, form = f"{base}/items", dict(self.asked.kept), self.asked.form
        here = {**kept, "cursor": write_cursor(self.asked.after)} if self.asked.after is not None else kept
        links = []
        for name, media in MEDIA.items():
            rel = "self" if name == form else "alternate"
            links.append(link(with_query(items, {**here, "f": name}), rel, media.split(";")[0], f"This page as {name}"))
        links.append(link(base, "collection", JSON, "The collection"))
        if after is not None:
            following = {**self._pinned(kept), "f": form, "cursor": write_cursor(after)}
            links.append(link(with_query(items, following), "next", MEDIA[form].split(";")[0], "The next page"))
        return links

    def _pinned(self, kept: Mapping[str, str]) -> dict[str, str]:
        if self.collection.layer.valid is None:
            return dict(kept)
        return {"datetime": _rfc3339(self.now), **kept}


def _first(asked: Question) -> int:
    return asked.limit if asked.form == "flatgeobuf" else min(asked.limit, PART)


def _place(place: str, collection: Collection, asked: Question) -> tuple[Any, ...]:
    if is_by_key_alone(collection.layer, asked):
        return (int(place) if collection.layer.newest_first else place,)
    return tuple(orjson.loads(place))


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
