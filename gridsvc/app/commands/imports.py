"""`gridsvc import LAYER FILE…`: files into the database, every row checked, all or nothing.

What reads files is loaded when it is needed (here and in the other commands): pandas takes longer to load than most
commands to run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import psycopg
import typer
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gridsvc.app.commands.telling import refusals_in_full, tell_faults, tell_outcome, tell_repairs
from gridsvc.app.console import Home, progress_bar, refusals_as_sentences, say
from gridsvc.app.reach import reach
from gridsvc.core.db import make_sessions, open_engine
from gridsvc.core.errors import Invalid
from gridsvc.core.events import SYSTEM
from gridsvc.core.schema import migrate
from gridsvc.core.settings import settings

if TYPE_CHECKING:
    from gridsvc.exchange.codebook import Codebook, Match
    from gridsvc.exchange.imports import Choices
    from gridsvc.territory.topology.faults import Fault


@dataclass(frozen=True)
class Asked:
    """Which files of what is wrong were asked for, and whether the map and search are left to a worker (`later`)."""

    rejects: Path | None
    faults: Path | None
    later: bool = False


# The options, which typer reads from the parameters below.
Layer = Annotated[
    str,
    typer.Argument(
        help="divisions communities grids buildings streets assets workers posts routes incidents catalogue calendar"
    ),
]
Files = Annotated[list[Path], typer.Argument(help="GeoJSON, GeoPackage, Shapefile (zip), FlatGeobuf, CSV, raw OSM")]
Crs = Annotated[str, typer.Option(help="auto (what the file says), EPSG:n, gcj02 (Gaode, Tencent) or bd09 (Baidu)")]
TrustCrs = Annotated[bool, typer.Option("--trust-crs", help="Take a layer that seems to be in another datum")]
Set = Annotated[list[str] | None, typer.Option("--set", help="column=value for every row")]
Map = Annotated[list[str] | None, typer.Option("--map", help="column=field: the file's column is our field; several")]
From = Annotated[
    datetime | None,
    typer.Option("--from", help="When new boundaries come into force, or since when things are as the file says"),
]
Rejects = Annotated[Path | None, typer.Option(help="Where to write the rows that were not taken (CSV)")]
Communities = Annotated[Path | None, typer.Option(help="With grids: the communities that change together with them")]
Whole = Annotated[bool, typer.Option("--whole", help="A file of grids has all of its communities: retire the others")]
Repair = Annotated[float | None, typer.Option(min=0, help="Close gaps and overlaps of boundaries up to so many metres")]
KeepHoles = Annotated[float | None, typer.Option(min=0, help="Holes between communities above so many m² are meant")]
Faults = Annotated[Path | None, typer.Option(help="Where to write the faults of a boundary layer (GeoJSON)")]
Codes = Annotated[
    list[Path] | None,
    typer.Option(help="Divisions: find codes by name in these lists of national codes or completed mappings (CSV)"),
]
Mapping = Annotated[
    Path | None,
    typer.Option("--mapping", help="Where to write which code was found for each name (CSV), to be completed"),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Take the good rows, leave the bad ones out")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing")]

Later = Annotated[bool, typer.Option("--later", help="Leave the map and search after a large import to a job worker")]


def import_files(
    layer: Layer,
    files: Files,
    crs: Crs = "auto",
    trust_crs: TrustCrs = False,
    set_: Set = None,
    map_: Map = None,
    from_: From = None,
    rejects: Rejects = None,
    communities: Communities = None,
    whole: Whole = False,
    repair: Repair = None,
    keep_holes: KeepHoles = None,
    faults: Faults = None,
    codes: Codes = None,
    mapping: Mapping = None,
    skip_bad: SkipBad = False,
    dry_run: DryRun = False,
    later: Later = False,
    home: Home = None,
) -> None:
    """Import files into a layer: every row is checked, then all of it is written or nothing."""
    from gridsvc.exchange.formats.columns import pairs_of
    from gridsvc.exchange.imports import Choices

    with refusals_as_sentences():
        if communities and len(files) > 1:
            raise Invalid("With --communities the grids are one file: both change in one redraw.")
        since = from_.replace(tzinfo=ZoneInfo(settings().timezone)) if from_ else None
        choices = Choices(
            from_=since or datetime.now(UTC),
            since=since,
            crs=crs,
            constants=pairs_of(set_ or [], "set"),
            skip_bad=skip_bad,
            whole=whole,
            repair_m=repair,
            names=pairs_of(map_ or [], "map"),
            communities=communities,
            keep_holes_above_m2=keep_holes,
            look=dry_run or faults is not None,
            trust_crs=trust_crs,
            codes=_codebook(layer, codes or [], mapping),
        )
        with reach(settings(), home or settings().home, say) as url:
            _import_all(url, layer, files, choices, Asked(rejects, faults, later), dry_run=dry_run)


def _import_all(url: str, layer: str, files: list[Path], choices: "Choices", asked: Asked, *, dry_run: bool) -> None:
    """Import files in one transaction: a bad one leaves nothing of the others behind."""
    engine = open_engine(url)
    migrate(engine)
    with make_sessions(engine)() as session, proofs_as_sentences():
        with refusals_in_full(asked.rejects, asked.faults):
            warnings = [one for file in files for one in _import_one(session, layer, file, choices, asked)]
            if choices.look and layer in ("communities", "grids"):
                tell_faults(warnings, asked.faults)
        if dry_run:
            # Everything the end of the transaction would prove is proved, so that what is fine now is fine then.
            session.execute(text("set constraints all immediate"))
            session.rollback()
            say("Dry run: nothing was changed.")
        else:
            _commit(engine, session, later=asked.later)
    engine.dispose()


def _commit(engine: Engine, session: Session, *, later: bool) -> None:
    """Commit, and derive what a large import left due: here, because no worker may be there, or by a worker."""
    from gridsvc.territory.deriving import ask_for_due, catch_up, due

    if later:
        ask_for_due(session)
    session.commit()
    if not later and due(session):
        session.rollback()
        say("Imported; the map and search catch up.")
        with progress_bar("catching up") as progress:
            catch_up(engine, progress)


@contextmanager
def proofs_as_sentences() -> Iterator[None]:
    """Turn what the database itself refuses into a sentence: some of it shows only when all is written."""
    try:
        yield
    except IntegrityError as error:
        raise Invalid(f"{str(error.orig).splitlines()[0]}; nothing was written.") from None
    except psycopg.IntegrityError as error:
        raise Invalid(f"{str(error).splitlines()[0]}; nothing was written.") from None


def _import_one(session: Session, layer: str, file: Path, choices: "Choices", asked: Asked) -> list["Fault"]:
    from gridsvc.exchange.imports import import_file, write_rejects
    from gridsvc.exchange.standards.calendar import import_calendar
    from gridsvc.exchange.standards.catalogue import import_catalogue

    if layer == "calendar":
        told = import_calendar(session, file, actor=SYSTEM)
        say(f"{file.name}: {told.days} days; the calendar is known until {told.known_until}.")
        say(f"  open incidents that fall due otherwise: {told.moved} {', '.join(told.examples)}".rstrip())
        return []
    if layer == "catalogue":
        version, conditions = import_catalogue(session, file, actor=SYSTEM, constants=choices.constants)
        say(f"{file.name}: catalogue {version}, {conditions} conditions, is now the current one.")
        return []
    with progress_bar(f"{file.name} → {layer}") as progress:
        outcome = import_file(session, file, layer, choices, settings=settings(), actor=SYSTEM, progress=progress)
    if choices.communities and outcome.beside:
        tell_outcome(choices.communities, outcome.beside)
    tell_outcome(file, outcome)
    tell_repairs(outcome)
    if asked.rejects:
        write_rejects(asked.rejects, outcome.faults, outcome.passed_over)
    return outcome.warnings


def _codebook(layer: str, lists: list[Path], mapping: Path | None) -> "Codebook | None":
    from gridsvc.exchange.codebook import read_codebook, summary, write_mapping

    if not lists and not mapping:
        return None
    if layer != "divisions" or not lists:
        raise Invalid("--codes finds the codes of divisions, and --mapping tells what it found.")

    told: list[Match] = []

    def tell(matches: "list[Match]") -> None:
        say(f"Codes by name: {summary(matches)}.")
        told.extend(matches)  # of every file of the command
        if mapping:
            write_mapping(mapping, told)
            say(f"Complete its column code and give it back with --codes: {mapping}.")

    return replace(read_codebook(lists), tell=tell)
