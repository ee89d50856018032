"""A file and a layer in, the layer's tables brought to it in one transaction out: every row checked, all or nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import pandas as pd
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.core.events import record
from gridsvc.core.settings import Settings
from gridsvc.exchange.boundaries.redraws import (
    BOUNDARIES,
    Drawing,
    cells_of,
    counted,
    outlines_of,
    preview_of,
    redraw,
)
from gridsvc.exchange.boundaries.reports import given_rows, report
from gridsvc.exchange.checks import Checked, Fault, Seen, check_rows
from gridsvc.exchange.codebook import Codebook, give_codes
from gridsvc.exchange.formats.columns import renamed
from gridsvc.exchange.formats.reading import count_rows, read_file, read_pieces
from gridsvc.exchange.formats.tables import ALL_ROWS
from gridsvc.exchange.formats.wkb import shapes_of
from gridsvc.exchange.layers import LAYERS, STANDARDS, ImportLayer
from gridsvc.exchange.merging import Copied, Merged, Staging, Straight, indexes_last
from gridsvc.exchange.placing.known import refuse_misplaced
from gridsvc.exchange.placing.zones import lies_beside_its_zone, refuse_wrong_zone
from gridsvc.exchange.previews import Preview, Watch
from gridsvc.incidents.journal import clock
from gridsvc.territory.topology.faults import Fault as BoundaryFault
from gridsvc.territory.topology.repair import Change
from gridsvc.territory.versions import announce_communities

Progress = Callable[[str, int, int], None]
"""Told the step, how many rows are done, and how many there are (0: not known yet)."""

PIECE_ROWS = 25_000
"""So many rows are in the hands of a thread at a time."""

Thing = TypeVar("Thing")


class Refused(Invalid):
    """Rows of the file cannot be taken; nothing was written.

    `boundaries` are the faults of a boundary layer, found by looking at every row of it.
    """

    def __init__(self, name: str, faults: list[Fault], rows: int) -> None:
        self.faults = faults
        self.boundaries: list[BoundaryFault] = []
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
    the file does not have, `names` maps columns of the file to fields, `skip_bad` takes the good rows and leaves the bad
    ones out. `look` also finds what would change, by code, and what is worth a look in a boundary layer.

    For boundaries: `whole` says that a file of grids has all there shall be in its communities: a grid it does not have
    is retired. `communities` is a file of communities that change together with the grids. `repair_m` closes gaps and
    overlaps that are no wider, in metres; holes between communities above `keep_holes_above_m2` are meant.

    `trust_crs` takes a layer that lies beside what is known as if it were in another datum. `codes` gives the rows of a
    file of divisions their codes by name. `since` says from when new and changed things hold; when left out, new ones
    hold from ever and changes from now on.
    """

    from_: datetime
    crs: str = "auto"
    constants: dict[str, str] = field(default_factory=dict)
    skip_bad: bool = False
    whole: bool = False
    repair_m: float | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    communities: Path | None = None
    keep_holes_above_m2: float | None = None
    look: bool = False
    trust_crs: bool = False
    codes: Codebook | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """What an import did; `beside` is the outcome of the communities that came with a file of grids.

    `preview` and `warnings` are there when they were asked for (`look`).
    """

    layer: str
    rows: int
    merged: Merged
    faults: list[Fault]
    passed_over: list[tuple[str, str]]
    repaired: list[Change]
    preview: Preview | None = None
    warnings: list[BoundaryFault] = field(default_factory=list)
    beside: "Outcome | None" = None


@dataclass(frozen=True)
class Taking:
    """What a file is taken with: the zone of times that name none, who takes it, and who is told how far it is."""

    zone: ZoneInfo
    actor: str
    progress: Progress


@dataclass(frozen=True)
class Piece:
    """So many rows of a file: as they were read, under the names of the layer, as they were checked, and to be copied."""

    count: int
    frame: pd.DataFrame
    checked: Checked
    copied: Copied = field(default_factory=Copied)


