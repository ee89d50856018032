"""The clean rows of a file of communities or grids, or of both, in; one redraw published out, with what it did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import pandas as pd
import shapely
from sqlalchemy.orm import Session

from gridsvc.core.geo import PROMOTE
from gridsvc.exchange.boundaries.reports import Given, refusals, report
from gridsvc.exchange.merging import Merged
from gridsvc.exchange.previews import Preview, Some
from gridsvc.territory.codes import COMMUNITY_DIGITS
from gridsvc.territory.publish import Cell, Changes, Published, Redraw, held_cells, publish
from gridsvc.territory.topology.faults import Boundaries, Fault, NoPartition
from gridsvc.territory.topology.repair import Change, repair
from gridsvc.territory.versions import Outline, communities_of, held_outlines

BOUNDARIES = frozenset({"communities", "grids"})
"""The layers that are published and not merged."""


@dataclass(frozen=True)
class Drawing:
    """Communities and grids by code as files have them, and how they are taken.

    They hold from `at` on. `whole` retires the grids that the communities of the file have and the file has not;
    `repair_m` closes gaps and overlaps that are no wider, in metres; holes between communities that are larger than
    `keep_holes_above_m2` are meant (a lake), where no outline of the street tells.
    """

    at: datetime
    outlines: Mapping[str, Outline] = field(default_factory=dict)
    cells: Mapping[str, Cell] = field(default_factory=dict)
    whole: bool = False
    repair_m: float | None = None
    keep_holes_above_m2: float | None = None

    @property
    def communities(self) -> list[str]:
        """Name the communities whose grids are drawn."""
        return sorted({code[:COMMUNITY_DIGITS] for code in self.cells})


@dataclass(frozen=True)
class Drawn:
    """What a drawing did: to communities and grids, which borders a repair moved, what is worth a look (if asked for).

    `missing` says, by layer, what is held inside the scope of the file and not in it, and that scope in words.
    """

    published: Published
    repaired: list[Change]
    missing: Mapping[str, tuple[list[str], str]]
    warnings: list[Fault]


def outlines_of(rows: pd.DataFrame) -> dict[str, Outline]:
    """Make outlines by code of the clean rows of a file of communities."""
    columns = (rows[name].tolist() for name in ("code", "name", "geometry", "street"))
    return {code: Outline(code, *rest) for code, *rest in zip(*columns, strict=True)}


def cells_of(rows: pd.DataFrame) -> dict[str, Cell]:
    """Make cells by code of the clean rows of a file of grids."""
    columns = (rows[name].tolist() for name in ("code", "name", "kind", "geometry"))
    return {code: Cell(code, *rest) for code, *rest in zip(*columns, strict=True)}


def redraw(session: Session, drawing: Drawing, *, actor: str, look: bool = False) -> Drawn:
    """Publish a drawing as one redraw, in the caller's transaction; grids the file does not have stay (or `whole`).

    Raises what `publish` raises; NoPartition names every fault of every community, and not the first alone. With `look`
    warnings are found too: buildings that lie in two cells or in none.
    """
    missing = {"grids": _missing_cells(session, drawing), "communities": _missing_outlines(session, drawing)}
    outlines, repaired = _outlines(drawing)
    cells: dict[str, list[Cell]] = {}
    for community in drawing.communities:
        cells[community] = cells_of_community(session, drawing, community)
        if drawing.repair_m is not None:
            cells[community], changes = _repaired_cells(cells[community], drawing.repair_m)
            repaired += changes
    wanted = replace(
        drawing,
        outlines={one.code: one for one in outlines},
        cells={str(cell.code): cell for own in cells.values() for cell in own},
    )
    faults = report_outlines(session, wanted) if outlines else []
    if wrong := refusals(faults):
        raise NoPartition("their ground", wrong, "communities")
    try:
        published = publish(session, Redraw(cells, drawing.at, outlines=outlines), actor=actor)
    except NoPartition as refusal:
        if refusal.pieces != "grids" or not cells:
            raise
        raise NoPartition(refusal.what, refusals(report_cells(session, wanted)) or refusal.faults) from None
    if look and cells:
        faults = [*(fault for fault in faults if fault.kind == "multipart"), *report_cells(session, wanted)]
    return Drawn(published, repaired, missing, faults if look else [])


def report_outlines(session: Session, drawing: Drawing) -> list[Fault]:
    """Find the faults of the communities of a drawing."""
    given = drawing.outlines.values()
    streets = {one.code: one.street for one in given if one.street}
    return report(
        session,
        Given(
            "communities",
            [one.code for one in given],
            [one.geometry for one in given],
            streets,
            keep_holes_above_m2=drawing.keep_holes_above_m2,
        ),
    )


def report_cells(session: Session, drawing: Drawing) -> list[Fault]:
    """Find the faults of the grids of a drawing, held against its communities."""
    outlines = {one.code: one.geometry for one in drawing.outlines.values()}
    shapes = [cell.geometry for cell in drawing.cells.values()]
    return report(session, Given("grids", list(drawing.cells), shapes, outlines=outlines, whole=drawing.whole))


def _missing_cells(session: Session, drawing: Drawing) -> tuple[list[str], str]:
    held = {str(cell.code) for community in drawing.communities for cell in held_cells(session, community)}
    retired = "; they are retired" if drawing.whole else ""
    return sorted(held - drawing.cells.keys()), f"the grids of communities {_listed(drawing.communities)}{retired}"


def _missing_outlines(session: Session, drawing: Drawing) -> tuple[list[str], str]:
    known = held_outlines(session, drawing.outlines.keys())
    streets = {one.street for one in drawing.outlines.values()} | {one.outline.street for one in known.values()}
    told = sorted(street for street in streets if street)
    if not told:
        return [], "nothing, because no street is told"
    return sorted(
        communities_of(session, told) - drawing.outlines.keys()
    ), f"the communities of streets {_listed(told)}"


def _listed(codes: list[str]) -> str:
    return ", ".join(codes[:3]) + (f" and {len(codes) - 3} more" if len(codes) > 3 else "")


def _outlines(drawing: Drawing) -> tuple[list[Outline], list[Change]]:
    outlines = list(drawing.outlines.values())
    if drawing.repair_m is None or not outlines:
        return outlines, []
    try:
        return _repaired_outlines(outlines, drawing.repair_m)
    except NoPartition as refusal:
        raise NoPartition(refusal.what, refusal.faults, "communities") from None


def cells_of_community(session: Session, drawing: Drawing, community: str) -> list[Cell]:
    """Give every cell a community will have: those of the file, and those it has beside them."""
    kept = [] if drawing.whole else [cell for cell in held_cells(session, community) if cell.code not in drawing.cells]
    return [*kept, *(cell for code, cell in sorted(drawing.cells.items()) if code.startswith(community))]


def counted(drawn: Drawn, layer: str, given: Iterable[str]) -> Merged:
    """Count what became of the rows of a file; neighbours that it does not have are not counted."""
    seen = preview_of(drawn, layer, given)
    return Merged(seen.new.count, seen.changed.count, seen.unchanged.count)


def preview_of(drawn: Drawn, layer: str, given: Iterable[str]) -> Preview:
    """Say by code what a drawing changed of the rows of a file."""
    done: Changes = drawn.published if layer == "grids" else drawn.published.communities
    codes = set(given)
    missing, scope = drawn.missing[layer]
    changed = {*done.changed, *done.placed}
    return Preview(
        Some.of(codes & set(done.created)),
        Some.of(codes & changed),
        Some.of(codes - {*done.created, *changed}),
        Some.of(missing),
        scope,
    )


def _repaired_cells(cells: list[Cell], width_m: float) -> tuple[list[Cell], list[Change]]:
    done = repair(Boundaries([str(cell.code) for cell in cells], [cell.geometry for cell in cells]), width_m)
    return [replace(cell, geometry=shape) for cell, shape in zip(cells, done.layer.shapes, strict=True)], done.changes


def _repaired_outlines(outlines: list[Outline], width_m: float) -> tuple[list[Outline], list[Change]]:
    # One part is one polygon here, so that what no repair touched is found to be the same.
    parts = [list(shapely.get_parts(one.geometry)) for one in outlines]
    shapes = [own[0] if len(own) == 1 else one.geometry for own, one in zip(parts, outlines, strict=True)]
    done = repair(Boundaries([one.code for one in outlines], shapes), width_m)
    promote = PROMOTE["MULTIPOLYGON"]
    repaired = [replace(one, geometry=promote(shape)) for one, shape in zip(outlines, done.layer.shapes, strict=True)]
    return repaired, done.changes
