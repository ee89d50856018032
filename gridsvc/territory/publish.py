"""A redraw in, published ground out: old versions closed and new ones opened at one instant, with lineage; or nothing.

The instant may lie ahead. The database proves the partition again at commit, and lets buildings and assets follow
(migrations/sql/20261123_past.sql); here a refusal is found before anything is written, and told in a sentence.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import shapely
from geoalchemy2.shape import from_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.events import record
from gridsvc.core.geo import SRID
from gridsvc.territory.codes import next_code, number_cells
from gridsvc.territory.lineage import Descent, Plot, Stock, trace
from gridsvc.territory.tables import Building, Lineage
from gridsvc.territory.topology.faults import Boundaries, NoPartition, find_faults
from gridsvc.territory.versions import (
    HeldGrid,
    HeldOutline,
    Outline,
    close_grids,
    codes_ever_given,
    held_grids,
    held_outlines,
    held_streets,
    open_grids,
    place_in_streets,
    replace_outlines,
)


@dataclass(frozen=True)
class Cell:
    """A grid as it shall be: without a code it is new and gets one; geometry a Polygon on the 1e-7 degree grid."""

    code: str | None
    name: str
    kind: str
    geometry: BaseGeometry


@dataclass(frozen=True)
class Redraw:
    """What communities shall be from `at` on; `at` may lie ahead.

    `cells` gives the whole set of grids of each community it names, `outlines` the boundaries of communities; what is
    not named stays. `drawn_on` names the versions the redraw was drawn on, grid by grid; when one of them is no longer
    the newest, somebody else has published in between.
    """

    cells: Mapping[str, Sequence[Cell]]
    at: datetime
    drawn_on: Mapping[str, int] | None = None
    outlines: Sequence[Outline] = ()

    @property
    def communities(self) -> list[str]:
        """Name every community the redraw touches."""
        return sorted({*self.cells, *(outline.code for outline in self.outlines)})


@dataclass
class Changes:
    """What became of grids or communities, by code."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    placed: list[str] = field(default_factory=list)
    """Communities that are as they were, but belong to another street now."""

    @property
    def touched(self) -> set[str]:
        """Name everything that is not as it was."""
        return {*self.created, *self.changed, *self.retired}


@dataclass
class Published(Changes):
    """What a redraw did to the grids, and to the communities; `cut` are buildings that a new border runs through."""

    communities: Changes = field(default_factory=Changes)
    descents: list[Descent] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


def publish(session: Session, redraw: Redraw, *, actor: str) -> Published:
    """Publish a redraw in the caller's transaction; nothing is written where nothing differs.

    Raises Conflict when somebody else is publishing one of the communities, has published since the redraw was drawn,
    or for a later moment, and for a code that was retired; Invalid (NoPartition with every fault) when the grids are no
    partition of their community, or the communities none of their street.
    """
    _claim(session, redraw.communities)
    held = held_grids(session, redraw.communities)
    known = held_outlines(session, redraw.communities)
    _refuse_stale(redraw, held)
    plots = _plots(session, redraw, held)
    before = {code: one.plot for code, one in held.items()}
    done = _compared(before, plots)
    done.communities = _compared_outlines(known, redraw.outlines)
    _refuse_late(redraw, done, held, known)
    outlines = {code: one.outline.geometry for code, one in known.items()}
    outlines |= {outline.code: outline.geometry for outline in redraw.outlines}
    for community in redraw.communities:
        _refuse_no_partition(community, plots, outlines, redraw)
    _refuse_no_street(session, redraw, known)
    done.descents = trace(list(before.values()), list(plots.values()), _stock(session, list(outlines.values())))
    _write(session, redraw, done, plots, held)
    _record(session, redraw, done, actor)
    # The deferred proof is asked for now, so that its refusal comes before the answer and names this redraw.
    session.flush()
    session.execute(text("set constraints partition_is_proved immediate"))
    session.execute(text("set constraints partition_is_proved deferred"))
    done.cut = _cut_buildings(session, [*done.created, *done.changed])
    return done


def held_cells(session: Session, community: str) -> list[Cell]:
    """Give the cells a community has (or is going to have) at last, by code, as the start of a redraw."""
    return [_cell(one.plot) for one in held_grids(session, [community]).values()]


def _cell(plot: Plot) -> Cell:
    return Cell(plot.code, plot.name, plot.kind, plot.geometry)


def _claim(session: Session, communities: Sequence[str]) -> None:
    """Be the only publisher of communities until the transaction ends."""
    taken = session.scalars(
        text(
            "select code from unnest(cast(:codes as text[])) code"
            " where not pg_try_advisory_xact_lock(hashtextextended('publish ' || code, 0))"
        ),
        {"codes": list(communities)},
    ).all()
    if taken:
        raise Conflict(f"Somebody else is publishing community {', '.join(taken)} right now; look at theirs first.")


def _refuse_stale(redraw: Redraw, held: Mapping[str, HeldGrid]) -> None:
    """Refuse a redraw that was drawn on other versions than hold."""
    if redraw.drawn_on is None:
        return
    now = {code: one.version for code, one in held.items()}
    stale = sorted(code for code in now.keys() | redraw.drawn_on.keys() if now.get(code) != redraw.drawn_on.get(code))
    if stale:
        raise Conflict(f"Grids {', '.join(stale[:5])} were published anew since this was drawn.", grids=stale)


def _plots(session: Session, redraw: Redraw, held: Mapping[str, HeldGrid]) -> dict[str, Plot]:
    """Give every cell its code: new cells the next ones, in reading order; no code ever given comes back."""
    ever = codes_ever_given(session, redraw.communities)
    cells = {
        community: redraw.cells.get(community)
        or [_cell(one.plot) for code, one in held.items() if code.startswith(community)]
        for community in redraw.communities
    }
    given = {cell.code for own in cells.values() for cell in own if cell.code}
    if retired := sorted((given & ever) - held.keys()):
        raise Conflict(f"Grids {', '.join(retired[:5])} were retired, and a retired code never comes back.")
    plots: dict[str, Plot] = {}
    for community, own in cells.items():
        if community in redraw.cells and not redraw.cells[community]:
            raise Invalid(f"Community {community} would be left without a grid.")
        for code, cell in _numbered(community, own, ever | given):
            if code in plots:
                raise Invalid(f"Grid {code} is there twice.")
            plots[code] = Plot(code, cell.name, cell.kind, cell.geometry)
    return plots


def _numbered(community: str, cells: Sequence[Cell], used: Collection[str]) -> list[tuple[str, Cell]]:
    foreign = [cell.code for cell in cells if cell.code and not cell.code.startswith(community)]
    if foreign:
        raise Invalid(f"Grids {', '.join(foreign[:5])} do not belong to community {community} by their codes.")
    numbered = [(cell.code, cell) for cell in cells if cell.code]
    new = [cell for cell in cells if cell.code is None]
    if new:
        taken = set(used)
        centres = shapely.get_coordinates(shapely.centroid(np.array([cell.geometry for cell in new], dtype=object)))
        for place in number_cells(centres):
            code = next_code(community, taken)
            taken.add(code)
            numbered.append((code, new[place]))
    return numbered


def _compared(before: Mapping[str, Plot], after: Mapping[str, Plot]) -> Published:
    done = Published(retired=sorted(before.keys() - after.keys()))
    for code, plot in after.items():
        if code not in before:
            done.created.append(code)
        elif before[code].same_as(plot):
            done.unchanged.append(code)
        else:
            done.changed.append(code)
    return done


def _compared_outlines(known: Mapping[str, HeldOutline], outlines: Sequence[Outline]) -> Changes:
    done = Changes()
    for new in outlines:
        if new.code not in known:
            done.created.append(new.code)
            continue
        old = known[new.code].outline
        if new.name == old.name and shapely.equals_exact(
            shapely.multipolygons(shapely.get_parts(new.geometry)), old.geometry, tolerance=0, normalize=True
        ):
            (done.placed if new.street not in (None, old.street) else done.unchanged).append(new.code)
        else:
            done.changed.append(new.code)
    return done


def _refuse_late(
    redraw: Redraw, done: Published, held: Mapping[str, HeldGrid], known: Mapping[str, HeldOutline]
) -> None:
    """Refuse to change what begins only after the redraw: versions follow each other."""
    later = [code for code in sorted(done.touched) if code in held and held[code].begins >= redraw.at]
    later += [code for code in sorted(done.communities.touched) if code in known and known[code].begins >= redraw.at]
    if later:
        raise Conflict(f"{', '.join(later[:5])} have a version that begins at or after {redraw.at.isoformat()}.")


def _refuse_no_partition(
    community: str, plots: Mapping[str, Plot], outlines: Mapping[str, BaseGeometry], redraw: Redraw
) -> None:
    own = [plot for code, plot in plots.items() if code.startswith(community)]
    if not own:
        return
    if community not in outlines:
        raise Invalid(f"Community {community} has no boundary at {redraw.at.isoformat()}.")
    cells = Boundaries([plot.code for plot in own], [plot.geometry for plot in own], {community: outlines[community]})
    if faults := find_faults(cells):
        raise NoPartition(f"community {community}", faults)


def _refuse_no_street(session: Session, redraw: Redraw, known: Mapping[str, HeldOutline]) -> None:
    """Refuse communities that are no partition of their street, where the street's outline is known."""
    was = {code: one.outline.street for code, one in known.items()}
    shall = was | {one.code: one.street or was.get(one.code) for one in redraw.outlines}
    concerned = {street for streets in (was, shall) for street in streets.values() if street}
    for street in held_streets(session, sorted(concerned)):
        pieces = {
            code: shape for code, shape in street.communities.items() if shall.get(code, street.code) == street.code
        }
        pieces |= {one.code: one.geometry for one in redraw.outlines if shall[one.code] == street.code}
        layer = Boundaries(
            list(pieces),
            list(pieces.values()),
            {street.code: street.outline},
            belongs=dict.fromkeys(pieces, street.code),
        )
        # A community may be in several pieces, unlike a grid.
        if faults := [fault for fault in find_faults(layer) if fault.kind != "multipart"]:
            raise NoPartition(f"street {street.code}", faults, "communities")


def _stock(session: Session, outlines: Sequence[BaseGeometry]) -> Stock:
    if not outlines:
        return Stock(np.empty((0, 2)), np.empty(0))
    box = from_shape(shapely.box(*shapely.total_bounds(np.array(outlines, dtype=object))), srid=SRID)
    rows = session.execute(
        select(func.st_x(Building.point), func.st_y(Building.point), func.coalesce(Building.households, 0)).where(
            Building.point.op("&&")(box)
        )
    ).all()
    numbers = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Stock(numbers[:, :2], numbers[:, 2])


def _write(
    session: Session, redraw: Redraw, done: Published, plots: Mapping[str, Plot], held: Mapping[str, HeldGrid]
) -> None:
    """Close and open versions, and tell the lineage."""
    place_in_streets(session, redraw.outlines)
    touched = done.communities.touched
    if touched:
        replace_outlines(session, [one for one in redraw.outlines if one.code in touched], redraw.at)
    if not done.touched:
        return
    close_grids(session, [*done.changed, *done.retired], redraw.at)
    before = {code: one.version for code, one in held.items()}
    after = before | open_grids(session, [plots[code] for code in (*done.created, *done.changed)], redraw.at)
    if done.descents:
        session.execute(insert(Lineage), [_lineage_row(one, before, after, redraw.at) for one in done.descents])


def _lineage_row(
    descent: Descent, before: Mapping[str, int], after: Mapping[str, int], at: datetime
) -> dict[str, object]:
    return {
        "at": at,
        "kind": descent.kind,
        "from_grid": descent.origin,
        "from_version": before[descent.origin] if descent.origin else None,
        "to_grid": descent.heir,
        "to_version": after[descent.heir] if descent.heir else None,
        "area_share": descent.area_share,
        "building_share": descent.building_share,
        "household_share": descent.household_share,
    }


def _record(session: Session, redraw: Redraw, done: Published, actor: str) -> None:
    """Tell the story of each community that changed, or whose grids did."""
    for community in redraw.communities:
        story = {
            name: [code for code in getattr(done, name) if code.startswith(community)]
            for name in ("created", "changed", "retired")
        }
        outline = community in done.communities.touched
        if any(story.values()) or outline or community in done.communities.placed:
            record(
                session,
                "community.redrawn",
                f"community:{community}",
                actor=actor,
                community=community,
                at=redraw.at.isoformat(),
                outline=outline,
                **story,
            )


def _cut_buildings(session: Session, grids: Sequence[str]) -> list[str]:
    """Name the buildings of which a grid has a part, but neither nearly nothing nor nearly all."""
    statement = text(
        "select distinct b.code from grid_version v join building b on st_intersects(v.geometry, b.geometry)"
        " where v.grid = any(:grids) and upper_inf(v.valid) and not st_covers(v.geometry, b.geometry)"
        " and st_area(st_intersection(v.geometry, b.geometry)) / st_area(b.geometry) between 0.01 and 0.99 order by 1"
    )
    return list(session.scalars(statement, {"grids": list(grids)})) if grids else []
