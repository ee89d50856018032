"""The layers of the ground as a table: for each, its SQL source, fields, filters and place."""

from gridsvc.core.browse import Layer, kinds

EVERYBODYS = frozenset({"divisions", "streets"})
"""Layers of which everybody sees everything: the names of the land and its roads are on every map."""

GROUND_BOX = """
    select st_xmin(e), st_ymin(e), st_xmax(e), st_ymax(e)
    from (select coalesce((select st_extent(geometry) from grid_version),
                          (select st_extent(geometry) from community_version)) as e) extent"""
"""The box of all the ground that is seen: west, south, east, north, or nulls."""

HELD = "v.valid @> %(at)s"

PLACED = "belonging p on p.kind = '{0}' and p.code = {1}.code and p.since <= %(at)s and p.until > %(at)s"
"""To join what a thing belongs to at a moment; the range is two columns, which a B-tree serves."""

DUE = "exists (select from derive_due where derived = 'written')"

COUNT = """(select coalesce(sum(held.households), 0)::bigint as households,
        coalesce(sum(held.buildings), 0)::bigint as buildings
    from (
        select t.households, t.buildings from grid_tally t where t.grid {0} and t.at <= %(at)s and not {1}
        union all
        select b.households, 1 from belonging p join building_ever b on b.code = p.code and b.valid @> %(at)s
        where p.kind = 'building' and p.grid {0} and p.since <= %(at)s and p.until > %(at)s and {1}
    ) held)"""
"""The buildings of some grids and their households, as of a moment: as they are tallied, or one by one while that is due."""

OF_COMMUNITY = "between {0} || '000' and {0} || '999'"
"""A grid's code begins with its community's, so an index on grids serves communities too."""

DIVISIONS = Layer(
    name="divisions",
    one="division",
    source="division_ever d",
    key="d.code",
    fields={"code": "d.code", "name": "d.name", "level": "d.level", "parent": "d.parent"},
    filters={"q": "(d.name ilike %(q)s or d.code like %(q)s)", "kind": "d.level = %(kind)s"},
    geometry="d.geometry",
    dated="d.valid @> %(at)s",
    kinds=kinds(text="code name level parent"),
    valid="d.valid",
    shape="MultiPolygon",
)

COMMUNITIES = Layer(
    name="communities",
    one="community",
    source="community_version v join community c on c.code = v.community cross join lateral "
    + COUNT.format(OF_COMMUNITY.format("v.community"), DUE)
    + " count",
    key="v.community",
    fields={
        "code": "v.community",
        "name": "v.name",
        "street": "c.street",
        "version": "v.version",
        "area_m2": "round(v.area_m2::numeric, 1)::float8",
        "households": "count.households",
        "valid_from": "lower(v.valid)",
        "valid_to": "upper(v.valid)",
    },
    filters={"q": "(v.name ilike %(q)s or v.community like %(q)s)", "street": "c.street = %(street)s"},
    geometry="v.geometry",
    dated=HELD,
    kinds=kinds(text="code name street", integer="version households", number="area_m2", moment="valid_from valid_to"),
    valid="v.valid",
    shape="MultiPolygon",
)

GRIDS = Layer(
    name="grids",
    one="grid",
    source="grid_version v join grid g on g.code = v.grid cross join lateral "
    + COUNT.format("= v.grid", DUE)
    + " count",
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
    kinds=kinds(
        text="code name kind community",
        integer="version households buildings",
        number="area_m2",
        moment="valid_from valid_to",
    ),
    valid="v.valid",
    shape="Polygon",
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

OWN = """{1}.code = any (array(
    select o.code
    from (select rpad(one, 15, '0') as low, rpad(one, 15, '9') as high
          from unnest((select scope_prefixes())::text[]) one offset 0) s
    join belonging o on o.grid between s.low and s.high and o.kind = '{0}'))"""
"""To begin with what belongs to the territory, where that is little: else a list would be read until a page is full."""

IN_COMMUNITY = "p.grid " + OF_COMMUNITY.format("%(community)s")

BUILDINGS = Layer(
    name="buildings",
    one="building",
    source="building_ever b left join " + PLACED.format("building", "b"),
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
        "grid": "p.grid",
        "community": "left(p.grid, 12)",
    },
    filters={
        "grid": "p.grid = %(grid)s",
        "community": IN_COMMUNITY,
        "kind": "b.use = %(kind)s",
        "q": "(b.name ilike %(q)s or b.address ilike %(q)s or b.number ilike %(q)s or b.code ilike %(q)s)",
    },
    geometry="b.geometry",
    own=OWN.format("building", "b"),
    dated="b.valid @> %(at)s",
    kinds=kinds(
        text="code name number address use households_source grid community", integer="levels households inhabitants"
    ),
    valid="b.valid",
    shape="MultiPolygon",
    written="building_written",
)

STREETS = Layer(
    name="streets",
    one="street",
    source="street_ever s",
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
        "grid": "exists (select from grid_version v where v.grid = %(grid)s and v.valid @> %(at)s"
        " and st_intersects(v.geometry, s.geometry))",
        "community": "exists (select from community_version v where v.community = %(community)s and v.valid @> %(at)s"
        " and st_intersects(v.geometry, s.geometry))",
    },
    geometry="s.geometry",
    dated="s.valid @> %(at)s",
    kinds=kinds(text="code name name_en kind foot", boolean="bridge tunnel oneway", integer="layer", number="length_m"),
    valid="s.valid",
    shape="MultiLineString",
)

ASSETS = Layer(
    name="assets",
    one="asset",
    source="asset_ever a left join " + PLACED.format("asset", "a"),
    key="a.code",
    fields={
        "code": "a.code",
        "class": "a.class",
        "name": "a.name",
        "state": "a.state",
        "grid": "p.grid",
        "community": "left(p.grid, 12)",
    },
    filters={
        "grid": "p.grid = %(grid)s",
        "community": IN_COMMUNITY,
        "kind": "a.class = %(kind)s",
        "q": "(a.name ilike %(q)s or a.code ilike %(q)s)",
    },
    geometry="a.geometry",
    own=OWN.format("asset", "a"),
    dated="a.valid @> %(at)s",
    kinds=kinds(text="code class name state grid community"),
    valid="a.valid",
    shape="Point",
)
