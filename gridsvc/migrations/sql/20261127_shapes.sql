-- The shape of a building lies beside the feature it is written as: a page of a box is then found and judged in one table,
-- which names the grid as well, and neither the building nor where it belongs is looked up for each row.
alter table building_written add column geometry geometry(MultiPolygon, 4326);
create index ix_building_written_geometry on building_written using gist (geometry);

create or replace function writing_statement(scope text) returns text language sql immutable
return format($statement$
    with scope as materialized (select distinct code from (%s) named),
    version as materialized (
        select e as building, e.code, e.since, coalesce(upper(e.valid), 'infinity') as until, e.households
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
    insert into building_written (code, since, until, feature, grid, households, geometry)
    select p.code, p.since, p.until, building_feature(b.building, p.grid), p.grid, b.households, (b.building).geometry
    from piece p join version b on b.code = p.code and b.since = p.version
$statement$, scope);

create or replace function writing_query(scope text) returns text language sql immutable
return replace(writing_statement(scope), 'insert into building_written (code, since, until, feature, grid, households, geometry)', '');

create or replace function derive_written(of_codes text[], whole boolean) returns void language plpgsql as $$
begin
    if not whole then
        delete from building_written where code = any (of_codes);
        execute writing_statement(format('select unnest(%L::text[]) as code', of_codes));
        return;
    end if;
    -- Most buildings have one version and one grid, or none, for all of it: they need no cutting.
    create table written_by_cut as
    select code from building_past
    union
    select p.code from belonging p join building b using (code)
    where p.kind = 'building' and (p.since > b.since or p.until <> 'infinity');
    execute format('create table building_cut (code, since, until, feature, grid, households, geometry) as %s',
                   writing_query('select code from written_by_cut'));
    perform derive_afresh('building_written', $written$
        select b.code, b.since, 'infinity'::timestamptz as until, building_feature(b, p.grid) as feature, p.grid, b.households, b.geometry
        from building_ever b left join belonging p on p.kind = 'building' and p.code = b.code
        where not exists (select from written_by_cut c where c.code = b.code)
        union all
        select code, since, until, feature, grid, households, geometry from building_cut
        order by 1$written$);
    drop table building_cut, written_by_cut;
    -- The table that took the other's place was filled without its triggers.
    perform derive_afresh('grid_tally', tallying_query('select *, 1 as adds from building_written'));
end
$$;

-- What was written before is due once more; until a worker has done it, pages are made from the buildings themselves.
select derive_later('written', 'building', null) where exists (select from building_ever);
