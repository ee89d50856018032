"""Which grid owns each building and asset: called after an import, one statement a table."""

from sqlalchemy import text
from sqlalchemy.orm import Session

# A building lies where its inner point lies, an asset where it stands; on a border the lowest code owns.
PLACE = """
    update {table} thing set grid = found.grid
    from (
        select t.code, (
            select min(v.grid) from grid_version v
            where st_intersects(v.geometry, t.{place}) and v.valid @> now()
        ) as grid
        from {table} t
    ) found
    where found.code = thing.code and thing.grid is distinct from found.grid"""


def place_buildings(session: Session) -> int:
    """Write into each building the grid that owns it now; answer how many changed."""
    return _place(session, "building", "point")


def place_assets(session: Session) -> int:
    """Write into each asset the grid that owns it now; answer how many changed."""
    return _place(session, "asset", "geometry")


def _place(session: Session, table: str, place: str) -> int:
    result = session.execute(text(PLACE.format(table=table, place=place)))
    return int(result.rowcount)  # type: ignore[attr-defined]
