-- What tiles draw is kept beside the truth, in a schema of its own: Web Mercator copies, generalised forms for low zooms,
-- counts of buildings by cell, and the data version of each layer. All of it is derived by triggers, so whoever writes,
-- the map follows; nothing here is an answer to any question but "how does it look".

create schema drawn;

-- The data version of a layer ----------------------------------------------------------------------------------------

-- A transaction that changes a layer leaves one random mark here; the version of a layer is the XOR of its marks. A row
-- is only ever added, so nobody waits for anybody; it is seen exactly when the change is seen; and two different sets of
-- changes never have the same version, not even when an old backup comes back and is changed again.
create table drawn.change (
    layer text not null,
    mark bigint not null,
    constraint pk_change primary key (layer, mark)
);

create function drawn.note_change() returns trigger language plpgsql security definer set search_path = public as $$
declare
    noted text := coalesce(current_setting('gridsvc.noted', true), '');
begin
    -- Once a transaction; the setting is undone with the transaction or savepoint, as the mark is.
    if strpos(noted, ',' || tg_table_name || ',') = 0 then
        insert into drawn.change values (tg_table_name, hashtextextended(gen_random_uuid()::text, 0));
        perform set_config('gridsvc.noted', noted || ',' || tg_table_name || ',', true);
    end if;
    return null;
end
$$;

do $$
declare
    source text;
begin
    foreach source in array array['community_version', 'grid_version', 'building', 'street', 'asset', 'route', 'incident'] loop
        execute format('create trigger note_change after insert or update or delete or truncate on %I'
                       ' for each statement execute function drawn.note_change()', source);
    end loop;
end
$$;

-- Fold the marks of each layer into one; no version changes by it, and rows that somebody else folds are passed over.
create function drawn.fold_changes() returns void language sql security definer set search_path = public
begin atomic
    with chosen as (
        select layer, mark from drawn.change for update skip locked
    ), folded as (
        delete from drawn.change c using chosen o where c.layer = o.layer and c.mark = o.mark returning c.layer, c.mark
    )
    insert into drawn.change select layer, bit_xor(mark) from folded group by layer
    -- A sum that was there before as a mark would have to be one in 2^64.
    on conflict do nothing;
end;

-- Forms --------------------------------------------------------------------------------------------------------------

-- A shape of EPSG:4326 as tiles draw it: Web Mercator, and polygons with the orientation the tile format wants.
create function drawn.mercator(shape geometry) returns geometry language sql immutable strict parallel safe
return st_forcepolygoncw(st_transform(shape, 3857));

-- A Web Mercator area for tiles of a zoom and the one before it, with every vertex on a lattice of four tile units (half
-- a pixel). Where a vertex goes hangs on the vertex alone, so neighbours that share a border share it afterwards too, and
-- a redraw moves nobody else; what is smaller than the lattice vanishes (null).
create function drawn.coarse(shape geometry, zoom integer) returns geometry language sql immutable strict parallel safe
return (
    select case when not st_isempty(area) then st_forcepolygoncw(st_multi(area)) end
    from st_collectionextract(
        -- By structure: where a ring has folded over, what it went round twice stays covered, so no gap opens.
        st_makevalid(st_simplify(st_snaptogrid(shape, 40075016.68557849 / 1024 / 2 ^ zoom), 0), 'method=structure'), 3) area
);

-- Communities and grids, a row for each version ----------------------------------------------------------------------

create table drawn.community (
    code text not null,
    version integer not null,
    name text not null,
    valid tstzrange not null,
    geometry geometry(MultiPolygon, 3857) not null,
    z12 geometry(MultiPolygon, 3857),
    z10 geometry(MultiPolygon, 3857),
    z8 geometry(MultiPolygon, 3857),
    z6 geometry(MultiPolygon, 3857),
    constraint pk_drawn_community primary key (code, version)
);
create table drawn.grid (
    code text not null,
    version integer not null,
    name text not null,
    kind text not null,
    valid tstzrange not null,
    geometry geometry(MultiPolygon, 3857) not null,
    z12 geometry(MultiPolygon, 3857),
    z10 geometry(MultiPolygon, 3857),
    z8 geometry(MultiPolygon, 3857),
    constraint pk_drawn_grid primary key (code, version)
);

insert into drawn.community
select community, version, name, valid, shape,
    drawn.coarse(shape, 12), drawn.coarse(shape, 10), drawn.coarse(shape, 8), drawn.coarse(shape, 6)
from (select v.*, drawn.mercator(v.geometry) as shape from community_version v) v
order by shape;
insert into drawn.grid
select grid, version, name, kind, valid, shape,
    drawn.coarse(shape, 12), drawn.coarse(shape, 10), drawn.coarse(shape, 8)
