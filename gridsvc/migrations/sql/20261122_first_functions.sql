-- Spatial truth that several callers share: the measuring zone, who owns a point, and who is on duty there.

-- The EPSG code of the projection a place is measured in, by its longitude and latitude in degrees: the CGCS2000
-- 3-degree Gauss-Krueger zone (EPSG:4534 at 75 E … 4554 at 135 E) in China, else the WGS-84 UTM zone.
create function metric_srid(lon double precision, lat double precision) returns integer
language sql immutable strict parallel safe
return case
    when lon >= 73.5 and lon < 136.5 and lat between 3 and 54 then 4534 + floor((lon + 1.5) / 3)::integer - 25
    else case when lat >= 0 then 32600 else 32700 end + least(floor((lon + 180) / 6)::integer + 1, 60)
end;

create function metric(shape geometry) returns geometry
language sql immutable strict parallel safe
return st_transform(shape, metric_srid(st_x(st_centroid(st_envelope(shape))), st_y(st_centroid(st_envelope(shape)))));

-- Which community and which grid own a point at a moment, and how sure that is.
-- The point must already be on the 1e-7 degree grid. One tie rule: on a border the lowest code owns.
-- rule: inside | border | community (no grid there) | fallback (outside every community).
-- candidates: every grid that the accuracy reaches, nearest first; the owner is among them at 0 m.
create function locate_point(
    place geometry, moment timestamptz, accuracy_m double precision,
    out community text, out community_name text, out grid text, out grid_name text, out grid_version integer,
    out rule text, out border_distance_m double precision, out on_border boolean, out ambiguous boolean,
    out candidates jsonb
)
language plpgsql stable parallel safe as $$
declare
    cell geometry;
    touching integer;
    reach double precision := least(greatest(coalesce(accuracy_m, 0), 0), 1000);
    -- A box that surely holds the reach: a degree of latitude is at least 110 km, of longitude that times cos(lat).
    box geometry := st_expand(place, reach / 110000 / greatest(cos(radians(st_y(place))), 0.01), reach / 110000);
begin
    -- Candidates are counted by cells touched, so that a corner of three is seen as one.
    select v.grid, v.name, v.version, v.geometry, count(*) over ()
    into grid, grid_name, grid_version, cell, touching
    from grid_version v
    where st_intersects(v.geometry, place) and v.valid @> moment
    order by v.grid
    limit 1;

    if grid is not null then
        community := left(grid, 12);
        border_distance_m := st_distance(st_boundary(cell)::geography, place::geography);
        on_border := touching > 1 or st_intersects(st_boundary(cell), place);
        rule := case when on_border then 'border' else 'inside' end;
    else
        select v.community into community
        from community_version v
        where st_intersects(v.geometry, place) and v.valid @> moment
        order by v.community
        limit 1;
        on_border := false;
        rule := case when community is null then 'fallback' else 'community' end;
    end if;

    select v.name into community_name
    from community_version v
    where v.community = locate_point.community and v.valid @> moment;

    -- Nothing else can be reached from well inside a cell, so the neighbours are not even looked for.
    if grid is not null and not on_border and border_distance_m > reach then
        candidates := jsonb_build_array(jsonb_build_object('code', grid, 'name', grid_name, 'distance_m', 0));
    else
        select coalesce(jsonb_agg(jsonb_build_object('code', near.grid, 'name', near.name, 'distance_m', near.metres)
                                  order by near.metres, near.grid), '[]')
        into candidates
        from (
            select v.grid, v.name, round(st_distance(v.geometry::geography, place::geography)::numeric, 3) as metres
            from grid_version v
            where v.geometry && box and v.valid @> moment
        ) near
        where near.metres <= reach;
    end if;
    border_distance_m := round(border_distance_m::numeric, 3);
    ambiguous := accuracy_m is not null and jsonb_array_length(candidates) > case when grid is null then 0 else 1 end;
end
$$;

-- 13800001234 -> 138****1234; anything too short to keep seven digits is hidden whole.
create function mask_phone(phone text) returns text
language sql immutable strict parallel safe
return case when length(phone) >= 9 then left(phone, 3) || '****' || right(phone, 4) else '****' end;

-- Who holds a role on a grid at a moment, as the JSON that answers show; the phone is masked here, once for all.
create function on_post(of_grid text, of_role text, moment timestamptz) returns jsonb
language sql stable parallel safe
begin atomic
    select jsonb_build_object(
        'id', w.code, 'name', w.name, 'phone_masked', mask_phone(w.phone))
    from post p join worker w on w.code = p.worker
    where p.grid = of_grid and p.role = of_role and p.valid @> moment
    order by p.worker
    limit 1;
end;
