-- The same answer to "whose is this place, and who is on duty there?", several times as fast: as functions that
-- PostgreSQL puts into the statement that calls them, so that a thousand points are one plan and not a thousand calls.

-- How far a place (a point) is from a shape, in metres on the ellipsoid; both in EPSG:4326. `east` and `north` tell how
-- long a degree is at the place. The nearest point is sought on the plane they span, and only that one distance is
-- measured on the ellipsoid. Between two pieces of a border that are nearly equally far the plane may take the wrong
-- one, which costs less than 1 mm at 200 m.
create function metres_between(shape geometry, place geometry, east double precision, north double precision)
returns double precision language sql immutable strict parallel safe
return st_distance(
    st_setsrid(st_scale(
        st_closestpoint(st_scale(shape, east, north), st_scale(place, east, north)), 1 / east, 1 / north
    ), 4326)::geography,
    place::geography);

drop function locate_point(geometry, timestamptz, double precision);

-- Which community and which grid own a point at a moment, and how sure that is; always one row.
-- The point must already be on the 1e-7 degree grid. One tie rule: on a border the lowest code owns.
-- rule: inside | border | community (no grid there) | fallback (outside every community).
-- candidates: every grid that the accuracy reaches (1,000 m at most), nearest first; the owner is among them at 0 m.
-- Written `(valid @> moment) is true`, so that the index of places is used and not that of times, in which nearly every
-- version holds today.
create function locate_point(place geometry, moment timestamptz, accuracy_m double precision)
returns table (
    community text, community_name text, grid text, grid_name text, grid_version integer, rule text,
    border_distance_m double precision, on_border boolean, ambiguous boolean, candidates jsonb
)
language sql stable parallel safe rows 1
begin atomic
    select
        coalesce(left(g.grid, 12), c.community), c.name, g.grid, g.name, g.version,
        case
            when g.on_border then 'border' when g.grid is not null then 'inside'
            when c.community is not null then 'community' else 'fallback'
        end,
        round(g.metres::numeric, 3)::double precision,
        coalesce(g.on_border, false),
        accuracy_m is not null and jsonb_array_length(near.candidates) > case when g.grid is null then 0 else 1 end,
        near.candidates
    from (
        -- The length of a degree by the radii of curvature of WGS 84 (Rapp, Geometric Geodesy I, 1991), over that at
        -- the equator; a little is left of it at the poles, because it is divided by.
        select greatest(cos(radians(st_y(place))), 1e-9) / sqrt(curved) as east,
            (1 - 0.00669437999014) / (curved * sqrt(curved)) as north,
            least(greatest(coalesce(accuracy_m, 0), 0), 1000) as reach_m
        from (select 1 - 0.00669437999014 * sin(radians(st_y(place))) ^ 2 as curved) ellipsoid
        offset 0
    ) s
    left join lateral (
        -- Within a hair of a border the quick predicates round; there ST_Relate, which knows on which side of a line a
        -- point lies for certain, decides. Cells touched are counted, so that a corner of three is seen as one.
        select touched.grid, touched.name, touched.version, touched.metres,
            count(*) over () > 1 or (touched.metres < 0.001 and st_relate(touched.geometry, place, '***T*****'))
                as on_border
        from (
            select v.grid, v.name, v.version, v.geometry,
                metres_between(st_boundary(v.geometry), place, s.east, s.north) as metres
            from grid_version v
            where v.geometry && st_expand(place, 1e-9) and st_distance(v.geometry, place) < 1e-9
                and (v.valid @> moment) is true
            offset 0
        ) touched
        where touched.metres >= 0.001 or not st_relate(touched.geometry, place, 'FF*FF****')
        order by touched.grid
        limit 1
    ) g on true
    left join lateral (
        -- A grid's code begins with its community's; only where there is no grid the outlines are asked.
        (
            select v.community, v.name from community_version v
            where g.grid is not null and v.community = left(g.grid, 12) and v.valid @> moment
        ) union all (
            select v.community, v.name from community_version v
            where g.grid is null and v.geometry && st_expand(place, 1e-9) and st_distance(v.geometry, place) < 1e-9
                and (v.valid @> moment) is true and not st_relate(v.geometry, place, 'FF*FF****')
            order by v.community
            limit 1
        )
    ) c on true
    cross join lateral (
        -- Nothing else can be reached from well inside a cell, so the neighbours are not even looked for.
        select case
            when not g.on_border and g.metres > s.reach_m then
                jsonb_build_array(jsonb_build_object('code', g.grid, 'name', g.name, 'distance_m', 0))
            else (
                select coalesce(jsonb_agg(
                    jsonb_build_object('code', reached.grid, 'name', reached.name, 'distance_m', reached.metres)
                    order by reached.metres, reached.grid), '[]')
                from (
                    select v.grid, v.name,
                        round(metres_between(v.geometry, place, s.east, s.north)::numeric, 3) as metres
                    from grid_version v
                    -- A box that surely holds the reach: a degree of latitude is at least 110 km long, and one of
                    -- longitude that times the cosine.
                    where (v.valid @> moment) is true and v.geometry && st_expand(place,
                        s.reach_m / 110000 / greatest(cos(radians(st_y(place))), 0.01), s.reach_m / 110000)
                    offset 0
                ) reached
                where reached.metres <= s.reach_m
            )
        end as candidates
        offset 0
    ) near;
end;

-- Who holds a role on a grid at a moment, as the JSON that answers show; at most one row.
create function posted(of_grid text, of_role text, moment timestamptz) returns table (person jsonb)
language sql stable parallel safe rows 1
begin atomic
    select jsonb_build_object('id', w.code, 'name', w.name, 'phone_masked', mask_phone(w.phone))
    from post p join worker w on w.code = p.worker
    where p.grid = of_grid and p.role = of_role and p.valid @> moment
    order by p.worker
    limit 1;
end;

-- The same as one value, null where there is nobody.
create or replace function on_post(of_grid text, of_role text, moment timestamptz) returns jsonb
language sql stable parallel safe
begin atomic
    select p.person from posted(of_grid, of_role, moment) p;
end;
