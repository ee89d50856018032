-- Bringing what is due to the truth, by whole tables where much is due and by codes where little is.

-- Fill a table anew by a query over its columns. The new one is made beside the old, with its indexes last, and takes its
-- place at the end: until then everybody reads the old one, and nobody waits for longer than that last step.
create function derive_afresh(target regclass, filling text) returns void language plpgsql as $$
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

create function derive_drawn(of_kind text, of_codes text[], whole boolean) returns void language plpgsql as $$
begin
    if of_kind = 'building' then
        if whole then
            -- An import that filled the table has left this proof to whoever has the time.
            alter table building validate constraint ck_building_geometry;
            perform derive_afresh('drawn.building',
                'select code, name, number, drawn.mercator(geometry) as geometry from building order by geometry');
        else
            delete from drawn.building where code = any (of_codes);
            insert into drawn.building
            select code, name, number, drawn.mercator(geometry) from building where code = any (of_codes) order by geometry;
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

-- The query of `writing_statement` without the writing: cut out of it, so that there is one text.
create function writing_query(scope text) returns text language sql immutable
return replace(writing_statement(scope), 'insert into building_written (code, since, until, feature)', '');

create function derive_written(of_codes text[], whole boolean) returns void language plpgsql as $$
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
    execute format('create table building_cut (code, since, until, feature) as %s', writing_query('select code from written_by_cut'));
    perform derive_afresh('building_written', $written$
        select b.code, b.since, 'infinity'::timestamptz as until, building_feature(b, p.grid) as feature
        from building_ever b left join belonging p on p.kind = 'building' and p.code = b.code
        where not exists (select from written_by_cut c where c.code = b.code)
        union all
        select code, since, until, feature from building_cut
        order by 1$written$);
    drop table building_cut, written_by_cut;
end
$$;

create function derive_search(of_kind text, of_codes text[], whole boolean) returns void language plpgsql as $$
begin
    if not (whole and of_kind = 'building') then
        if whole then
            execute format('select array(select code from search_entry where kind = %1$L union'
                           ' select code from search_spelling where kind = %1$L)', of_kind) into of_codes;
        end if;
        if of_codes <> '{}' then
            perform search_again(of_kind, of_codes);
        end if;
        return;
    end if;
    -- What has no past has one span of time; each spelling is compared with those before it, and kept once.
    create table search_spelt as
    select b.code, s.way[1] as stem, s.way[2] as tail, b.point as place, b.since, 'infinity'::timestamptz as until
    from building b
    cross join lateral (select search_split(search_normal(b.name)) as a, search_split(search_normal(b.address)) as b,
                               search_split(search_normal(b.number)) as n offset 0) cut
    cross join lateral (select case when a[2] = '' then array[a[1], n[1] || n[2]] end as c,
                               case when cut.b[2] = '' then array[cut.b[1], n[1] || n[2]] end as d offset 0) joined
    cross join lateral (values
        (a),
        (case when cut.b is distinct from a then cut.b end),
        (case when n is distinct from a and n is distinct from cut.b then n end),
        (case when c is distinct from a and c is distinct from cut.b and c is distinct from n then c end),
        (case when d is distinct from a and d is distinct from cut.b and d is distinct from n and d is distinct from c then d end)
    ) s (way)
    where s.way[1] <> '' and s.way[2] is not null and not exists (select from building_past o where o.code = b.code);
    insert into search_spelt
    select code, stem, tail, place, coalesce(lower(span), '-infinity'), coalesce(upper(span), 'infinity')
    from (select stem, tail, code, place, unnest(range_agg(valid)) as span
          from search_spelling where kind = 'building' and code in (select code from building_past)
          group by code, stem, tail, place) held;
    analyze search_spelt;
    insert into search_term (text)
    select distinct s.stem from search_spelt s
    where not exists (select from search_term t where t.text = s.stem)
    order by 1 on conflict (text) do nothing;
    perform derive_afresh('search_entry', $entries$
        select term, tail, kind, code, since, until, place from search_entry where kind <> 'building'
        union all
        select t.id, s.tail, 'building', s.code, s.since, s.until, s.place::geography
        from search_spelt s join search_term t on t.text = s.stem$entries$);
    drop table search_spelt;
end
$$;

-- Bring all that is due of one kind of derived things to the truth; answers how many rows of `derive_due` that were.
-- It waits for those who derive at once just now; what changes meanwhile is due again, and done here too if it is
-- committed before the end.
create function derive_due_now(of_derived text) returns integer
language plpgsql security definer set search_path = public as $$
declare
    taken bigint[];
    total integer := 0;
    one record;
    whole boolean;
    codes text[];
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'what is due can only be derived by a transaction that sees what others commit (read committed)';
    end if;
    perform pg_advisory_xact_lock(derive_lock(of_derived));
    perform set_config('gridsvc.deriving', 'on', true);
    -- What is written here is only copied by the process that gathers it: the work is worth two processes.
    perform set_config('parallel_tuple_cost', '0.01', true), set_config('max_parallel_workers_per_gather', '2', true);
    for turn in 1..5 loop
        taken := array(select id from derive_due where derived = of_derived);
        exit when taken = '{}';
        for one in
            select kind, bool_or(d.codes is null) as everything, sum(cardinality(d.codes)) as changes
            from derive_due d where id = any (taken) group by kind
        loop
            whole := one.everything;
            codes := null;
            if not whole and one.kind in ('building', 'street') then
                execute format('select count(*) < 3 * $1 from %I', one.kind) into whole using one.changes;
            end if;
            if not whole then
                codes := array(select distinct code from derive_due d, unnest(d.codes) code
                               where d.id = any (taken) and d.kind = one.kind);
            end if;
            case of_derived
                when 'drawn' then perform derive_drawn(one.kind, codes, whole);
                when 'written' then perform derive_written(codes, whole);
                when 'search' then perform derive_search(one.kind, codes, whole);
            end case;
        end loop;
        delete from derive_due where id = any (taken);
        total := total + cardinality(taken);
    end loop;
    perform set_config('gridsvc.deriving', '', true);
    return total;
end
$$;
