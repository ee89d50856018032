"""A redraw in, published grids out: old versions closed and new ones opened at one instant, with lineage; or nothing.

The database proves the partition again at commit (migrations/sql/20261123_partition.sql); here a refusal is found
before anything is written, and told in a sentence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import shapely
from geoalchemy2.shape import from_shape, to_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.events import record
from gridsvc.core.geo import SRID
from gridsvc.territory.codes import next_code, number_cells
from gridsvc.territory.faults import Boundaries, NoPartition, find_faults
from gridsvc.territory.lineage import Descent, Plot, Stock, trace
from gridsvc.territory.placing import place_assets, place_buildings
from gridsvc.territory.tables import Building, CommunityVersion, Grid, GridVersion, Lineage


@dataclass(frozen=True)
class Cell:
    """A grid as it shall be: without a code it is new and gets one; geometry a Polygon on the 1e-7 degree grid."""

    code: str | None
    name: str
    kind: str
    geometry: BaseGeometry


@dataclass(frozen=True)
class Redraw:
    """The whole set of grids that communities shall have from `at` on (communities that are not named stay).

    `drawn_on` names the versions the redraw was drawn on, grid by grid; when one of them is no longer the newest,
    somebody else has published in between.
    """

    cells: Mapping[str, Sequence[Cell]]
    at: datetime
    drawn_on: Mapping[str, int] | None = None


@dataclass
class Published:
    """What a redraw did, by grid code."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    descents: list[Descent] = field(default_factory=list)


def publish(session: Session, redraw: Redraw, *, actor: str) -> Published:
    """Publish a redraw in the caller's transaction.

    Raises Conflict when somebody else is publishing the same community, has published since the redraw was drawn, or
    has already published for a later moment; Invalid when the cells are no partition of their community.
    """
    if redraw.at > datetime.now(UTC):
        raise Invalid("A redraw for a future moment cannot be published yet.")
    done = Published()
    for community in sorted(redraw.cells):
        _publish_one(session, community, redraw, done, actor)
    # The deferred proof is asked for now, so that its refusal comes before the answer and names this redraw.
    session.flush()
    session.execute(text("set constraints partition_is_proved immediate"))
    session.execute(text("set constraints partition_is_proved deferred"))
    place_buildings(session)
    place_assets(session)
    return done


def _publish_one(session: Session, community: str, redraw: Redraw, done: Published, actor: str) -> None:
    _claim(session, community)
    held = _held(session, community, redraw)
    outline = _outline(session, community, redraw.at)
    plots = _numbered(session, community, redraw.cells[community])
    refuse_no_partition(community, plots, outline)
    before = [Plot(one.grid, one.name, one.kind, to_shape(one.geometry)) for one in held]
    descents = trace(before, plots, _stock(session, outline))
    changes = _changes(before, plots)
    versions = _write(session, held, plots, changes, redraw.at)
    for descent in descents:
        session.add(_lineage_row(descent, versions, redraw.at))
    record(
        session,
        "community.redrawn",
        f"community:{community}",
        actor=actor,
        community=community,
        at=redraw.at.isoformat(),
        created=changes.created,
        changed=changes.changed,
        retired=changes.retired,
    )
    for name in ("created", "changed", "retired", "unchanged"):
        getattr(done, name).extend(getattr(changes, name))
    done.descents.extend(descents)


def held_cells(session: Session, community: str) -> list[Cell]:
    """Give the cells a community has now, by code, as the start of a redraw."""
    return [Cell(one.grid, one.name, one.kind, to_shape(one.geometry)) for one in _newest(session, community)]


def refuse_no_partition(community: str, plots: Sequence[Plot], outline: BaseGeometry) -> None:
    """Raise NoPartition, with every fault, when plots are not a partition of the community's outline."""
    if not plots:
        raise Invalid(f"Community {community} would be left without a grid.")
    cells = Boundaries([plot.code for plot in plots], [plot.geometry for plot in plots], {community: outline})
    if faults := find_faults(cells):
        raise NoPartition(f"community {community}", faults)


def _claim(session: Session, community: str) -> None:
    """Be the only publisher of a community until the transaction ends."""
    key = func.hashtextextended(f"publish {community}", 0)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(key))):
        raise Conflict(f"Somebody else is publishing community {community} right now; look at theirs first.")


def _held(session: Session, community: str, redraw: Redraw) -> list[GridVersion]:
    """Fetch the versions that hold, and refuse a redraw that was drawn on others."""
    held = _newest(session, community)
    later = [one.grid for one in held if one.valid.lower and one.valid.lower >= redraw.at]
    if later:
        raise Conflict(f"Grids {', '.join(later[:5])} have a version that begins at or after {redraw.at.isoformat()}.")
    if redraw.drawn_on is not None:
        now = {one.grid: one.version for one in held}
        stale = sorted(
            code for code in now.keys() | redraw.drawn_on.keys() if now.get(code) != redraw.drawn_on.get(code)
        )
        if stale:
            raise Conflict(f"Grids {', '.join(stale[:5])} were published anew since this was drawn.", grids=stale)
    return held


