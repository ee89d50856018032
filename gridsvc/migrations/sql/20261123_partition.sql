-- The promise of the ground: the grids of a community are a partition of it at any moment, whoever writes, and what was
-- published never changes. Kept here so that a direct statement cannot break it either.

-- Communities whose partition must be proved before the running transaction ends. The row is gone after the proof;
-- while it stands, its key makes a second publisher of the same community wait.
create table partition_due (
    community text constraint pk_partition_due primary key,
    since timestamptz not null
);

create function note_partition_due() returns trigger language plpgsql as $$
begin
    -- Sorted, so that two transactions that touch the same communities cannot wait for each other.
    if tg_table_name = 'grid_version' then
        insert into partition_due
        select left(c.grid, 12), min(lower(c.valid)) from changed c group by 1 order by 1
        on conflict (community) do update set since = least(partition_due.since, excluded.since);
    else
        insert into partition_due
        select c.community, min(lower(c.valid)) from changed c group by 1 order by 1
        on conflict (community) do update set since = least(partition_due.since, excluded.since);
    end if;
    return null;
end
$$;

create trigger partition_due_insert after insert on grid_version
    referencing new table as changed for each statement execute function note_partition_due();
create trigger partition_due_update after update on grid_version
    referencing new table as changed for each statement execute function note_partition_due();
create trigger partition_due_delete after delete on grid_version
    referencing old table as changed for each statement execute function note_partition_due();
create trigger partition_due_insert after insert on community_version
    referencing new table as changed for each statement execute function note_partition_due();
create trigger partition_due_update after update on community_version
    referencing new table as changed for each statement execute function note_partition_due();
create trigger partition_due_delete after delete on community_version
    referencing old table as changed for each statement execute function note_partition_due();

-- Prove that at one moment the grids of a community lie in it, do not overlap and leave no gap; none at all is no
-- partition yet, and fine. Raises a check_violation that names the grids.
create function prove_partition(of_community text, moment timestamptz) returns void language plpgsql as $$
declare
    outline geometry;
    together geometry;
    pair record;
begin
    select st_union(v.geometry) into together
    from grid_version v where v.grid like of_community || '%' and v.valid @> moment;
    if together is null then
        return;
    end if;
    select v.geometry into outline
    from community_version v where v.community = of_community and v.valid @> moment;
    if outline is null then
        raise exception 'community % has grids at % but no boundary', of_community, moment
            using errcode = 'check_violation', constraint = 'partition';
    end if;
    select a.grid as one, b.grid as other into pair
    from grid_version a
    join grid_version b on b.grid > a.grid and b.geometry && a.geometry
    where a.grid like of_community || '%' and a.valid @> moment
        and b.grid like of_community || '%' and b.valid @> moment
        and st_relate(a.geometry, b.geometry, 'T********')
    limit 1;
    if pair.one is not null then
        raise exception 'grids % and % overlap at %', pair.one, pair.other, moment
            using errcode = 'check_violation', constraint = 'partition';
    end if;
    if not st_equals(together, outline) then
        raise exception 'the grids of community % do not fill it exactly at %: % m2 are left over or stick out',
            of_community, moment, round(st_area(metric(st_symdifference(together, outline)))::numeric, 2)
            using errcode = 'check_violation', constraint = 'partition';
    end if;
end
$$;

create function prove_partition_due() returns trigger language plpgsql as $$
declare
    moment timestamptz;
begin
    -- Everything between two moments at which a version begins or ends is the same, so those moments are enough.
    for moment in
        select distinct at
        from partition_due d
        cross join lateral (
            select lower(v.valid) as at from grid_version v where v.grid like d.community || '%'
            union all select upper(v.valid) from grid_version v where v.grid like d.community || '%'
            union all select lower(v.valid) from community_version v where v.community = d.community
            union all select upper(v.valid) from community_version v where v.community = d.community
        ) moments
        where d.community = new.community and at >= d.since
    loop
        perform prove_partition(new.community, moment);
    end loop;
    delete from partition_due where community = new.community;
    return null;
end
$$;

create constraint trigger partition_is_proved after insert on partition_due
    deferrable initially deferred for each row execute function prove_partition_due();

-- What was published stands: a version may be closed, and one that has not begun may be withdrawn; nothing else.
create function keep_versions() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        if lower(old.valid) <= now() then
            raise exception 'a published version is never deleted'
                using errcode = 'check_violation', constraint = 'published';
        end if;
        return old;
    end if;
    if (to_jsonb(new) - 'valid' - 'geometry') is distinct from (to_jsonb(old) - 'valid' - 'geometry')
        or not st_orderingequals(new.geometry, old.geometry)
        or lower(new.valid) <> lower(old.valid)
        or (upper(new.valid) is distinct from upper(old.valid) and upper(old.valid) <= now()) then
        raise exception 'a published version never changes; close it and open the next'
            using errcode = 'check_violation', constraint = 'published';
    end if;
    return new;
end
$$;

create trigger keep_versions before update or delete on grid_version
    for each row execute function keep_versions();
create trigger keep_versions before update or delete on community_version
    for each row execute function keep_versions();

-- What became of what: one row for each old version and new version that share ground at a redraw.
create table lineage (
    id bigint generated always as identity constraint pk_lineage primary key,
    at timestamptz not null,
    kind text not null,
    from_grid text,
    from_version integer,
    to_grid text,
    to_version integer,
    area_share double precision not null,
    building_share double precision not null,
    household_share double precision not null,
    constraint fk_lineage_from foreign key (from_grid, from_version) references grid_version (grid, version),
    constraint fk_lineage_to foreign key (to_grid, to_version) references grid_version (grid, version),
    constraint ck_lineage_kind check (kind in ('split', 'merge', 'reshape', 'rename', 'retire', 'create')),
    constraint ck_lineage_ends check (num_nonnulls(from_grid, to_grid) > 0),
    constraint ck_lineage_shares check
        (area_share between 0 and 1 and building_share between 0 and 1 and household_share between 0 and 1)
);
create index ix_lineage_from_grid on lineage (from_grid, at);
create index ix_lineage_to_grid on lineage (to_grid, at);
