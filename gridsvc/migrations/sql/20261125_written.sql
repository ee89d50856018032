-- A building as GeoJSON, written once when it or its grid changes and not at every reading: a page of a thousand is then
-- one scan of an index, without a join and without writing numbers. Derived, and written by triggers alone.

-- One row for each stretch of time in which neither the building nor the grid it belongs to changes.
create table building_written (
    code text not null,
    since timestamptz not null,
    until timestamptz not null,
    feature text not null,
    constraint pk_building_written primary key (code, since),
    constraint ck_building_written_time check (since < until)
);

-- How a building is written that belongs to a grid, or to none.
create function building_feature(b building_ever, grid text) returns text language sql stable parallel safe
return
    '{"type":"Feature","id":' || to_json(b.code::text)
    || ',"geometry":' || coalesce(st_asgeojson(b.geometry, 7, 0), 'null')
    || ',"properties":{"code":' || coalesce(to_json(b.code)::text, 'null')
    || ',"name":' || coalesce(to_json(b.name)::text, 'null')
    || ',"number":' || coalesce(to_json(b.number)::text, 'null')
    || ',"address":' || coalesce(to_json(b.address)::text, 'null')
    || ',"use":' || coalesce(to_json(b.use)::text, 'null')
    || ',"levels":' || coalesce((b.levels)::text, 'null')
    || ',"households":' || coalesce((b.households)::text, 'null')
    || ',"households_source":' || coalesce(to_json(b.households_source)::text, 'null')
    || ',"inhabitants":' || coalesce((b.inhabitants)::text, 'null')
    || ',"grid":' || coalesce(to_json(grid)::text, 'null')
    || ',"community":' || coalesce(to_json(left(grid, 12))::text, 'null') || '}}';

-- The statement that writes some buildings; `scope` selects their codes. A version is cut where its grid changes, and
-- where no grid holds it, it belongs to none.
create function writing_statement(scope text) returns text language sql immutable
return format($statement$
    with scope as materialized (select distinct code from (%s) named),
    version as materialized (
        select e as building, e.code, e.since, coalesce(upper(e.valid), 'infinity') as until
        from building_ever e join scope using (code)
    ), piece as (
        select v.code, greatest(v.since, p.since) as since, least(v.until, p.until) as until, p.grid, v.since as version
        from version v
        join belonging p on p.kind = 'building' and p.code = v.code and p.since < v.until and p.until > v.since
        union all
        select v.code, lower(gap), upper(gap), null, v.since
        from version v
        cross join lateral (
            select range_agg(tstzrange(p.since, p.until)) as held
            from belonging p where p.kind = 'building' and p.code = v.code
        ) placed
        cross join lateral unnest(
            tstzmultirange(tstzrange(v.since, v.until)) - coalesce(placed.held, '{}'::tstzmultirange)) gap
    )
    insert into building_written (code, since, until, feature)
    select p.code, p.since, p.until, building_feature(b.building, p.grid)
    from piece p join version b on b.code = p.code and b.since = p.version
$statement$, scope);

-- Write what a statement changed: `tg_argv[0]` selects the codes from its transition table. Many are written later.
create function write_buildings() returns trigger language plpgsql as $$
declare
    codes text[];
begin
    if tg_op = 'TRUNCATE' then
        perform derive_later('written', 'building', null);
        return null;
    end if;
    execute format('select array(select distinct code from (%s) named)', tg_argv[0]) into codes;
    if not derive_at_once('written', cardinality(codes)) then
        perform derive_later('written', 'building', codes);
    elsif codes <> '{}' then
        delete from building_written where code = any (codes);
        execute writing_statement(format('select unnest(%L::text[]) as code', codes));
    end if;
    return null;
end
$$;

-- After `place_new` and `place_again`, by the order of their names: what those have placed is written already.
create trigger write_new after insert on building
    referencing new table as changed for each statement execute function write_buildings(
        'select code from changed c where not exists (select from building_written w where w.code = c.code)');
create trigger write_again after update on building
    referencing new table as changed for each statement execute function write_buildings('select code from changed');
create trigger write_gone after delete on building
    referencing old table as changed for each statement execute function write_buildings('select code from changed');
create trigger write_truncated after truncate on building for each statement execute function write_buildings();
create trigger write_new after insert on belonging
    referencing new table as changed for each statement
    execute function write_buildings('select code from changed where kind = ''building''');
create trigger write_again after update on belonging
    referencing new table as changed for each statement
    execute function write_buildings('select code from changed where kind = ''building''');
create trigger write_gone after delete on belonging
    referencing old table as changed for each statement
    execute function write_buildings('select code from changed where kind = ''building''');

do $$
begin
    execute writing_statement('select code from building_ever');
end
$$;
