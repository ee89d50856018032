"""The layers of the ground as a table: for each, its SQL source, fields, filters and place."""

from gridsvc.core.browse import Layer

HELD = "v.valid @> %(at)s"

DIVISIONS = Layer(
    name="divisions",
    one="division",
    source="division d",
    key="d.code",
    fields={"code": "d.code", "name": "d.name", "level": "d.level", "parent": "d.parent"},
    filters={"q": "(d.name ilike %(q)s or d.code like %(q)s)", "kind": "d.level = %(kind)s"},
    geometry="d.geometry",
)

COMMUNITIES = Layer(
    name="communities",
    one="community",
    source="community_version v join community c on c.code = v.community",
    key="v.community",
    fields={
        "code": "v.community",
        "name": "v.name",
        "street": "c.street",
        "version": "v.version",
        "area_m2": "round(v.area_m2::numeric, 1)::float8",
        "households": "(select coalesce(sum(b.households), 0) from grid g join building b on b.grid = g.code"
        " where g.community = v.community)",
        "valid_from": "lower(v.valid)",
        "valid_to": "upper(v.valid)",
    },
    filters={"q": "(v.name ilike %(q)s or v.community like %(q)s)", "street": "c.street = %(street)s"},
    geometry="v.geometry",
    dated=HELD,
)

GRIDS = Layer(
    name="grids",
    one="grid",
    # The counts are today's: a building has no past yet, only the border around it has.
    source="""grid_version v join grid g on g.code = v.grid cross join lateral (
        select count(*) as buildings, coalesce(sum(b.households), 0) as households
        from building b where b.grid = v.grid) count""",
    key="v.grid",
    fields={
        "code": "v.grid",
        "name": "v.name",
        "kind": "v.kind",
        "community": "g.community",
        "version": "v.version",
        "area_m2": "round(v.area_m2::numeric, 1)::float8",
        "households": "count.households",
        "buildings": "count.buildings",
        "valid_from": "lower(v.valid)",
        "valid_to": "upper(v.valid)",
    },
    filters={
        "community": "g.community = %(community)s",
        "kind": "v.kind = %(kind)s",
        "q": "(v.name ilike %(q)s or v.grid like %(q)s)",
    },
    geometry="v.geometry",
    dated=HELD,
)

HISTORY = Layer(
    name="history",
    one="grid",
    source="grid_version v",
    key="v.version",
    fields={
        "version": "v.version",
        "name": "v.name",
        "kind": "v.kind",
        "area_m2": "round(v.area_m2::numeric, 1)::float8",
        "valid_from": "lower(v.valid)",
        "valid_to": "upper(v.valid)",
    },
    filters={"grid": "v.grid = %(grid)s"},
    geometry="v.geometry",
    newest_first=True,
)

LINEAGE = Layer(
    name="lineage",
    one="grid",
    source="lineage l",
    key="l.id",
    fields={
        "at": "l.at",
        "kind": "l.kind",
        "from": "l.from_grid",
        "from_version": "l.from_version",
        "to": "l.to_grid",
        "to_version": "l.to_version",
        "area_share": "l.area_share",
        "building_share": "l.building_share",
        "household_share": "l.household_share",
    },
    filters={"grid": "(l.from_grid = %(grid)s or l.to_grid = %(grid)s)"},
    newest_first=True,
)

IN_COMMUNITY = "{0}.grid between %(community)s || '000' and %(community)s || '999'"
"""A grid's code begins with its community's, so the index on `grid` serves the community too."""

BUILDINGS = Layer(
    name="buildings",
    one="building",
    source="building b",
    key="b.code",
    fields={
        "code": "b.code",
        "name": "b.name",
        "number": "b.number",
        "address": "b.address",
        "use": "b.use",
        "levels": "b.levels",
        "households": "b.households",
        "households_source": "b.households_source",
        "inhabitants": "b.inhabitants",
        "grid": "b.grid",
        "community": "left(b.grid, 12)",
    },
    filters={
        "grid": "b.grid = %(grid)s",
        "community": IN_COMMUNITY.format("b"),
        "kind": "b.use = %(kind)s",
        "q": "(b.name ilike %(q)s or b.address ilike %(q)s or b.number ilike %(q)s or b.code ilike %(q)s)",
    },
    geometry="b.geometry",
)

STREETS = Layer(
    name="streets",
    one="street",
    source="street s",
    key="s.code",
    fields={
        "code": "s.code",
        "name": "s.name",
        "name_en": "s.name_en",
        "kind": "s.kind",
        "bridge": "s.bridge",
        "tunnel": "s.tunnel",
        "layer": "s.layer",
        "oneway": "s.oneway",
        "foot": "s.foot",
        "length_m": "round(s.length_m::numeric, 1)::float8",
    },
    filters={
        "kind": "s.kind = %(kind)s",
        "q": "(s.name ilike %(q)s or s.name_en ilike %(q)s or s.code ilike %(q)s)",
        "grid": "exists (select from grid_version v where v.grid = %(grid)s and v.valid @> now()"
        " and st_intersects(v.geometry, s.geometry))",
        "community": "exists (select from community_version v where v.community = %(community)s and v.valid @> now()"
        " and st_intersects(v.geometry, s.geometry))",
    },
    geometry="s.geometry",
)

ASSETS = Layer(
    name="assets",
    one="asset",
    source="asset a",
    key="a.code",
    fields={
        "code": "a.code",
        "class": "a.class",
        "name": "a.name",
        "state": "a.state",
        "grid": "a.grid",
        "community": "left(a.grid, 12)",
    },
    filters={
        "grid": "a.grid = %(grid)s",
        "community": IN_COMMUNITY.format("a"),
        "kind": "a.class = %(kind)s",
        "q": "(a.name ilike %(q)s or a.code ilike %(q)s)",
    },
    geometry="a.geometry",
)
