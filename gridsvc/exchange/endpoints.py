"""Files over HTTP: a layer, a format and a moment in, the file out."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from gridsvc.access.guard import Caller, allowed
from gridsvc.core.db import driver_of
from gridsvc.core.events import record
from gridsvc.core.http import InTransaction, Moment
from gridsvc.core.settings import settings
from gridsvc.exchange.exports import Wanted, export
from gridsvc.exchange.formats.writing import MEDIA_TYPES

router = APIRouter(tags=["files"])


@router.get("/exports/{file}", response_class=FileResponse)
def export_layer(
    session: InTransaction,
    caller: Annotated[Caller, Depends(allowed("export"))],
    file: str,
    at: Annotated[Moment | None, Query(description="As of this moment; now when left out")] = None,
    crs: Annotated[str, Query(max_length=40, description="EPSG:n, gcj02 or bd09")] = "EPSG:4326",
    language: Annotated[
        Literal["zh", "en"] | None, Query(description="csv and xlsx for people: in words, times of the office's zone")
    ] = None,
) -> FileResponse:
    """Export a layer, named with its format (`grids.gpkg`), as a file an import reads again; who did so is recorded."""
    layer, _, kind = file.partition(".")
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-export-"))
    try:
        # With the ending of its format: without it GDAL writes FlatGeobuf into a folder. What is no format is refused.
        made = folder / (f"export.{kind}" if kind in MEDIA_TYPES else "export")
        wanted = Wanted(layer, kind, at, crs, language, ZoneInfo(settings().timezone))
        rows = export(driver_of(session), wanted, made, lambda _: None)
        record(session, "export.made", f"layer:{layer}", actor=caller.username, format=kind, rows=rows)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        made,
        media_type=MEDIA_TYPES[kind],
        filename=file,
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )
