-- The ground remembers: divisions, buildings, streets and assets keep what they were; which grid a building or an asset
-- belongs to is derived from the versions of the grids, past and to come; communities partition their street.

-- What was --------------------------------------------------------------------------------------------------------

-- The moment from which a new row holds: the one an import names, else from ever, because a house is older than its
-- first record.
create function known_since() returns timestamptz language sql stable parallel safe
return coalesce(nullif(current_setting('gridsvc.since', true), '')::timestamptz, '0001-01-01Z');

alter table division add column since timestamptz not null default '0001-01-01Z';
alter table building add column since timestamptz not null default '0001-01-01Z';
alter table street add column since timestamptz not null default '0001-01-01Z';
alter table asset add column since timestamptz not null default '0001-01-01Z';
alter table division alter column since set default known_since();
alter table building alter column since set default known_since();
alter table street alter column since set default known_since();
alter table asset alter column since set default known_since();

-- The grid of a thing follows from where it lies (see `belonging` below), so it is no column of the thing.
alter table building drop column grid;
alter table asset drop column grid;

-- Each row as it was during `valid`.
create table division_past (like division, valid tstzrange not null, constraint pk_division_past primary key (code, since));
create table building_past (like building, valid tstzrange not null, constraint pk_building_past primary key (code, since));
create table street_past (like street, valid tstzrange not null, constraint pk_street_past primary key (code, since));
create table asset_past (like asset, valid tstzrange not null, constraint pk_asset_past primary key (code, since));
create index ix_division_past_geometry on division_past using gist (geometry);
create index ix_building_past_geometry on building_past using gist (geometry);
create index ix_building_past_point on building_past using gist (point);
create index ix_street_past_geometry on street_past using gist (geometry);
create index ix_asset_past_geometry on asset_past using gist (geometry);

-- Everything that ever was and is, each with the range of time in which it held.
create view division_ever as
select *, tstzrange(since, null) as valid from division union all select * from division_past;
create view building_ever as
select *, tstzrange(since, null) as valid from building union all select * from building_past;
create view street_ever as
select *, tstzrange(since, null) as valid from street union all select * from street_past;
create view asset_ever as
select *, tstzrange(since, null) as valid from asset union all select * from asset_past;

create function keep_past() returns trigger language plpgsql as $$
declare
    moment timestamptz := coalesce(nullif(current_setting('gridsvc.since', true), '')::timestamptz, now());
begin
    if moment < old.since then
        raise exception '% % has changed since %, which is after %', tg_table_name, old.code, old.since, moment
            using errcode = 'check_violation', constraint = 'past';
    end if;
    if moment > now() then
        raise exception '% % cannot be changed in advance', tg_table_name, old.code
            using errcode = 'check_violation', constraint = 'past';
    end if;
    if moment > old.since then
        execute format('insert into %I select ($1).*, tstzrange(($1).since, $2)', tg_table_name || '_past')
        using old, moment;
        new.since := moment;
    end if;
    return new;
end
$$;

create trigger keep_past before update on division for each row execute function keep_past();
create trigger keep_past before update on building for each row execute function keep_past();
create trigger keep_past before update on street for each row execute function keep_past();
create trigger keep_past before update on asset for each row execute function keep_past();

-- Whose it is -----------------------------------------------------------------------------------------------------

-- Which grid a building or an asset belongs to, from when until when; derived from the versions of the grids and
-- written by triggers alone, so that it cannot be otherwise. Without foreign keys for the same reason: every row is
-- made from rows that exist, and a million checks would double the time of an import.
create table belonging (
    kind text not null,
    code text not null,
    since timestamptz not null,
    until timestamptz not null,
    grid text not null,
    constraint pk_belonging primary key (kind, code, since),
    constraint ck_belonging_kind check (kind in ('building', 'asset')),
    constraint ck_belonging_time check (since < until)
);
create index ix_belonging_grid on belonging (grid, kind, code);

