"""What an import did, or why it was refused, in; sentences and tables on the terminal out, and files where asked for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from gridsvc.app.console import say, words

if TYPE_CHECKING:
    from gridsvc.exchange.imports import Outcome
    from gridsvc.territory.topology.faults import Fault

ROWS_SHOWN = 10
FAULTS_SHOWN = 20


@contextmanager
def refusals_in_full(rejects: Path | None, faults: Path | None) -> Iterator[None]:
    """Show the first of what is wrong, row by row or fault by fault, and write all of it where it was asked for."""
    from gridsvc.exchange.imports import Refused, write_rejects
    from gridsvc.territory.topology.faults import NoPartition

    try:
        yield
    except Refused as refusal:
        for row in refusal.faults[:ROWS_SHOWN]:
            say(f"  row {row.row}: {row.reason}")
        if rejects:
            write_rejects(rejects, refusal.faults)
            say(f"Every row that cannot be taken, with its reason, is in {rejects}.")
        tell_faults(refusal.boundaries, faults)
        raise
    except NoPartition as refusal:
        tell_faults(refusal.faults, faults)
        raise


def tell_faults(found: Sequence["Fault"], out: Path | None) -> None:
    """Show the first faults as a table and write all of them as GeoJSON, warnings included."""
    from gridsvc.territory.topology.faults import faults_as_geojson, place_of

    if found:
        table = Table("fault", "of", "m²", "m wide", "place", box=None, pad_edge=False)
        for fault in found[:FAULTS_SHOWN]:
            place = place_of(fault)
            table.add_row(
                f"({fault.kind})" if fault.warning else fault.kind,
                "\n".join(fault.codes),
                f"{fault.area_m2:,.1f}",
                f"{fault.width_m:,.2f}",
                f"{place[0]:.7f}, {place[1]:.7f}" if place else "nowhere",
            )
        words.print(table)
        if len(found) > FAULTS_SHOWN:
            say(f"  … and {len(found) - FAULTS_SHOWN} more.")
        if any(fault.warning for fault in found):
            say("  In brackets: worth a look, no reason to refuse.")
    if out:
        out.write_text(faults_as_geojson(found), encoding="utf-8")
        say(f"Every fault, with its place, is in {out}." if found else f"There are no faults; {out} says so.")


def tell_outcome(file: Path, outcome: "Outcome") -> None:
    """Say what became of the rows of a file."""
    merged = outcome.merged
    say(
        f"{file.name} → {outcome.layer}: {outcome.rows} rows; {merged.new} new, {merged.changed} changed, "
        f"{merged.unchanged} unchanged, {len(outcome.faults)} left out, {len(outcome.passed_over)} passed over."
    )
    if seen := outcome.preview:
        for name, some in (("new", seen.new), ("changed", seen.changed), ("unchanged", seen.unchanged)):
            say(f"  {name}: {some}")
        say(f"  missing from the file, of {seen.scope}: {seen.missing}")


def tell_repairs(outcome: "Outcome") -> None:
    """Say which borders a repair has moved, and what that did to their areas."""
    for change in outcome.repaired:
        say(f"  repaired {change.code}: {change.before_m2:,.1f} m² before, {change.after_m2:,.1f} m² after")
