"""The two statements of search: a question's parameters in, one JSON text per place out."""

KINDS = ("division", "community", "grid", "street", "building", "asset", "incident", "corner")

MOMENT = "%(at)s::timestamptz"
HERE = "st_setsrid(st_makepoint(%(lon)s::float8, %(lat)s::float8), 4326)::geography"
"""Null without a position, and so is every distance then."""

ITEM = f"""
    json_build_object(
        'kind', f.kind, 'code', f.code, 'name', f.name, 'detail', nullif(f.detail, f.name),
        'community', f.community, 'grid', f.grid,
        'lon', round(st_x(f.place)::numeric, 7)::float8, 'lat', round(st_y(f.place)::numeric, 7)::float8,
        'distance_m', round(st_distance(f.shape::geography, {HERE})::numeric, 1)::float8, 'match', f.match
    )::text"""

# Each thing is read from its own table, where row security holds; what search keeps only says which to read.
THINGS = f"""
    select {ITEM}
    from (
        select f.rank, f.grade, f.kind, f.code, f.match, t.*, row_number() over (partition by f.kind, case f.kind when 'street' then t.name else f.code end
                                            order by f.rank) as turn
        from search_things(%(q)s::text, %(code)s::text, {HERE}, {MOMENT}, %(kinds)s::text[], %(limit)s::integer) f
        cross join lateral (
            select d.name, p.name as detail, null as community, null as grid, st_pointonsurface(d.geometry) as place,
                   d.geometry as shape
            from division_ever d left join division_ever p on p.code = d.parent and p.valid @> {MOMENT}
            where f.kind = 'division' and d.code = f.code and d.valid @> {MOMENT}
            union all
            select v.name, d.name, v.community, null, st_pointonsurface(v.geometry), v.geometry
            from community_version v join community c on c.code = v.community
            left join division_ever d on d.code = c.street and d.valid @> {MOMENT}
            where f.kind = 'community' and v.community = f.code and v.valid @> {MOMENT}
            union all
            select v.name, c.name, left(v.grid, 12), v.grid, st_pointonsurface(v.geometry), v.geometry
            from grid_version v
            left join community_version c on c.community = left(v.grid, 12) and c.valid @> {MOMENT}
            where f.kind = 'grid' and v.grid = f.code and v.valid @> {MOMENT}
            union all
            select coalesce(s.name, s.name_en, s.code), s.name_en, null, null,
                   st_closestpoint(s.geometry, coalesce({HERE}::geometry, st_centroid(s.geometry))), s.geometry
            from street_ever s
            where f.kind = 'street' and s.code = f.code and s.valid @> {MOMENT}
            union all
            select coalesce(b.name, b.address, b.number, b.code), coalesce(b.address, b.number), left(p.grid, 12), p.grid,
                   b.point, b.geometry
            from building_ever b
            left join belonging p on p.kind = 'building' and p.code = b.code and p.since <= {MOMENT} and p.until > {MOMENT}
            where f.kind = 'building' and b.code = f.code and b.valid @> {MOMENT}
            union all
            select coalesce(a.name, a.code), a.class, left(p.grid, 12), p.grid, a.geometry, a.geometry
            from asset_ever a
            left join belonging p on p.kind = 'asset' and p.code = a.code and p.since <= {MOMENT} and p.until > {MOMENT}
            where f.kind = 'asset' and a.code = f.code and a.valid @> {MOMENT}
            union all
            select i.number, c.name, i.community, i.grid, i.geometry, i.geometry
            from incident i join catalogue_class c on c.version = i.catalogue and c.class = i.class
            where f.kind = 'incident' and i.id = case f.kind when 'incident' then f.code::bigint end
        ) t
    ) f
    where f.turn = 1
    -- What search keeps is one point of each thing; here the whole shape counts, as in the distance that is told.
    order by f.grade, st_distance(f.shape::geography, {HERE}), f.rank
    limit %(limit)s"""

CORNERS = f"""
    select {ITEM}
    from (
        select 'corner' as kind, null as code, c.name, l.grid_name as detail, l.community, l.grid, c.place,
               c.place as shape, 'corner' as match
        from search_corners(%(lefts)s::text[], %(rights)s::text[], %(strictly)s, {HERE}, {MOMENT}, %(limit)s::integer) c
        cross join lateral locate_point(c.place, {MOMENT}, null) l
    ) f"""
