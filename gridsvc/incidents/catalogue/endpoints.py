"""The catalogue over HTTP: the current version, any other, and what the classes of one are called in another."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from gridsvc.access.guard import allowed
from gridsvc.core.db import Database
from gridsvc.core.errors import NotFound
from gridsvc.core.http import Hot
from gridsvc.incidents import layers, schemas
from gridsvc.incidents.catalogue.crosswalk import Named, crosswalk

router = APIRouter(tags=["incidents"], dependencies=[Depends(allowed("incident.read"))])
Version = Annotated[str, Query(min_length=1, max_length=500)]


@router.get("/catalogue", responses={200: {"model": schemas.Catalogue}})
async def read_catalogue(
    database: Hot,
    version: Annotated[str | None, Query(max_length=500, description="The current one when left out")] = None,
) -> Response:
    """Read a catalogue: classes, their conditions, limits and departments."""
    rows = await database.rows(layers.CATALOGUE.encode(), {"version": version})
    if not rows:
        raise NotFound(
            "No catalogue has been imported yet." if version is None else f"There is no catalogue {version!r}."
        )
    return Response(rows[0][0].encode(), media_type="application/json")


@router.get("/catalogue/versions", responses={200: {"model": schemas.CatalogueVersions}})
async def list_versions(database: Hot) -> Response:
    """List every version of the catalogue; incidents stay filed under the one of their day."""
    rows = await database.rows(layers.VERSIONS.encode(), {})
    return Response(f'{{"items": {rows[0][0]}}}'.encode(), media_type="application/json")


@router.get("/catalogue/crosswalk", response_model=schemas.Crosswalk)
async def read_crosswalk(
    database: Hot, from_: Annotated[str, Query(alias="from", max_length=500)], to: Version
) -> schemas.Crosswalk:
    """Tell for each class of a version which class of another version has its name (30428 → 47678)."""
    matches = crosswalk(await _classes(database, from_), await _classes(database, to))
    return schemas.Crosswalk(
        items=[
            schemas.Renumbered.model_validate(
                {"class": one.of.key, "name": one.of.name, "to": one.to, "candidates": list(one.candidates)}
            )
            for one in matches
        ]
    )


async def _classes(database: Database, version: str) -> list[Named]:
    rows = await database.rows(layers.CLASS_NAMES.encode(), {"version": version})
    if not rows:
        raise NotFound(f"There is no catalogue {version!r}.")
    return [Named(*row) for row in rows]
