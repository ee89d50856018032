"""Photos over HTTP: put by the SHA-256 of what the device has, given as they are kept; what is still missing is told."""

import hashlib
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gridsvc.access.guard import Caller, allowed
from gridsvc.core.errors import Invalid, NotFound, TooLarge
from gridsvc.core.events import record
from gridsvc.core.http import InTransaction
from gridsvc.core.settings import settings
from gridsvc.incidents.actions import read
from gridsvc.incidents.endpoints import key_of
from gridsvc.incidents.photos import shelf
from gridsvc.incidents.photos.pictures import picture_of
from gridsvc.incidents.tables import IncidentPhoto

router = APIRouter(tags=["incidents"])
MEGABYTE = 1_000_000
Sha256 = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]
BODY = {"requestBody": {"required": True, "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}}


class Photo(BaseModel):
    """A photo by the SHA-256 the device has of it; `present` is false for one that was named and has not come."""

    sha256: str
    present: bool
    width: int | None = None
    height: int | None = None
    at: datetime | None = None


class Photos(BaseModel):
    """The photos of an incident, and the names of those that are still missing."""

    items: list[Photo]
    missing: list[str]


async def received(request: Request, _: Annotated[Caller, Depends(allowed("incident.report"))]) -> bytes:
    """Receive the body, which nobody reads before it is known who sends it, and never more than is taken."""
    most_mb = settings().photo_mb
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most_mb * MEGABYTE:
            raise TooLarge(f"The photo is larger than the {most_mb} MB that may be sent (GRIDSVC_PHOTO_MB).")
    return bytes(data)


@router.put("/incidents/{incident}/photos/{sha256}", status_code=201, openapi_extra=BODY)
def put_photo(
    caller: Annotated[Caller, Depends(allowed("incident.report"))],
    data: Annotated[bytes, Depends(received)],
    session: InTransaction,
    incident: str,
    sha256: Sha256,
) -> JSONResponse:
    """Put a photo (JPEG, PNG, WebP) to an incident, by the SHA-256 of the bytes sent; again it is 200 and changes nothing.

    What is kept is the picture alone, upright, with no place, time or device in it.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Invalid("The bytes that came are not those of the SHA-256 in the address; send them again.")
    kept = read(session, key_of(incident))
    if _photo(session, kept.id, sha256) is not None:
        return JSONResponse({"sha256": sha256, "present": True}, 200)
    picture = picture_of(data)
    folder = shelf.folder_of(settings())
    made = session.execute(
        insert(IncidentPhoto)
        .values(
            incident=kept.id,
            sha256=sha256,
            stored=shelf.put(folder, picture.jpeg),
            thumbnail=shelf.put(folder, picture.thumbnail),
            width=picture.width,
            height=picture.height,
            by=caller.username,
        )
        .on_conflict_do_nothing()
        .returning(IncidentPhoto.sha256)
    ).first()
    if made is not None:
        record(
            session,
            "incident.photo_added",
            f"incident:{kept.id}",
            actor=caller.username,
            community=kept.community,
            grid=kept.grid,
            number=kept.number,
            sha256=sha256,
        )
    return JSONResponse({"sha256": sha256, "present": True, "width": picture.width, "height": picture.height}, 201)


@router.get("/incidents/{incident}/photos", dependencies=[Depends(allowed("incident.read"))])
def list_photos(session: InTransaction, incident: str) -> Photos:
    """List the photos of an incident, and those that its log names and nobody has sent yet (`missing`)."""
    kept = read(session, key_of(incident))
    rows = session.scalars(select(IncidentPhoto).where(IncidentPhoto.incident == kept.id).order_by(IncidentPhoto.at))
    there = [Photo(sha256=one.sha256, present=True, width=one.width, height=one.height, at=one.at) for one in rows]
    named = dict.fromkeys(sha256 for step in kept.log for sha256 in step.evidence)
    missing = [sha256 for sha256 in named if sha256 not in {one.sha256 for one in there}]
    return Photos(items=[*there, *(Photo(sha256=one, present=False) for one in missing)], missing=missing)


@router.get(
    "/incidents/{incident}/photos/{sha256}",
    response_class=Response,
    dependencies=[Depends(allowed("incident.read"))],
)
def read_photo(
    session: InTransaction,
    incident: str,
    sha256: Sha256,
    size: Annotated[Literal["full", "thumbnail"], Query()] = "full",
) -> Response:
    """Read a photo as it is kept, or its thumbnail, as JPEG."""
    found = _photo(session, key_of(incident), sha256)
    if found is None:
        raise NotFound("There is no such photo of this incident, or it has not come yet.")
    name = found.stored if size == "full" else found.thumbnail
    data = shelf.take(shelf.folder_of(settings()), name)
    return Response(
        data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400", "ETag": f'"{name}"'}
    )


def _photo(session: Session, incident: int, sha256: str) -> IncidentPhoto | None:
    return session.get(IncidentPhoto, (incident, sha256))