def _newest(session: Session, community: str) -> list[GridVersion]:
    return list(
        session.scalars(
            select(GridVersion)
            .join(Grid, Grid.code == GridVersion.grid)
            .where(Grid.community == community, func.upper_inf(GridVersion.valid))
            .order_by(GridVersion.grid)
            .execution_options(populate_existing=True)
        )
    )


def _outline(session: Session, community: str, at: datetime) -> BaseGeometry:
    found = session.scalar(
        select(CommunityVersion.geometry).where(
            CommunityVersion.community == community, CommunityVersion.valid.op("@>")(func.timestamptz(at))
        )
    )
    if found is None:
        raise Invalid(f"Community {community} has no boundary at {at.isoformat()}.")
    return to_shape(found)


def _numbered(session: Session, community: str, cells: Sequence[Cell]) -> list[Plot]:
    """Give every new cell the next code, in reading order; no code ever given comes back."""
    used = set(session.scalars(select(Grid.code).where(Grid.community == community)))
    foreign = [cell.code for cell in cells if cell.code and not cell.code.startswith(community)]
    if foreign:
        raise Invalid(f"Grids {', '.join(foreign[:5])} do not belong to community {community} by their codes.")
    new = [cell for cell in cells if cell.code is None]
    codes: dict[int, str] = {}
    if new:
        centres = shapely.get_coordinates(shapely.centroid(np.array([cell.geometry for cell in new], dtype=object)))
        used |= {cell.code for cell in cells if cell.code}
        for place in number_cells(centres):
            codes[id(new[place])] = code = next_code(community, used)
            used.add(code)
    return [Plot(cell.code or codes[id(cell)], cell.name, cell.kind, cell.geometry) for cell in cells]


def _stock(session: Session, outline: BaseGeometry) -> Stock:
    rows = session.execute(
        select(func.st_x(Building.point), func.st_y(Building.point), func.coalesce(Building.households, 0)).where(
            Building.point.op("&&")(from_shape(outline, srid=SRID))
        )
    ).all()
    numbers = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Stock(numbers[:, :2], numbers[:, 2])


def _changes(before: Sequence[Plot], after: Sequence[Plot]) -> Published:
    old = {plot.code: plot for plot in before}
    changes = Published(retired=sorted(old.keys() - {plot.code for plot in after}))
    for plot in after:
        if plot.code not in old:
            changes.created.append(plot.code)
        elif _same(old[plot.code], plot):
            changes.unchanged.append(plot.code)
        else:
            changes.changed.append(plot.code)
    return changes


def _same(one: Plot, other: Plot) -> bool:
    named = (one.name, one.kind) == (other.name, other.kind)
    return named and bool(shapely.equals_exact(one.geometry, other.geometry, tolerance=0, normalize=True))


def _write(
    session: Session, held: Iterable[GridVersion], plots: Iterable[Plot], changes: Published, at: datetime
) -> dict[tuple[str, bool], int]:
    """Close and open versions; answer the version of each grid before (False) and after (True)."""
    versions: dict[tuple[str, bool], int] = {}
    newest = {one.grid: one.version for one in held}
    for grid, version in newest.items():
        versions[grid, False] = versions[grid, True] = version
    touched = [*changes.changed, *changes.retired]
    session.execute(
        text(
            "update grid_version set valid = tstzrange(lower(valid), :at) where grid = any(:grids) and upper_inf(valid)"
        ),
        {"at": at, "grids": touched},
    )
    opened = {*changes.created, *changes.changed}
    session.execute(
        text("insert into grid (code) select unnest(cast(:codes as text[])) on conflict do nothing"),
        {"codes": sorted(changes.created)},
    )
    for plot in plots:
        if plot.code in opened:
            versions[plot.code, True] = version = _next_version(session, plot.code)
            session.execute(
                text(
                    "insert into grid_version (grid, version, name, kind, valid, area_m2, geometry)"
                    " values (:grid, :version, :name, :kind, tstzrange(:at, null),"
                    " st_area(metric(st_geomfromewkb(:shape))), st_geomfromewkb(:shape))"
                ),
                {
                    "grid": plot.code,
                    "version": version,
                    "name": plot.name,
                    "kind": plot.kind,
                    "at": at,
                    "shape": shapely.to_wkb(shapely.set_srid(plot.geometry, SRID), include_srid=True),
                },
            )
    return versions


def _next_version(session: Session, grid: str) -> int:
    newest = session.scalar(select(func.max(GridVersion.version)).where(GridVersion.grid == grid))
    return (newest or 0) + 1


def _lineage_row(descent: Descent, versions: Mapping[tuple[str, bool], int], at: datetime) -> Lineage:
    return Lineage(
        at=at,
        kind=descent.kind,
        from_grid=descent.origin,
        from_version=versions[descent.origin, False] if descent.origin else None,
        to_grid=descent.heir,
        to_version=versions[descent.heir, True] if descent.heir else None,
        area_share=descent.area_share,
        building_share=descent.building_share,
        household_share=descent.household_share,
    )