from (select v.*, st_multi(drawn.mercator(v.geometry)) as shape from grid_version v) v
order by shape;

create index ix_drawn_community_geometry on drawn.community using gist (geometry);
create index ix_drawn_grid_geometry on drawn.grid using gist (geometry);
-- The moments at which the picture changes by itself, because a version begins or ends.
create index ix_drawn_community_begin on drawn.community (lower(valid));
create index ix_drawn_community_end on drawn.community (upper(valid));
create index ix_drawn_grid_begin on drawn.grid (lower(valid));
create index ix_drawn_grid_end on drawn.grid (upper(valid));

-- The last moment up to `moment` at which a version of a community or grid began or ended.
create function drawn.last_redraw(moment timestamptz) returns timestamptz language sql stable parallel safe
return greatest(
    (select max(lower(valid)) from drawn.community where lower(valid) <= moment),
    (select max(upper(valid)) from drawn.community where upper(valid) <= moment),
    (select max(lower(valid)) from drawn.grid where lower(valid) <= moment),
    (select max(upper(valid)) from drawn.grid where upper(valid) <= moment)
);

create function drawn.keep_communities() returns trigger language plpgsql security definer set search_path = public as $$
begin
    if tg_op = 'TRUNCATE' then
        truncate drawn.community;
    elsif tg_op = 'DELETE' then
        delete from drawn.community d using was w where d.code = w.community and d.version = w.version;
    elsif tg_op = 'UPDATE' then
        -- All but the range is immutable (keep_versions).
        update drawn.community d set valid = c.valid from changed c where d.code = c.community and d.version = c.version;
    else
        insert into drawn.community
        select community, version, name, valid, shape,
            drawn.coarse(shape, 12), drawn.coarse(shape, 10), drawn.coarse(shape, 8), drawn.coarse(shape, 6)
        from (select c.*, drawn.mercator(c.geometry) as shape from changed c) c
        order by shape;
    end if;
    return null;
end
$$;

create function drawn.keep_grids() returns trigger language plpgsql security definer set search_path = public as $$
begin
    if tg_op = 'TRUNCATE' then
        truncate drawn.grid;
    elsif tg_op = 'DELETE' then
        delete from drawn.grid d using was w where d.code = w.grid and d.version = w.version;
    elsif tg_op = 'UPDATE' then
        update drawn.grid d set valid = c.valid from changed c where d.code = c.grid and d.version = c.version;
    else
        insert into drawn.grid
        select grid, version, name, kind, valid, shape,
            drawn.coarse(shape, 12), drawn.coarse(shape, 10), drawn.coarse(shape, 8)
        from (select c.*, st_multi(drawn.mercator(c.geometry)) as shape from changed c) c
        order by shape;
    end if;
    return null;
end
$$;

-- Buildings and streets ----------------------------------------------------------------------------------------------

create table drawn.building (
    code text constraint pk_drawn_building primary key,
    name text,
    number text,
    geometry geometry(MultiPolygon, 3857) not null
);
insert into drawn.building
select code, name, number, drawn.mercator(geometry) from building order by geometry;
create index ix_drawn_building_geometry on drawn.building using gist (geometry);

-- How many buildings have their inner point in a cell; cells are the tiles of zoom `level`, drawn at six zooms less.
create table drawn.building_count (
    level integer not null,
    x integer not null,
    y integer not null,
    buildings integer not null,
    constraint pk_building_count primary key (level, x, y)
);

create function drawn.column_of(lon double precision, level integer) returns integer language sql immutable strict parallel safe
return greatest(0, least(2 ^ level - 1, floor((lon + 180) / 360 * 2 ^ level)))::integer;

create function drawn.row_of(lat double precision, level integer) returns integer language sql immutable strict parallel safe
return greatest(0, least(2 ^ level - 1, floor(
    (1 - asinh(tan(radians(greatest(-85.0511287, least(85.0511287, lat))))) / pi()) / 2 * 2 ^ level)))::integer;

-- The statement that adds to the counts; `scope` selects inner points (EPSG:4326) and what each adds. In the order of
-- the key, so that two writers cannot wait for each other.
create function drawn.counting_statement(scope text) returns text language sql immutable
return format($statement$
    with finest as (
        select drawn.column_of(st_x(point), 18) as x, drawn.row_of(st_y(point), 18) as y, sum(adds) as adds
        from (%s) moved group by 1, 2
    )
    insert into drawn.building_count as c
    select level, x >> (18 - level), y >> (18 - level), sum(adds)
    from finest, generate_series(14, 18) level
    group by 1, 2, 3 having sum(adds) <> 0
    order by 1, 2, 3
    on conflict (level, x, y) do update set buildings = c.buildings + excluded.buildings
$statement$, scope);

