"""`gridsvc export LAYER FILE`: a layer out of the database, in the format the file's name says."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from gridsvc.app.console import Home, progress_bar, refusals_as_sentences, say
from gridsvc.app.reach import reached
from gridsvc.core.db import driver_of, transaction
from gridsvc.core.errors import Invalid, Unavailable
from gridsvc.core.settings import settings


def export_layer(
    layer: Annotated[
        str, typer.Argument(help="divisions communities grids buildings streets assets workers posts routes incidents")
    ],
    file: Annotated[Path, typer.Argument(help=".geojson .gpkg .shp.zip .fgb .parquet .csv .xlsx")],
    crs: Annotated[str, typer.Option(help="EPSG:n, gcj02 or bd09")] = "EPSG:4326",
    at: Annotated[
        datetime | None, typer.Option(help="As of this moment, in the office's zone; now when left out")
    ] = None,
    language: Annotated[
        Literal["zh", "en"] | None, typer.Option(help="csv and xlsx for people: in words, times of the office's zone")
    ] = None,
    home: Home = None,
) -> None:
    """Export a layer as of a moment; what comes out can be imported again."""
    from gridsvc.exchange.exports import Wanted, export
    from gridsvc.exchange.formats.writing import WRITERS

    with refusals_as_sentences():
        format_ = next((name for name in WRITERS if file.name.lower().endswith(f".{name}")), None)
        if format_ is None:
            raise Invalid(f"{file.name} names no format that can be written; there are .{', .'.join(WRITERS)}.")
        if not file.parent.is_dir():
            raise Unavailable(f"There is no folder {file.parent}.")
        zone = ZoneInfo(settings().timezone)
        wanted = Wanted(layer, format_, at.replace(tzinfo=zone) if at else None, crs, language, zone)
        with reached(home) as engine, transaction(engine) as session, progress_bar(layer) as progress:
            rows = export(driver_of(session), wanted, file, lambda done: progress("writing", done, 0))
        say(f"{file}: {rows:,} {layer}.")
