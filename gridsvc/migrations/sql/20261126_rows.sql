-- Row security, the second wall: who is not the owner sees and changes only rows of the ground that the running
-- transaction names. The first wall is the permission table; this one holds where an endpoint has a bug.

-- For whom a transaction is ------------------------------------------------------------------------------------------

-- Whether everything is seen. In a trigger it is, because triggers keep the whole true: a partition, the past, tiles.
create function scope_all() returns boolean language sql stable
return current_setting('gridsvc.scope', true) is not distinct from 'all' or pg_trigger_depth() > 0;

-- The prefixes of the codes that are seen; none when nobody is named, and then no row is seen.
create function scope_prefixes() returns text[] language sql stable
return string_to_array(current_setting('gridsvc.scope', true), ',');

-- The communities that lie around the grids that are seen: who works in a grid sees the outline and name of its community.
create function scope_around() returns text[] language sql stable
return string_to_array(regexp_replace(current_setting('gridsvc.scope', true), '([0-9]{12})[0-9]{3}', '\1', 'g'), ',');

create function scope_actor() returns text language sql stable
return nullif(current_setting('gridsvc.actor', true), '');

-- PL/pgSQL, because its plan is kept and is no part of the statement that asks.
create function scope_account() returns bigint language plpgsql stable as $$
begin
    return (select a.id from account a where a.username = scope_actor());
end
$$;

create function scope_worker() returns text language plpgsql stable as $$
begin
    return (select w.code from worker w where w.account = scope_account());
end
$$;

-- Whether an account looks no further than the transaction does; of one that follows posts those count that the
-- transaction does not see, too.
create function account_is_within(of_account bigint, territory text[]) returns boolean
language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
    scope constant text := current_setting('gridsvc.scope', true);
    here constant text[] := coalesce(scope_prefixes(), '{}');
begin
    if territory is null then
        perform set_config('gridsvc.scope', 'all', true);
        territory := array(select p.grid from post p join worker w on w.code = p.worker
                           where w.account = of_account and p.valid @> now());
        perform set_config('gridsvc.scope', scope, true);
    end if;
    return not exists (select from unnest(territory) one where not one ^@ any (here));
end
$$;

-- What rows say of themselves ----------------------------------------------------------------------------------------

-- Who reported it sees it again, wherever it lies; nothing but the name the log has already.
alter table incident add column reported_by text;
update incident i set reported_by = s.actor
from incident_step s where s.incident = i.id and s.number = 1 and s.action = 'report' and s.actor <> 'system';

-- In whose scope a job was asked for; it is done in no other.
alter table job add column scope text not null default 'all';
alter table job alter column scope set default coalesce(current_setting('gridsvc.scope', true), '');

-- The grid that the feature belongs to during its stretch of time.
alter table building_written add column grid text;
select derive_later('written', 'building', null) where exists (select from building_written);

create or replace function writing_statement(scope text) returns text language sql immutable
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
    insert into building_written (code, since, until, feature, grid)
    select p.code, p.since, p.until, building_feature(b.building, p.grid), p.grid
    from piece p join version b on b.code = p.code and b.since = p.version
$statement$, scope);

create or replace function writing_query(scope text) returns text language sql immutable
return replace(writing_statement(scope), 'insert into building_written (code, since, until, feature, grid)', '');

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
    execute format('create table building_cut (code, since, until, feature, grid) as %s', writing_query('select code from written_by_cut'));
    perform derive_afresh('building_written', $written$
        select b.code, b.since, 'infinity'::timestamptz as until, building_feature(b, p.grid) as feature, p.grid
        from building_ever b left join belonging p on p.kind = 'building' and p.code = b.code
        where not exists (select from written_by_cut c where c.code = b.code)
        union all
        select code, since, until, feature, grid from building_cut
        order by 1$written$);
    drop table building_cut, written_by_cut;
end
$$;