-- The statement that brings `belonging` to the truth for some things; `scope` selects their code and place, and when
-- they lay there. A building lies where its inner point lies, an asset where it stands; on a border the lowest code owns.
create function placing_statement(of_kind text, scope text) returns text language sql immutable
return format($statement$
    with spot as materialized (%2$s),
    covering as materialized (
        select s.code, v.grid, v.valid * s.valid as valid
        from spot s join grid_version v on st_intersects(v.geometry, s.place) and v.valid && s.valid
    ), moment as (
        select code, lower(valid) as at from covering
        union
        select code, upper(valid) from covering where not upper_inf(valid)
    ), owner as (
        select m.code, m.at, min(c.grid) as grid
        from moment m left join covering c on c.code = m.code and c.valid @> m.at
        group by m.code, m.at
    ), change as (
        select code, at, grid, lag(grid) over (partition by code order by at) as before from owner
    ), span as (
        select code, at as since, coalesce(lead(at) over (partition by code order by at), 'infinity') as until, grid
        from change where grid is distinct from before
    ), fresh as materialized (
        select * from span where grid is not null
    ), gone as (
        delete from belonging p using spot s
        where p.kind = %1$L and p.code = s.code
            and not exists (select from fresh f where f.code = p.code and f.since = p.since)
    )
    insert into belonging as p (kind, code, since, until, grid)
    select %1$L, code, since, until, grid from fresh
    on conflict (kind, code, since) do update set until = excluded.until, grid = excluded.grid
    where (p.until, p.grid) is distinct from (excluded.until, excluded.grid)
$statement$, of_kind, scope);

-- What is there already finds its grid, before the table is closed to hands.
do $$
begin
    execute placing_statement('building', 'select code, point as place, valid from building_ever');
    execute placing_statement('asset', 'select code, geometry as place, valid from asset_ever');
end
$$;

create function refuse_direct_writes() returns trigger language plpgsql as $$
begin
    raise exception '% follows from where things lie and is never written by hand', tg_table_name
        using errcode = 'check_violation', constraint = tg_table_name;
end
$$;

create trigger belonging_is_derived before insert or update or delete on belonging
    for each statement when (pg_trigger_depth() = 0) execute function refuse_direct_writes();

create function place_new() returns trigger language plpgsql as $$
begin
    if exists (select from grid_version) then
        execute placing_statement(tg_table_name, format(
            'select code, %I as place, tstzrange(since, null) as valid from changed', tg_argv[0]));
    end if;
    return null;
end
$$;

create function place_again() returns trigger language plpgsql as $$
begin
    if exists (select from grid_version) then
        execute placing_statement(tg_table_name, format(
            'select e.code, e.%1$I as place, e.valid from %2$I e where e.code in'
            ' (select c.code from changed c join was w using (code) where c.%1$I is distinct from w.%1$I)',
            tg_argv[0], tg_table_name || '_ever'));
    end if;
    return null;
end
$$;

create trigger place_new after insert on building
    referencing new table as changed for each statement execute function place_new('point');
create trigger place_again after update on building
    referencing old table as was new table as changed for each statement execute function place_again('point');
create trigger place_new after insert on asset
    referencing new table as changed for each statement execute function place_new('geometry');
create trigger place_again after update on asset
    referencing old table as was new table as changed for each statement execute function place_again('geometry');

-- What is proved --------------------------------------------------------------------------------------------------

-- A row names a community whose grids, or a street whose communities, must be a partition of it.
alter table partition_due rename column community to parent;

create or replace function note_partition_due() returns trigger language plpgsql as $$
begin
    -- Sorted, so that two transactions that touch the same parents cannot wait for each other.
    if tg_table_name = 'grid_version' then
        insert into partition_due
        select left(c.grid, 12), min(lower(c.valid)) from changed c group by 1 order by 1
        on conflict (parent) do update set since = least(partition_due.since, excluded.since);
    elsif tg_table_name = 'community_version' then
        insert into partition_due
        select parent, min(since)
        from (
            select c.community as parent, lower(c.valid) as since from changed c
            union all
            select o.street, lower(c.valid) from changed c join community o on o.code = c.community
            where o.street is not null
        ) noted
        group by 1 order by 1
        on conflict (parent) do update set since = least(partition_due.since, excluded.since);
    else
        -- The street of a community, or the outline of a street, is a matter of today.
        insert into partition_due
        select distinct case tg_table_name when 'community' then to_jsonb(c) ->> 'street' else c.code end, now()
        from changed c
        where case tg_table_name when 'community' then to_jsonb(c) ->> 'street' is not null
              else exists (select from community o where o.street = c.code) end
        order by 1
        on conflict (parent) do update set since = least(partition_due.since, excluded.since);
    end if;
    return null;
end
$$;

create trigger partition_due_update after update on division
    referencing new table as changed for each statement execute function note_partition_due();
