"""What the drawn pages show: a database in, the frames that `cartography` draws out."""

from datetime import datetime
from zoneinfo import ZoneInfo

import geopandas as gpd
from sqlalchemy import Engine, text

from gridsvc.app.tiles.endpoints import ATTRIBUTION
from gridsvc.cartography.overview import Town

FRAMES = {
    "communities": "select community as code, name, geometry from community_version where valid @> now() order by 1",
    "grids": """
        select v.grid as code, v.name, v.kind, count.households, count.buildings,
               (select count(*) from incident i where i.grid = v.grid and i.closed_at is null) as open_incidents,
               on_post(v.grid, 'responsible', now()) ->> 'name' as responsible, v.geometry
        from grid_version v cross join lateral (
            select count(*) as buildings, coalesce(sum(b.households), 0) as households
            from belonging p join building b on b.code = p.code
            where p.kind = 'building' and p.grid = v.grid and p.since <= now() and p.until > now()) count
        where v.valid @> now() order by 1""",
    "buildings": "select code, name, number, households, geometry from building order by 1",
    "streets": "select name, kind, geometry from street order by code",
    "routes": "select id, name, grid, geometry from route order by 1",
    "incidents": """
        select i.number, c.name as class_name, i.status,
               to_char(i.reported_at at time zone :zone, 'YYYY-MM-DD HH24:MI') as reported_at, i.geometry
        from incident i join catalogue_class c on c.version = i.catalogue and c.class = i.class
        where i.closed_at is null order by i.number""",
}
"""The statement for each layer; ended incidents are history, not a place to go to, and are left out."""


def read_town(engine: Engine, title: str, zone: str) -> Town:
    """Read everything the overview shows, as of one moment; times are told in the zone `zone`."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        frames = {
            name: gpd.read_postgis(text(sql), connection, geom_col="geometry", crs=4326, params={"zone": zone})
            for name, sql in FRAMES.items()
        }
    return Town(**frames, made_at=datetime.now(ZoneInfo(zone)), attribution=ATTRIBUTION, title=title)