-- The same as before; and the new table has the old one's policies and grants before anybody can see it.
create or replace function derive_afresh(target regclass, filling text) returns void language plpgsql as $$
declare
    home text;
    name text;
    fresh text;
    casts text;
    checks text;
    one record;
    names text[] := '{}';
    after text[] := '{}';
    command text;
begin
    select n.nspname, c.relname, format('%I.%I', n.nspname, c.relname || '_fresh') into home, name, fresh
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = target;
    select string_agg(format('%I::%s as %1$I', attname, format_type(atttypid, atttypmod)), ', ' order by attnum),
           string_agg(format('alter column %I set not null', attname), ', ') filter (where attnotnull)
    into casts, checks from pg_attribute where attrelid = target and attnum > 0 and not attisdropped;
    -- Made by a query and not filled by one, because only so may it be run by several processes.
    execute format('create table %s as select %s from (%s) filling', fresh, casts, filling);
    select concat_ws(', ', checks, string_agg(format('add constraint %I %s', conname, pg_get_constraintdef(oid)), ', '))
    into checks from pg_constraint where conrelid = target and contype = 'c';
    execute format('alter table %s %s', fresh, checks);
    for one in
        select i.relname, i.oid, c.conname, pg_get_constraintdef(c.oid) as definition
        from pg_index x join pg_class i on i.oid = x.indexrelid
        left join pg_constraint c on c.conindid = i.oid and c.conrelid = target
        where x.indrelid = target order by i.relname
    loop
        if one.conname is not null then
            execute format('alter table %s add constraint %I %s', fresh, one.conname || '_fresh', one.definition);
        else
            execute regexp_replace(pg_get_indexdef(one.oid), ' INDEX \S+ ON \S+ USING ',
                                   format(' INDEX %I ON %s USING ', one.relname || '_fresh', fresh));
        end if;
        names := names || one.relname::text;
    end loop;
    execute format('analyze %s', fresh);
    -- What hangs on the old table is told in words before, and hung on the new one by the same words after.
    for one in
        select distinct v.oid::regclass::text as view, array_to_string(v.reloptions, ', ') as options,
            pg_get_viewdef(v.oid) as definition
        from pg_depend d join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
        join pg_class v on v.oid = r.ev_class
        where d.refclassid = 'pg_class'::regclass and d.refobjid = target and v.relkind = 'v'
    loop
        after := after || format('create or replace view %s %s as %s', one.view, 'with (' || one.options || ')', one.definition);
    end loop;
    after := after || array(select pg_get_triggerdef(oid) from pg_trigger where tgrelid = target and not tgisinternal);
    after := after || array(
        select format('create policy %I on %I.%I as %s for %s to %s', policyname, home, name, permissive, cmd,
                      array_to_string(roles, ', '))
            || coalesce(' using (' || qual || ')', '') || coalesce(' with check (' || with_check || ')', '')
        from pg_policies where schemaname = home and tablename = name);
    after := after || array(
        select format('alter table %I.%I %s row level security', home, name, way)
        from pg_class, unnest(array[case when relrowsecurity then 'enable' end,
                                    case when relforcerowsecurity then 'force' end]) way
        where oid = target and way is not null);
    after := after || array(
        select format('grant %s on %I.%I to %s', privilege_type, home, name, grantee::regrole)
        from pg_class, aclexplode(relacl) where oid = target and grantee <> relowner and grantee <> 0);
    -- A long reader, such as a backup, would make everybody wait who comes after us.
    perform set_config('lock_timeout', '10s', true);
    execute format('lock table %s in access exclusive mode', target);
    execute format('alter table %s rename to %I', target, name || '_old');
    execute format('alter table %s rename to %I', fresh, name);
    foreach command in array after loop
        execute command;
    end loop;
    execute format('drop table %I.%I', home, name || '_old');
    foreach command in array names loop
        execute format('alter index %I.%I rename to %I', home, command || '_fresh', command);
    end loop;
end
$$;

-- What tiles draw of a building names its grid, where that is one for all time to come; else it is looked up (belonging).
-- A look for each of the thousands of houses in a tile would take as long as the tile.
alter table drawn.building add column home text;

