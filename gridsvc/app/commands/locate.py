"""`gridsvc locate POINTS.csv OUT.csv`: the owner of every point of a file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gridsvc.app.console import Home, progress_bar, refusals_as_sentences, say
from gridsvc.app.reach import reach
from gridsvc.core.db import open_engine, transaction
from gridsvc.core.schema import migrate
from gridsvc.core.settings import settings


def locate_file(
    points: Annotated[Path, typer.Argument(help="CSV with the columns lon and lat (degrees, EPSG:4326)")],
    out: Annotated[Path, typer.Argument(help="The CSV to write: the same rows with community, grid, version and rule")],
    at: Annotated[datetime | None, typer.Option(help="The moment asked for; now when left out")] = None,
    home: Home = None,
) -> None:
    """Find the grid of every point of a file: the same answers as `/locate`, in bulk."""
    from gridsvc.exchange.locating import locate_csv
    from gridsvc.territory.bulk import read_cells

    with refusals_as_sentences(), reach(settings(), home or settings().home, say) as url:
        engine = open_engine(url)
        migrate(engine)
        with transaction(engine) as session:
            grids, communities = read_cells(session, at.astimezone() if at else datetime.now(UTC))
        engine.dispose()
        with progress_bar(points.name) as progress:
            done = locate_csv(points, out, grids, communities, progress)
        say(f"{out}: {done:,} points.")