@dataclass
class Taken:
    """What was taken of a file; boundaries are not merged row by row, so their clean rows are kept (`clean`)."""

    count: int = 0
    own: int = 0
    faults: list[Fault] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    merged: Merged = field(default_factory=Merged)
    clean: pd.DataFrame = field(default_factory=pd.DataFrame)
    preview: Preview | None = None


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
    _context(session, settings, None if layer.name in BOUNDARIES else choices.since)
    how = Taking(ZoneInfo(settings.timezone), actor, progress)
    progress("reading", 0, 0)
    # A savepoint, because pieces are written before the last row is checked: a refusal takes them all back.
    with session.begin_nested():
        beside = _beside(session, layer, choices, how)
        taken = _take(session, path, layer, choices, how, beside)
        if layer.name in BOUNDARIES:
            outcome = _redraw(session, layer, taken, beside, choices, actor)
        else:
            outcome = Outcome(layer.name, taken.count, taken.merged, taken.faults, taken.passed_over, [], taken.preview)
    if layer.name == "incidents":
        clock(session, settings)
    progress("done", taken.count, taken.count)
    for file, done in ((choices.communities, outcome.beside), (path, outcome)):
        if file and done:
            _record(session, file, done, actor)
    return outcome


def write_rejects(path: Path, faults: Iterable[Fault], passed_over: Iterable[tuple[str, str]] = ()) -> None:
    """Write the rows that were not taken as CSV: the row (or the file's own name of it), and the reason."""
    rows = [(str(fault.row), fault.reason) for fault in faults] + list(passed_over)
    pd.DataFrame(rows, columns=["row", "reason"]).to_csv(path, index=False)


def ahead(pieces: Iterator[Thing]) -> Iterator[Thing]:
    """Give pieces one by one while another thread is making the next one."""
    with ThreadPoolExecutor(1) as other:
        coming = other.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = other.submit(next, pieces, None)
            yield piece


def _layer(name: str) -> ImportLayer:
    if name not in LAYERS:
        raise Invalid(f"There is no layer {name!r}; there are {', '.join((*LAYERS, *STANDARDS))}.")
    return LAYERS[name]


def _beside(session: Session, layer: ImportLayer, choices: Choices, how: Taking) -> Taken | None:
    """Take the file of communities that changes together with a file of grids."""
    if choices.communities is None:
        return None
    if layer.name != "grids":
        raise Invalid(f"A file of communities goes together with grids, not with {layer.name}.")
    own = replace(choices, constants={}, names={})
    taken = _take(session, choices.communities, LAYERS["communities"], own, how, None)
    announce_communities(session, taken.clean["code"].tolist())
    return taken


def _take(
    session: Session, path: Path, layer: ImportLayer, choices: Choices, how: Taking, beside: Taken | None
) -> Taken:
    """Read, check, stage and write a file, piece by piece; the next piece is read and checked meanwhile.

    Raises Refused when any row cannot be taken: by then some pieces may have been written.
    """
    total = count_rows(path)
    taken = Taken()
    with indexes_last(session, layer.table, total) as ready:
        seen = Seen(waits=ready.keyless and not choices.skip_bad)
        # A preview compares what is staged with what is held.
        straight = layer.straight and ready.empty and not choices.look
        staging = (
            Straight(session, layer, fresh=ready.keyless) if straight else Staging(session, layer, empty=ready.empty)
        )
        piece = None
        checked = ahead(_pieces(path, layer, choices, how, seen))
        for piece in ahead(replace(one, copied=staging.written(one.checked.table)) for one in checked):
            if not taken.count:
                _refuse_misplaced(session, piece.frame, path, layer, choices)
            _take_piece(session, staging, piece, layer, choices, taken)
            how.progress("checking and writing", taken.count, max(total, taken.count) if total else 0)
        seen.refuse_nothing(layer)
        taken.faults += seen.repeated()
        taken.faults.sort(key=lambda fault: fault.row)
        if taken.faults and (not choices.skip_bad or len(taken.faults) == taken.own):
            refusal = Refused(path.name, taken.faults, taken.own)
            if layer.name in BOUNDARIES and piece is not None:
                refusal.boundaries = _report(session, piece.frame, layer, choices, beside)
            raise refusal
        how.progress("indexing", taken.count, taken.count)
    return taken


def _pieces(path: Path, layer: ImportLayer, choices: Choices, how: Taking, seen: Seen) -> Iterator[Piece]:
    """Read and check a file; rows that need each other, or that a preview compares, are one piece."""
    most = PIECE_ROWS if layer.table and not choices.look else ALL_ROWS
    for read in read_pieces(
        path, layer, choices.crs, most=most, progress=lambda done: how.progress("reading", done, 0)
    ):
        frame = renamed(read.frame, choices.names, layer, path.name).assign(**choices.constants)
        frame, uncoded = give_codes(frame, choices.codes) if choices.codes else (frame, [])
        checked = check_rows(frame, layer, how.zone, seen)
        checked.passed_over[:0] = read.passed_over
        checked.faults += uncoded
        yield Piece(len(read.frame), frame, checked)


