-- How many buildings and households each grid has had, kept as differences: who asks for a grid or a whole community at
-- any moment adds a few rows up instead of looking at every building of it.

-- What is counted lies beside the written feature, which is already cut wherever a building or its grid changes.
alter table building_written add column households integer;

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
    insert into building_written (code, since, until, feature, grid, households)
    select p.code, p.since, p.until, building_feature(b.building, p.grid), p.grid, b.households
    from piece p join version b on b.code = p.code and b.since = p.version
$statement$, scope);

create or replace function writing_query(scope text) returns text language sql immutable
return replace(writing_statement(scope), 'insert into building_written (code, since, until, feature, grid, households)', '');

-- What a grid gains (or loses) at a moment. The sum of all up to a moment is what it has then.
create table grid_tally (
    grid text not null,
    at timestamptz not null,
    buildings bigint not null,
    households bigint not null,
    constraint pk_grid_tally primary key (grid, at)
);
select keep_apart('grid_tally', lies_here('grid'));

-- The query for the differences that stretches make; `stretches` selects grid, since, until, households and `adds` (1 or
-- -1). In the order of the key, so that two writers cannot wait for each other.
create function tallying_query(stretches text) returns text language sql immutable
return format($query$
    select grid, at, sum(adds)::bigint as buildings, sum(adds * coalesce(households, 0))::bigint as households
    from (
        select grid, since as at, adds, households from (%1$s) begun
        union all
        select grid, until, -adds, households from (%1$s) ended where until <> 'infinity'
    ) change
    where grid is not null
    group by grid, at having sum(adds) <> 0 or sum(adds * coalesce(households, 0)) <> 0
    order by grid, at
$query$, stretches);

create function keep_tally() returns trigger language plpgsql security definer set search_path = public as $$
begin
    if tg_op = 'TRUNCATE' then
        truncate grid_tally;
    else
        execute 'insert into grid_tally as t ' || tallying_query(
            format('select *, %s as adds from changed', case tg_op when 'INSERT' then 1 else -1 end))
        || ' on conflict (grid, at) do update'
           ' set buildings = t.buildings + excluded.buildings, households = t.households + excluded.households';
    end if;
    return null;
end
$$;

-- A written row is never updated: it is taken away and written again.
create trigger tally_new after insert on building_written
    referencing new table as changed for each statement execute function keep_tally();
create trigger tally_gone after delete on building_written
    referencing old table as changed for each statement execute function keep_tally();
create trigger tally_truncated after truncate on building_written for each statement execute function keep_tally();

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
    execute format('create table building_cut (code, since, until, feature, grid, households) as %s',
                   writing_query('select code from written_by_cut'));
    perform derive_afresh('building_written', $written$
        select b.code, b.since, 'infinity'::timestamptz as until, building_feature(b, p.grid) as feature, p.grid, b.households
        from building_ever b left join belonging p on p.kind = 'building' and p.code = b.code
        where not exists (select from written_by_cut c where c.code = b.code)
        union all
        select code, since, until, feature, grid, households from building_cut
        order by 1$written$);
    drop table building_cut, written_by_cut;
    -- The table that took the other's place was filled without its triggers.
    perform derive_afresh('grid_tally', tallying_query('select *, 1 as adds from building_written'));
end
$$;

-- What was written before is due once more; until a worker has done it, counts are made from the buildings themselves.
select derive_later('written', 'building', null) where exists (select from building_ever);
