"""`gridsvc import LAYER FILE…`: files into the database, every row checked, all or nothing.

What reads files is loaded when it is needed (here and in the other commands): pandas takes longer to load than most
commands to run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gridsvc.app.console import Home, progress_bar, refusals_as_sentences, say
from gridsvc.app.reach import reach
from gridsvc.core.db import make_sessions, open_engine
from gridsvc.core.errors import Invalid
from gridsvc.core.events import SYSTEM
from gridsvc.core.schema import migrate
from gridsvc.core.settings import settings

if TYPE_CHECKING:
    from gridsvc.exchange.imports import Choices, Outcome

ROWS_SHOWN = 10


def import_files(
    layer: Annotated[
        str,
        typer.Argument(
            help="divisions communities grids buildings streets assets workers posts routes incidents catalogue"
        ),
    ],
    files: Annotated[list[Path], typer.Argument(help="GeoJSON, GeoPackage, Shapefile (zip), FlatGeobuf, CSV, raw OSM")],
    crs: Annotated[
        str, typer.Option(help="auto (what the file says), EPSG:n, gcj02 (Gaode, Tencent) or bd09 (Baidu)")
    ] = "auto",
    set_: Annotated[list[str] | None, typer.Option("--set", help="column=value for every row")] = None,
    from_: Annotated[datetime | None, typer.Option("--from", help="When new boundaries come into force")] = None,
    rejects: Annotated[Path | None, typer.Option(help="Where to write the rows that were not taken (CSV)")] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="A file of grids has all of its communities: retire the others")
    ] = False,
    repair: Annotated[
        float | None, typer.Option(min=0, help="Close gaps and overlaps of grids up to so many metres")
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="Where to write the faults of a boundary layer (GeoJSON)")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Take the good rows, leave the bad ones out")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing")] = False,
    home: Home = None,
) -> None:
    """Import files into a layer: every row is checked, then all of it is written or nothing."""
    from gridsvc.exchange.imports import Choices

    with refusals_as_sentences():
        moment = from_.astimezone() if from_ else datetime.now(UTC)
        choices = Choices(
            from_=moment, crs=crs, constants=_constants(set_ or []), skip_bad=skip_bad, whole=whole, repair_m=repair
        )
        with reach(settings(), home or settings().home, say) as url:
            engine = open_engine(url)
            migrate(engine)
            # All files of one command are one transaction: a bad one leaves nothing of the others behind.
            with make_sessions(engine)() as session:
                with refusals_in_full(rejects, faults):
                    for file in files:
                        _import_one(session, layer, file, choices, rejects)
                if dry_run:
                    say("Dry run: nothing was changed.")
                    session.rollback()
                else:
                    _commit(session)
            engine.dispose()


@contextmanager
def refusals_in_full(rejects: Path | None, faults: Path | None) -> Iterator[None]:
    """Show the first of what is wrong, row by row or fault by fault, and write all of it where it was asked for."""
    from gridsvc.exchange.imports import Refused, write_rejects
    from gridsvc.territory.faults import NoPartition, faults_as_geojson

    try:
        yield
    except Refused as refusal:
        for row in refusal.faults[:ROWS_SHOWN]:
            say(f"  row {row.row}: {row.reason}")
        if rejects:
            write_rejects(rejects, refusal.faults)
            say(f"Every row that cannot be taken, with its reason, is in {rejects}.")
        raise
    except NoPartition as refusal:
        for fault in refusal.faults[:ROWS_SHOWN]:
            say(f"  {fault.kind}: {fault.detail}, {fault.area_m2:g} m², {fault.width_m:g} m wide")
        if faults:
            faults.write_text(faults_as_geojson(refusal.faults), encoding="utf-8")
            say(f"Every fault, with its place, is in {faults}.")
        raise


def _commit(session: Session) -> None:
    try:
        session.commit()
    except IntegrityError as error:
        # What only the whole of the transaction shows: the database proves the partition at its end.
        raise Invalid(f"{str(error.orig).splitlines()[0]}; nothing was written.") from None


def _import_one(session: Session, layer: str, file: Path, choices: "Choices", rejects: Path | None) -> None:
    from gridsvc.exchange.catalogue import import_catalogue
    from gridsvc.exchange.imports import import_file

    if layer == "catalogue":
        version, conditions = import_catalogue(session, file, actor=SYSTEM)
        say(f"{file.name}: catalogue {version}, {conditions} conditions, is now the current one.")
        return
    with progress_bar(f"{file.name} → {layer}") as progress:
        outcome = import_file(session, file, layer, choices, settings=settings(), actor=SYSTEM, progress=progress)
    _tell(file, outcome, rejects)


def _tell(file: Path, outcome: "Outcome", rejects: Path | None) -> None:
    from gridsvc.exchange.imports import write_rejects

    merged = outcome.merged
    say(
        f"{file.name} → {outcome.layer}: {outcome.rows} rows; {merged.new} new, {merged.changed} changed, "
        f"{merged.unchanged} unchanged, {len(outcome.faults)} left out, {len(outcome.passed_over)} passed over."
    )
    for change in outcome.repaired:
        say(f"  repaired {change.code}: {change.before_m2:,.1f} m² before, {change.after_m2:,.1f} m² after")
    if rejects:
        write_rejects(rejects, outcome.faults, outcome.passed_over)


def _constants(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise Invalid(f"--set needs column=value, not {pair!r}.")
    return dict(pair.split("=", 1) for pair in pairs)