def _take_piece(
    session: Session, staging: Staging, piece: Piece, layer: ImportLayer, choices: Choices, taken: Taken
) -> None:
    """Write the clean rows of a piece, unless a row before them has spoilt the file."""
    checked = piece.checked
    staging.fill(piece.copied)
    contradicting = staging.faults()
    staging.drop(contradicting)
    taken.faults += [*checked.faults, *contradicting]
    taken.passed_over += checked.passed_over
    taken.count += piece.count
    taken.own += len(checked.table) + len(checked.faults)
    if taken.faults and not choices.skip_bad:
        return
    if layer.name in BOUNDARIES:
        taken.clean = staging.rows(checked.frame, contradicting)
    else:
        watch = Watch(session, layer.name) if choices.look else None
        taken.merged += staging.merge(choices.from_)
        taken.preview = watch.preview() if watch else None


def _report(
    session: Session, frame: pd.DataFrame, layer: ImportLayer, choices: Choices, beside: Taken | None
) -> list[BoundaryFault]:
    """Find every fault of boundaries that cannot be taken, in all their rows."""
    if "geometry" in frame:
        frame = frame.assign(geometry=pd.Series(shapes_of(frame["geometry"]), index=frame.index, dtype=object))
    outlines = outlines_of(beside.clean) if beside else {}
    given = replace(
        given_rows(frame, layer.name),
        outlines={code: one.geometry for code, one in outlines.items()},
        whole=choices.whole,
        keep_holes_above_m2=choices.keep_holes_above_m2,
    )
    return report(session, given)


def _refuse_misplaced(session: Session, frame: pd.DataFrame, path: Path, layer: ImportLayer, choices: Choices) -> None:
    """Refuse a layer that does not lie where it says, unless the person says that it does."""
    if layer.geometry is None or "geometry" not in frame:
        return
    shapes = shapes_of(frame["geometry"])
    if lies_beside_its_zone(shapes, choices.crs):
        # The numbers as they stand in the file, before they were taken for something they are not.
        raw = shapes_of(read_file(path, layer, "EPSG:4326").frame["geometry"])
        refuse_wrong_zone(path.name, shapely.get_coordinates(raw)[:, 0], choices.crs)
    if not choices.trust_crs:
        refuse_misplaced(session, path.name, shapes, choices.crs)


def _redraw(
    session: Session, layer: ImportLayer, taken: Taken, beside: Taken | None, choices: Choices, actor: str
) -> Outcome:
    outlines = taken if layer.name == "communities" else beside
    drawing = Drawing(
        choices.from_,
        outlines=outlines_of(outlines.clean) if outlines else {},
        cells=cells_of(taken.clean) if layer.name == "grids" else {},
        whole=choices.whole,
        repair_m=choices.repair_m,
        keep_holes_above_m2=choices.keep_holes_above_m2,
    )
    drawn = redraw(session, drawing, actor=actor, look=choices.look)

    def outcome(name: str, own: Taken, beside: Outcome | None = None) -> Outcome:
        codes = own.clean["code"].tolist()
        return Outcome(
            name,
            own.count,
            counted(drawn, name, codes),
            own.faults,
            own.passed_over,
            drawn.repaired,
            preview_of(drawn, name, codes) if choices.look else None,
            drawn.warnings,
            beside,
        )

    return outcome(layer.name, taken, outcome("communities", beside) if beside else None)


def _record(session: Session, file: Path, outcome: Outcome, actor: str) -> None:
    record(
        session,
        "import.done",
        f"layer:{outcome.layer}",
        actor=actor,
        file=file.name,
        new=outcome.merged.new,
        changed=outcome.merged.changed,
        unchanged=outcome.merged.unchanged,
        left_out=len(outcome.faults),
    )


def _context(session: Session, settings: Settings, since: datetime | None) -> None:
    """Tell the merging statements the office's settings, and from when things hold, for this transaction only."""
    if since is not None and since > datetime.now(UTC):
        raise Invalid("Only communities and grids can be redrawn ahead; other things are as they are found.")
    session.execute(
        text(
            "select set_config('gridsvc.timezone', :zone, true), set_config('gridsvc.fallback_queue', :queue, true),"
            " set_config('gridsvc.since', :since, true)"
        ),
        {
            "zone": settings.timezone,
            "queue": settings.fallback_queue,
            "since": since.isoformat() if since is not None else "",
        },
    )
