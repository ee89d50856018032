"""A file and a layer in, the layer's tables brought to it in one transaction out: every row checked, all or nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.core.events import record
from gridsvc.core.settings import Settings
from gridsvc.exchange.checks import Checked, Fault, check_rows
from gridsvc.exchange.formats.reading import read_file
from gridsvc.exchange.layers import LAYERS, ImportLayer
from gridsvc.exchange.merging import Merged, Staging
from gridsvc.territory.faults import Boundaries
from gridsvc.territory.placing import place_assets, place_buildings
from gridsvc.territory.publish import Cell, Redraw, held_cells, publish
from gridsvc.territory.repair import Change, repair

Progress = Callable[[str, int, int], None]
"""Told the step, how many rows are done, and how many there are (0: not known yet)."""

PLACES_AGAIN = {
    "buildings": (place_buildings,),
    "assets": (place_assets,),
}
"""What has to find its grid again after a layer was imported."""


class Refused(Invalid):
    """Rows of the file cannot be taken; nothing was written."""

    def __init__(self, name: str, faults: list[Fault], rows: int) -> None:
        self.faults = faults
        first = faults[0]
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(
            f"{name}: {len(faults)} of {rows} rows cannot be taken (row {first.row}: {first.reason}{more}); "
            "nothing was written."
        )


@dataclass(frozen=True)
class Choices:
    """How a file is to be read and taken.

    `crs` is "auto", "EPSG:n", "gcj02" or "bd09", `from_` the moment from which new boundaries hold, `constants` are values for columns
    the file does not have, `skip_bad` takes the good rows and leaves the bad ones out. `whole` says that a file of
    grids has all there shall be in its communities: a grid it does not have is retired. `repair_m` closes gaps and
    overlaps between grids that are no wider, in metres.
    """

    from_: datetime
    crs: str = "auto"
    constants: dict[str, str] = field(default_factory=dict)
    skip_bad: bool = False
    whole: bool = False
    repair_m: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What an import did."""

    layer: str
    rows: int
    merged: Merged
    faults: list[Fault]
    passed_over: list[tuple[str, str]]
    repaired: list[Change]


def import_file(
    session: Session,
    path: Path,
    layer_name: str,
    choices: Choices,
    *,
    settings: Settings,
    actor: str,
    progress: Progress,
) -> Outcome:
    """Import one file in the caller's transaction.

    Raises Invalid for a file that cannot be read, and Refused (with every fault) when rows cannot be taken.
    """
    layer = _layer(layer_name)
    progress("reading", 0, 0)
    table = read_file(path, layer, choices.crs, lambda done: progress("reading", done, 0))
    frame = table.frame.assign(**choices.constants)
    progress("checking", 0, len(frame))
    checked = check_rows(frame, layer, ZoneInfo(settings.timezone))
    progress("writing", 0, len(frame))
    _context(session, settings)
    staging = Staging(session, layer, checked.frame)
    faults = _weigh(path, checked, staging, skip_bad=choices.skip_bad)
    repaired: list[Change] = []
    if layer.name == "grids":
        merged, repaired = _publish_grids(session, staging.rows(checked.frame, faults), choices, actor)
    else:
        merged = staging.merge(choices.from_)
    for place in PLACES_AGAIN.get(layer.name, ()):
        place(session)
    progress("done", len(frame), len(frame))
    record(
        session,
        "import.done",
        f"layer:{layer.name}",
        actor=actor,
        file=path.name,
        new=merged.new,
        changed=merged.changed,
        unchanged=merged.unchanged,
        left_out=len(faults),
    )
    return Outcome(layer.name, len(frame), merged, faults, [*table.passed_over, *checked.passed_over], repaired)


def write_rejects(path: Path, faults: Iterable[Fault], passed_over: Iterable[tuple[str, str]] = ()) -> None:
    """Write the rows that were not taken as CSV: the row (or the file's own name of it), and the reason."""
    rows = [(str(fault.row), fault.reason) for fault in faults] + list(passed_over)
    pd.DataFrame(rows, columns=["row", "reason"]).to_csv(path, index=False)


def _layer(name: str) -> ImportLayer:
    if name not in LAYERS:
        raise Invalid(f"There is no layer {name!r}; there are {', '.join((*LAYERS, 'catalogue'))}.")
    return LAYERS[name]


def _weigh(path: Path, checked: Checked, staging: Staging, *, skip_bad: bool) -> list[Fault]:
    contradicting = staging.faults()
    faults = sorted([*checked.faults, *contradicting], key=lambda fault: fault.row)
    rows = len(checked.frame) + len(checked.faults)
    if faults and not skip_bad:
        raise Refused(path.name, faults, rows)
    if len(faults) == rows:
        raise Refused(path.name, faults, rows)
    staging.drop(contradicting)
    return faults


def _publish_grids(session: Session, frame: pd.DataFrame, choices: Choices, actor: str) -> tuple[Merged, list[Change]]:
    """Publish the rows as a redraw of their communities; grids the file does not have stay, or are retired (`whole`)."""
    repaired: list[Change] = []
    columns = (frame[name].tolist() for name in ("code", "name", "kind", "geometry"))
    given: dict[str, Cell] = {code: Cell(code, *rest) for code, *rest in zip(*columns, strict=True)}
    communities = sorted({code[:12] for code in given})
    cells: dict[str, list[Cell]] = {community: [] for community in communities}
    for community in communities:
        kept = [] if choices.whole else [cell for cell in held_cells(session, community) if cell.code not in given]
        cells[community] = [*kept, *(cell for code, cell in sorted(given.items()) if code.startswith(community))]
        if choices.repair_m is not None:
            cells[community], changes = _repaired(cells[community], choices.repair_m)
            repaired += changes
    done = publish(session, Redraw(cells, choices.from_), actor=actor)
    return Merged(len(done.created), len(done.changed), len(given) - len(done.created) - len(done.changed)), repaired


def _repaired(cells: list[Cell], width_m: float) -> tuple[list[Cell], list[Change]]:
    done = repair(Boundaries([str(cell.code) for cell in cells], [cell.geometry for cell in cells]), width_m)
    return [replace(cell, geometry=shape) for cell, shape in zip(cells, done.layer.shapes, strict=True)], done.changes


def _context(session: Session, settings: Settings) -> None:
    """Tell the merging statements the office's settings, for this transaction only."""
    session.execute(
        text("select set_config('gridsvc.timezone', :zone, true), set_config('gridsvc.fallback_queue', :queue, true)"),
        {"zone": settings.timezone, "queue": settings.fallback_queue},
    )