create view drawn.homes with (security_invoker = true) as
select code, min(grid) as home from belonging where kind = 'building' and until > now()
group by code having count(*) = 1 and min(since) <= now() and min(until) = 'infinity';

create function drawn.home_of(of_code text) returns text language sql stable
begin atomic
    select h.home from drawn.homes h where h.code = of_code;
end;

create function drawn.keep_homes() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
    codes text[];
begin
    -- While a first import fills the buildings, all of them are due in the end anyway.
    if exists (select from pg_trigger where tgrelid = 'building'::regclass and tgname = 'keep_drawn_insert' and tgenabled = 'D') then
        return null;
    end if;
    codes := array(select distinct code from changed where kind = 'building');
    if codes = '{}' then
        return null;
    elsif not derive_at_once('drawn', cardinality(codes)) or exists (select from derive_due where derived = 'drawn') then
        -- Until then the one that is known is as good as it was before this transaction.
        perform derive_later('drawn', 'building', codes);
    else
        update drawn.building d set home = drawn.home_of(d.code)
        where d.code = any (codes) and d.home is distinct from drawn.home_of(d.code);
    end if;
    return null;
end
$$;
create trigger keep_homes_new after insert on belonging
    referencing new table as changed for each statement execute function drawn.keep_homes();
create trigger keep_homes_again after update on belonging
    referencing new table as changed for each statement execute function drawn.keep_homes();
create trigger keep_homes_gone after delete on belonging
    referencing old table as changed for each statement execute function drawn.keep_homes();

create or replace function drawn.keep_buildings() returns trigger language plpgsql security definer set search_path = public as $$
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
        select code, name, number, drawn.mercator(geometry), drawn.home_of(code) from changed c
        where not exists (select from drawn.building d where d.code = c.code) order by geometry;
        execute drawn.counting_statement('select point, 1 as adds from changed union all select point, -1 from was');
    else
        insert into drawn.building select code, name, number, drawn.mercator(geometry) from changed order by geometry;
        execute drawn.counting_statement('select point, 1 as adds from changed');
    end if;
    return null;
end
$$;

create or replace function derive_drawn(of_kind text, of_codes text[], whole boolean) returns void language plpgsql as $$
begin
    if of_kind = 'building' then
        if whole then
            -- An import that filled the table has left this proof to whoever has the time.
            alter table building validate constraint ck_building_geometry;
            perform derive_afresh('drawn.building',
                'select code, name, number, drawn.mercator(geometry) as geometry, h.home'
                ' from building left join drawn.homes h using (code) order by geometry');
        else
            delete from drawn.building where code = any (of_codes);
            insert into drawn.building
            select code, name, number, drawn.mercator(geometry), drawn.home_of(code)
            from building where code = any (of_codes) order by geometry;
        end if;
        -- Counts are sums: what was counted for the codes before is not known any more.
        perform derive_afresh('drawn.building_count', $counts$
            select level, x >> (18 - level) as x, y >> (18 - level) as y, sum(buildings) as buildings
            from (
                select drawn.column_of(st_x(point), 18) as x, drawn.row_of(st_y(point), 18) as y, count(*) as buildings
                from building group by 1, 2
            ) finest, generate_series(14, 18) level
            group by 1, 2, 3 order by 1, 2, 3$counts$);
    elsif whole then
        perform derive_afresh('drawn.street', $streets$
            select code, name, kind, drawn.street_zoom(kind) as from_zoom, st_transform(geometry, 3857) as geometry
            from street order by geometry$streets$);
    else
        delete from drawn.street where code = any (of_codes);
        insert into drawn.street
        select code, name, kind, drawn.street_zoom(kind), st_transform(geometry, 3857)
        from street where code = any (of_codes) order by geometry;
    end if;
    insert into drawn.change values (of_kind, hashtextextended(gen_random_uuid()::text, 0));
end
$$;

select derive_later('drawn', 'building', null) where exists (select from drawn.building);

