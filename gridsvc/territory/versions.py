"""The versions of communities and grids in the database: those that hold out, and the next ones in; no decisions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.geo import SRID
from gridsvc.territory.lineage import Plot


@dataclass(frozen=True)
class Outline:
    """A community as it shall be: geometry a MultiPolygon on the 1e-7 degree grid; without a street it keeps its own."""

    code: str
    name: str
    geometry: BaseGeometry
    street: str | None = None


@dataclass(frozen=True)
class HeldGrid:
    """The last version of a grid that is not closed, and when it began or will begin."""

    plot: Plot
    version: int
    begins: datetime


@dataclass(frozen=True)
class HeldOutline:
    """The last version of a community that is not closed, and when it began or will begin."""

    outline: Outline
    begins: datetime


@dataclass(frozen=True)
class HeldStreet:
    """A street whose outline is known, with the communities in it by code."""

    code: str
    outline: BaseGeometry
    communities: Mapping[str, BaseGeometry]


def held_grids(session: Session, communities: Collection[str]) -> dict[str, HeldGrid]:
    """Fetch the grids of communities that are not closed, by code."""
    rows = session.execute(
        text(
            "select v.grid, v.name, v.kind, st_asbinary(v.geometry), v.version, lower(v.valid)"
            " from grid g join grid_version v on v.grid = g.code"
            " where g.community = any(:communities) and upper_inf(v.valid) order by v.grid"
        ),
        {"communities": list(communities)},
    )
    return {
        code: HeldGrid(Plot(code, name, kind, shapely.from_wkb(bytes(shape))), version, begins)
        for code, name, kind, shape, version, begins in rows
    }


def held_outlines(session: Session, communities: Collection[str]) -> dict[str, HeldOutline]:
    """Fetch the communities that are not closed, by code."""
    rows = session.execute(
        text(
            "select v.community, v.name, st_asbinary(v.geometry), c.street, lower(v.valid)"
            " from community c join community_version v on v.community = c.code"
            " where c.code = any(:communities) and upper_inf(v.valid)"
        ),
        {"communities": list(communities)},
    )
    return {
        code: HeldOutline(Outline(code, name, shapely.from_wkb(bytes(shape)), street), begins)
        for code, name, shape, street, begins in rows
    }


def outlines_near(session: Session, box: BaseGeometry) -> dict[str, BaseGeometry]:
    """Fetch the outlines of the communities around a box (EPSG:4326) that are not closed, by code."""
    rows = session.execute(
        text(
            "select community, st_asbinary(geometry) from community_version"
            " where geometry && st_geomfromwkb(:box, :srid) and upper_inf(valid) order by 1"
        ),
        {"box": shapely.to_wkb(box), "srid": SRID},
    )
    return {code: shapely.from_wkb(bytes(shape)) for code, shape in rows}


def communities_of(session: Session, streets: Collection[str]) -> set[str]:
    """Fetch the codes of the communities of streets that are not closed."""
    statement = text(
        "select c.code from community c join community_version v on v.community = c.code and upper_inf(v.valid)"
        " where c.street = any(:streets)"
    )
    return set(session.scalars(statement, {"streets": list(streets)}))


def announce_communities(session: Session, codes: Collection[str]) -> None:
    """Let communities exist whose outlines are going to be published in the same transaction, so that grids can name them."""
    session.execute(
        text("insert into community (code) select unnest(cast(:codes as text[])) on conflict do nothing"),
        {"codes": list(codes)},
    )


def held_streets(session: Session, streets: Collection[str]) -> list[HeldStreet]:
    """Fetch the streets among these whose outline is known, each with its communities."""
    rows = session.execute(
        text(
            "select d.code, st_asbinary(d.geometry), v.community, st_asbinary(v.geometry)"
            " from division d"
            " left join (community c join community_version v on v.community = c.code and upper_inf(v.valid))"
            "   on c.street = d.code"
            " where d.code = any(:streets) and d.geometry is not null order by 1, 3"
        ),
        {"streets": list(streets)},
    ).all()
    outlines = {street: shapely.from_wkb(bytes(shape)) for street, shape, _, _ in rows}
    return [
        HeldStreet(
            code,
            outline,
            {
                community: shapely.from_wkb(bytes(shape))
                for street, _, community, shape in rows
                if street == code and community
            },
        )
        for code, outline in outlines.items()
    ]


def codes_ever_given(session: Session, communities: Collection[str]) -> set[str]:
    """Fetch every grid code of communities that was ever given, retired ones included."""
    statement = text("select code from grid where community = any(:communities)")
    return set(session.scalars(statement, {"communities": list(communities)}))


def close_grids(session: Session, codes: Collection[str], at: datetime) -> None:
    """End the open version of grids at a moment."""
    session.execute(
        text(
            "update grid_version set valid = tstzrange(lower(valid), :at) where grid = any(:codes) and upper_inf(valid)"
        ),
        {"at": at, "codes": sorted(codes)},
    )


def open_grids(session: Session, plots: Sequence[Plot], at: datetime) -> dict[str, int]:
    """Begin the next version of grids at a moment; answer the number of each."""
    session.execute(
        text("insert into grid (code) select unnest(cast(:codes as text[])) on conflict do nothing"),
        {"codes": [plot.code for plot in plots]},
    )
    rows = session.execute(
        text(
            "insert into grid_version (grid, version, name, kind, valid, area_m2, geometry)"
            " select n.grid, coalesce((select max(v.version) from grid_version v where v.grid = n.grid), 0) + 1,"
            "   n.name, n.kind, tstzrange(:at, null), st_area(metric(shape)), shape"
            " from unnest(cast(:codes as text[]), cast(:names as text[]), cast(:kinds as text[]),"
            "   cast(:shapes as bytea[])) as n (grid, name, kind, wkb)"
            " cross join lateral st_geomfromwkb(n.wkb, :srid) shape"
            " returning grid, version"
        ),
        {
            "codes": [plot.code for plot in plots],
            "names": [plot.name for plot in plots],
            "kinds": [plot.kind for plot in plots],
            "shapes": [shapely.to_wkb(plot.geometry) for plot in plots],
            "at": at,
            "srid": SRID,
        },
    )
    return {row.grid: row.version for row in rows}


def replace_outlines(session: Session, outlines: Sequence[Outline], at: datetime) -> None:
    """End the open version of communities at a moment and begin the next; a new community begins with its first."""
    codes = [outline.code for outline in outlines]
    place_in_streets(session, outlines)
    session.execute(
        text(
            "update community_version set valid = tstzrange(lower(valid), :at)"
            " where community = any(:codes) and upper_inf(valid)"
        ),
        {"at": at, "codes": codes},
    )
    session.execute(
        text(
            "insert into community_version (community, version, name, valid, area_m2, geometry)"
            " select n.code, coalesce((select max(v.version) from community_version v where v.community = n.code), 0) + 1,"
            "   n.name, tstzrange(:at, null), st_area(metric(shape)), shape"
            " from unnest(cast(:codes as text[]), cast(:names as text[]), cast(:shapes as bytea[])) as n (code, name, wkb)"
            " cross join lateral st_multi(st_geomfromwkb(n.wkb, :srid)) shape"
        ),
        {
            "codes": codes,
            "names": [outline.name for outline in outlines],
            "shapes": [shapely.to_wkb(outline.geometry) for outline in outlines],
            "at": at,
            "srid": SRID,
        },
    )


def place_in_streets(session: Session, outlines: Sequence[Outline]) -> None:
    """Write which street each community belongs to, where that is told; a new community gets its identity."""
    session.execute(
        text(
            "insert into community as c (code, street)"
            " select * from unnest(cast(:codes as text[]), cast(:streets as text[]))"
            " on conflict (code) do update set street = excluded.street"
            " where excluded.street is not null and c.street is distinct from excluded.street"
        ),
        {"codes": [one.code for one in outlines], "streets": [one.street for one in outlines]},
    )
