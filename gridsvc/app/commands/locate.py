"""`gridsvc locate POINTS.csv OUT.csv`: the owner of every point of a file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from gridsvc.app.console import Home, progress_bar, refusals_as_sentences, say
from gridsvc.app.reach import reached
from gridsvc.core.db import transaction
from gridsvc.core.settings import settings


def locate_file(
    points: Annotated[Path, typer.Argument(help="CSV with the columns lon and lat (degrees, EPSG:4326)")],
    out: Annotated[Path, typer.Argument(help="The CSV to write: the same rows with community, grid, version and rule")],
    at: Annotated[
        datetime | None, typer.Option(help="The moment asked for, in the office's zone; now when left out")
    ] = None,
    home: Home = None,
) -> None:
    """Find the grid of every point of a file: the same answers as `/locate`, in bulk."""
    from gridsvc.exchange.locating import locate_csv
    from gridsvc.territory.bulk import read_cells

    with refusals_as_sentences(), reached(home) as engine:
        with transaction(engine) as session:
            moment = at.replace(tzinfo=ZoneInfo(settings().timezone)) if at else datetime.now(UTC)
            grids, communities = read_cells(session, moment)
        with progress_bar(points.name) as progress:
            done = locate_csv(points, out, grids, communities, progress)
        say(f"{out}: {done:,} points.")