-- It is asked by code all the time, and what is asked for is in the index.
alter table belonging drop constraint pk_belonging,
    add constraint pk_belonging primary key (code, kind, since) include (until, grid);

-- Derived things are written by the owner's rights, whoever changes what they derive from.
do $$
declare
    keeper text;
begin
    foreach keeper in array array['note_partition_due', 'note_left_street', 'prove_partition_due', 'keep_covered',
        'place_new', 'place_again', 'write_buildings', 'search_changed', 'spell_new_terms', 'spell_again',
        'wait_for_webhooks'] loop
        execute format('alter function %I() security definer set search_path = public, pg_temp', keeper);
    end loop;
end
$$;

-- Its query is part of the statement that asks for it now: a function would plan and begin anew for each incident.
drop function incident_photos(bigint);

-- Policies -----------------------------------------------------------------------------------------------------------

-- Let rows of a table be seen and written by whom everything is shown to, and else where a condition holds.
-- `(select …)`, so that it is asked once a statement and not once a row.
create function keep_apart(target regclass, seen text) returns void language plpgsql as $$
begin
    execute format('alter table %s enable row level security, force row level security', target);
    execute format('create policy apart on %s using ((select scope_all()) or %s)', target, seen);
end
$$;

-- The condition that a code lies in the territory.
create function lies_here(code text) returns text language sql immutable
return code || ' ^@ any ((select scope_prefixes())::text[])';

-- The condition that a building or an asset belongs to a grid there now; `belonging` has a policy of its own.
create function belongs_here(of_kind text, code text) returns text language sql immutable
return format('exists (select from belonging p where p.kind = %s and p.code = %s and p.since <= now() and p.until > now())',
              of_kind, code);

do $$
declare
    community constant text := '(' || lies_here('%1$s') || ' or %1$s = any ((select scope_around())::text[]))';
    nobody constant text := 'false';
    one record;
begin
    for one in
        select * from (values
            ('community', format(community, 'code')),
            ('community_version', format(community, 'community')),
            ('drawn.community', format(community, 'code')),
            ('grid', lies_here('code')),
            ('grid_version', lies_here('grid')),
            ('drawn.grid', lies_here('code')),
            -- What tells of two pieces of ground is for who may see both.
            ('lineage', '((from_grid is null or ' || lies_here('from_grid') || ') and (to_grid is null or '
                || lies_here('to_grid') || '))'),
            ('belonging', lies_here('grid')),
            -- What a thing was goes with where it belongs now.
            ('building', belongs_here('''building''', 'building.code')),
            ('building_past', belongs_here('''building''', 'building_past.code')),
            ('asset', belongs_here('''asset''', 'asset.code')),
            ('asset_past', belongs_here('''asset''', 'asset_past.code')),
            ('building_written', lies_here('grid')),
            ('drawn.building', '(' || lies_here('home') || ' or home is null and '
                || belongs_here('''building''', 'building.code') || ')'),
            -- How many houses there are is told of the whole town at once.
            ('drawn.building_count', nobody),
            ('search_entry', '(kind in (''street'', ''division'') or kind in (''grid'', ''community'') and '
                || format(community, 'code') || ' or ' || belongs_here('search_entry.kind', 'search_entry.code') || ')'),
            ('worker', '(account = (select scope_account()) or exists (select from post p where p.worker = worker.code))'),
            ('post', lies_here('grid')),
            ('route', lies_here('grid')),
            ('checkpoint', 'exists (select from route r where r.id = checkpoint.route)'),
            ('incident', '(' || lies_here('coalesce(grid, community)') || ' or reported_by = (select scope_actor())'
                ' or assignee = (select scope_worker()))'),
            ('incident_step', 'exists (select from incident i where i.id = incident_step.incident)'),
            ('incident_warning', 'exists (select from incident i where i.id = incident_warning.incident)'),
            ('incident_photo', 'exists (select from incident i where i.id = incident_photo.incident)'),
            ('webhook', nobody),
            ('webhook_delivery', nobody),
            ('job', 'actor = (select scope_actor())'),
            ('job_file', 'exists (select from job j where j.id = job_file.job)'),
            ('idempotency', 'actor = (select scope_actor())'),
            ('account', '(username = (select scope_actor())'
                ' or (select scope_actor()) is not null and account_is_within(id, territory))'),
            ('credential', 'exists (select from account a where a.id = credential.account)'),
            ('recovery_code', 'exists (select from account a where a.id = recovery_code.account)'),
            ('sign_in_failure', nobody)) kept (target, seen)
    loop
        perform keep_apart(one.target::regclass, one.seen);
    end loop;
    perform keep_apart('event', lies_here('coalesce(grid, community)'));
    -- Whatever was done is written down, also where the one who did it sees nothing.
    create policy grows on event for insert with check (true);