do $$
begin
    execute drawn.counting_statement('select point, 1 as adds from building');
end
$$;

create function drawn.keep_buildings() returns trigger language plpgsql security definer set search_path = public as $$
declare
    codes text[];
begin
    if tg_op = 'TRUNCATE' then
        truncate drawn.building, drawn.building_count;
        return null;
    end if;
    execute case tg_op when 'UPDATE' then 'select array(select code from changed union select code from was)'
            when 'DELETE' then 'select array(select code from was)' else 'select array(select code from changed)' end into codes;
    -- Counts change by differences, which mean nothing while others are still to be counted.
    if not derive_at_once('drawn', cardinality(codes)) or exists (select from derive_due where derived = 'drawn') then
        perform derive_later('drawn', 'building', codes);
    elsif tg_op = 'DELETE' then
        delete from drawn.building d using was w where d.code = w.code;
        execute drawn.counting_statement('select point, -1 as adds from was');
    elsif tg_op = 'UPDATE' then
        delete from drawn.building d using was w
        where d.code = w.code and not exists (
            select from changed c
            where c.code = w.code and (c.name, c.number) is not distinct from (w.name, w.number) and c.geometry = w.geometry);
        insert into drawn.building
        select code, name, number, drawn.mercator(geometry) from changed c
        where not exists (select from drawn.building d where d.code = c.code) order by geometry;
        execute drawn.counting_statement('select point, 1 as adds from changed union all select point, -1 from was');
    else
        insert into drawn.building select code, name, number, drawn.mercator(geometry) from changed order by geometry;
        execute drawn.counting_statement('select point, 1 as adds from changed');
    end if;
    return null;
end
$$;

create table drawn.street (
    code text constraint pk_drawn_street primary key,
    name text,
    kind text not null,
    from_zoom integer not null,
    geometry geometry(MultiLineString, 3857) not null
);

-- The zoom from which a street of a kind is in a tile: small ways would bury the map before.
create function drawn.street_zoom(kind text) returns integer language sql immutable strict parallel safe
return case
    when kind ~ '^(motorway|trunk|primary|secondary|tertiary)(_link)?$' then 10
    when kind in ('residential', 'unclassified', 'living_street', 'pedestrian') then 12
    else 13
end;

insert into drawn.street
select code, name, kind, drawn.street_zoom(kind), st_transform(geometry, 3857) from street order by geometry;
create index ix_drawn_street_geometry on drawn.street using gist (geometry);

create function drawn.keep_streets() returns trigger language plpgsql security definer set search_path = public as $$
declare
    codes text[];
begin
    if tg_op = 'TRUNCATE' then
        truncate drawn.street;
        return null;
    end if;
    execute case tg_op when 'UPDATE' then 'select array(select code from changed union select code from was)'
            when 'DELETE' then 'select array(select code from was)' else 'select array(select code from changed)' end into codes;
    if not derive_at_once('drawn', cardinality(codes)) then
        perform derive_later('drawn', 'street', codes);
        return null;
    end if;
    if tg_op <> 'INSERT' then
        delete from drawn.street d using was w where d.code = w.code;
    end if;
    if tg_op <> 'DELETE' then
        delete from drawn.street d using changed c where d.code = c.code;
        insert into drawn.street
        select code, name, kind, drawn.street_zoom(kind), st_transform(geometry, 3857) from changed order by geometry;
    end if;
    return null;
end
$$;

do $$
declare
    kept record;
begin
    for kept in
        select * from (values ('community_version', 'keep_communities'), ('grid_version', 'keep_grids'),
                              ('building', 'keep_buildings'), ('street', 'keep_streets')) kept (source, keeper)
    loop
        execute format('create trigger keep_drawn_insert after insert on %I referencing new table as changed'
                       ' for each statement execute function drawn.%I()', kept.source, kept.keeper);
        execute format('create trigger keep_drawn_update after update on %I referencing old table as was new table as changed'
                       ' for each statement execute function drawn.%I()', kept.source, kept.keeper);
        execute format('create trigger keep_drawn_delete after delete on %I referencing old table as was'
                       ' for each statement execute function drawn.%I()', kept.source, kept.keeper);
        execute format('create trigger keep_drawn_truncate after truncate on %I'
                       ' for each statement execute function drawn.%I()', kept.source, kept.keeper);
    end loop;
end
$$;
