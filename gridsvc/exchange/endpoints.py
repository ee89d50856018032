"""Files over HTTP: a layer, a format and a moment in, the file out."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import psycopg
from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from pydantic import AwareDatetime
from starlette.background import BackgroundTask

from gridsvc.access.guard import Caller, allowed
from gridsvc.core.db import conninfo
from gridsvc.core.events import record
from gridsvc.core.http import Hot, InTransaction
from gridsvc.exchange.exports import Wanted, export
from gridsvc.exchange.formats.writing import MEDIA_TYPES

router = APIRouter(tags=["files"])


@router.get("/exports/{file}", response_class=FileResponse)
def export_layer(
    session: InTransaction,
    database: Hot,
    caller: Annotated[Caller, Depends(allowed("export"))],
    file: str,
    at: Annotated[AwareDatetime | None, Query(description="As of this moment; now when left out")] = None,
    crs: Annotated[str, Query(max_length=40, description="EPSG:n, gcj02 or bd09")] = "EPSG:4326",
    language: Annotated[Literal["zh", "en"] | None, Query(description="Names of columns in csv and xlsx")] = None,
) -> FileResponse:
    """Export a layer, named with its format (`grids.gpkg`), as a file an import reads again; who did so is recorded."""
    layer, _, kind = file.partition(".")
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-export-"))
    try:
        made = folder / "export"
        url = database.engine.url.render_as_string(hide_password=False)
        with psycopg.connect(conninfo(url)) as connection:
            rows = export(connection, Wanted(layer, kind, at, crs, language), made, lambda _: None)
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