end
$$;

alter view division_ever set (security_invoker = true);
alter view building_ever set (security_invoker = true);
alter view street_ever set (security_invoker = true);
alter view asset_ever set (security_invoker = true);
alter view search_spelling set (security_invoker = true);

do $$
begin
    -- `&&` compares two boxes and tells nobody else of it. Unless that is said, PostgreSQL asks the policy first, row by
    -- row, and no spatial index is of any use.
    if (select rolsuper from pg_roles where rolname = current_user) then
        alter function geometry_overlaps(geometry, geometry) leakproof;
    else
        raise warning 'a superuser must say: alter function geometry_overlaps(geometry, geometry) leakproof; until then maps are slow for who may not see everything';
    end if;
end
$$;

-- The service's role -------------------------------------------------------------------------------------------------

-- Let a role serve: make it when it is not there and we may, and give it what requests need, which is no DDL. False when
-- it cannot be made. Called again after every migration, so that new tables are in it.
create function let_in(app name) returns boolean language plpgsql as $$
declare
    one record;
begin
    if not exists (select from pg_roles where rolname = app) then
        begin
            execute format('create role %I login', app);
            -- A superuser becomes anybody anyway.
            if not (select rolsuper from pg_roles where rolname = current_user) then
                execute format('grant %I to current_user', app);
            end if;
        exception when insufficient_privilege then
            return false;
        end;
    end if;
    execute format('grant usage on schema public, drawn to %I', app);
    for one in
        select c.oid::regclass as relation, c.relkind,
            coalesce(n.rights, case when c.relkind = 'S' then 'usage' when c.relkind = 'v' or s.nspname = 'drawn' then 'select'
                                    else 'select, insert, update, delete' end) as rights
        from pg_class c join pg_namespace s on s.oid = c.relnamespace
        left join (values
            -- Only ever added to.
            ('event', 'select, insert'), ('incident_step', 'select, insert'), ('consent', 'select, insert'), ('event_seal', 'select'),
            -- Written by triggers and workers alone.
            ('belonging', 'select'), ('building_written', 'select'), ('grid_tally', 'select'), ('search_entry', 'select'),
            ('search_term', 'select'), ('search_key', 'select'), ('pinyin', 'select'),
            ('catalogue', 'select'), ('catalogue_class', 'select'), ('catalogue_condition', 'select'),
            ('alembic_version', 'select'),
            -- Not what is due, which names things everywhere, but that something is.
            ('derive_due', 'select (id, derived, kind, noted_at)'),
            ('event_chain', ''), ('partition_due', '')) n (name, rights)
            on s.nspname = 'public' and n.name = c.relname
        where s.nspname in ('public', 'drawn') and c.relkind in ('r', 'v', 'S') and pg_has_role(c.relowner, 'USAGE')
            -- What came with an extension has grants of its own.
            and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    loop
        execute format('revoke all on %s %s from %I', case one.relkind when 'S' then 'sequence' else 'table' end, one.relation, app);
        if one.rights <> '' then
            execute format('grant %s on %s %s to %I', one.rights,
                           case one.relkind when 'S' then 'sequence' else 'table' end, one.relation, app);
        end if;
    end loop;
    return true;
end
$$;