create trigger partition_due_update after update on community
    referencing new table as changed for each statement execute function note_partition_due();

drop function prove_partition(text, timestamptz);

-- The pieces that must be a partition of a parent at a moment: the grids of a community, the communities of a street.
create function pieces_of(parent text, moment timestamptz)
returns table (code text, geometry geometry) language sql stable
begin atomic
    select v.grid, v.geometry from grid_version v
    where v.grid between parent || '000' and parent || '999' and v.valid @> moment
    union all
    select v.community, v.geometry from community c join community_version v on v.community = c.code
    where c.street = parent and v.valid @> moment;
end;

-- Prove that at one moment the pieces of a parent lie in it, do not overlap and leave no gap; none at all is no
-- partition yet, and fine. Raises a check_violation that names the pieces.
create function prove_partition(of_parent text, outline geometry, moment timestamptz) returns void
language plpgsql as $$
declare
    together geometry;
    pair record;
begin
    select st_union(p.geometry) into together from pieces_of(of_parent, moment) p;
    if together is null then
        return;
    end if;
    if outline is null then
        raise exception 'community % has grids at % but no boundary', of_parent, moment
            using errcode = 'check_violation', constraint = 'partition';
    end if;
    select a.code as one, b.code as other into pair
    from pieces_of(of_parent, moment) a
    join pieces_of(of_parent, moment) b on b.code > a.code and b.geometry && a.geometry
    where st_relate(a.geometry, b.geometry, 'T********')
    limit 1;
    if pair.one is not null then
        raise exception '% and % overlap at %', pair.one, pair.other, moment
            using errcode = 'check_violation', constraint = 'partition';
    end if;
    if not st_equals(together, outline) then
        raise exception 'the % of % do not fill it exactly at %: % m2 are left over or stick out',
            case when right(of_parent, 3) = '000' then 'communities' else 'grids' end, of_parent, moment,
            round(st_area(metric(st_symdifference(together, outline)))::numeric, 2)
            using errcode = 'check_violation', constraint = 'partition';
    end if;
end
$$;

create or replace function prove_partition_due() returns trigger language plpgsql as $$
declare
    from_ timestamptz;
    moment timestamptz;
    outline geometry;
    box geometry;
begin
    select d.since into from_ from partition_due d where d.parent = new.parent;
    if right(new.parent, 3) = '000' then
        -- Only where the street's outline is known.
        select d.geometry into outline from division d where d.code = new.parent;
        if outline is not null then
            for moment in
                select from_
                union
                select at
                from community c join community_version v on v.community = c.code
                cross join lateral (values (lower(v.valid)), (upper(v.valid))) moments (at)
                where c.street = new.parent and at > from_
            loop
                perform prove_partition(new.parent, outline, moment);
            end loop;
        end if;
    else
        -- Everything between two moments at which a version begins or ends is the same, so those moments are enough.
        for moment in
            select distinct at
            from (
                select v.valid from grid_version v where v.grid between new.parent || '000' and new.parent || '999'
                union all
                select v.valid from community_version v where v.community = new.parent
            ) version
            cross join lateral (values (lower(valid)), (upper(valid))) moments (at)
            where at >= from_
        loop
            select v.geometry into outline
            from community_version v where v.community = new.parent and v.valid @> moment;
            perform prove_partition(new.parent, outline, moment);
        end loop;
        select st_setsrid(st_extent(v.geometry)::geometry, 4326) into box
        from grid_version v
        where v.grid between new.parent || '000' and new.parent || '999'
            and (upper_inf(v.valid) or upper(v.valid) >= from_);
        -- A version that was withdrawn is in no box any more: what it held is found by its grid.
        execute placing_statement('building', format(
            'select code, point as place, valid from building_ever where code in'
            ' (select code from building_ever where point && %1$L::geometry union all'
            ' select code from belonging where kind = ''building'' and grid between %2$L and %3$L)',
            box, new.parent || '000', new.parent || '999'));
        execute placing_statement('asset', format(
            'select code, geometry as place, valid from asset_ever where code in'
            ' (select code from asset_ever where geometry && %1$L::geometry union all'
            ' select code from belonging where kind = ''asset'' and grid between %2$L and %3$L)',
            box, new.parent || '000', new.parent || '999'));
    end if;
    delete from partition_due where parent = new.parent;
    return null;
end
$$;
