-- Search: every name, number and address of the ground by text, pinyin and initials; derived by triggers in the
-- transaction of the change itself, so that it cannot be stale, whoever writes.

do $$
begin
    -- Where the locale knows no letters beyond ASCII, trigrams of Chinese are empty and nothing would ever be found.
    if cardinality(show_trgm('路')) = 0 then
        raise exception 'the LC_CTYPE of this database (%) knows no Chinese letters: create it with a UTF-8 locale, such as C.UTF-8',
            current_setting('lc_ctype') using errcode = 'object_not_in_prerequisite_state';
    end if;
end
$$;

-- How a text is compared ----------------------------------------------------------------------------------------------

-- Lower case, full width as half, no accents, no spaces or signs; a number like 12-3 is 12之3, which is not 123.
-- PL/pgSQL here and below, because a function in SQL would be inlined, and its argument reckoned again at each mention.
create function search_normal(given text) returns text
language plpgsql immutable strict parallel safe as $$
declare
    normal text := translate(lower(normalize(left(given, 400), nfkd)), '號', '号');
begin
    if normal ~ '[^[:alnum:]]' then
        normal := regexp_replace(normal, '([0-9])[-–—]([0-9])', '\1之\2', 'g');
        normal := regexp_replace(normal, '[^[:alnum:]]+', '', 'g');
    end if;
    return left(normal, 100);
end
$$;

-- 中山路123号 -> {中山路, 123}: what is shared by the houses of a road, and what tells them apart. A house number alone,
-- or a text that ends in words, is not cut: 12号 -> {12, ""}, 第3网格 -> {第3网格, ""}.
create function search_split(normal text) returns text[]
language plpgsql immutable strict parallel safe as $$
declare
    cut text[];
begin
    if normal !~ '[0-9]' then
        return array[normal, ''];
    end if;
    cut := regexp_match(normal, '^([^0-9]*)([0-9][0-9a-z号弄栋幢座楼单元室层院之]*)$');
    if cut[1] <> '' then
        return array[cut[1], regexp_replace(cut[2], '(号|hao)$', '')];
    end if;
    return array[regexp_replace(normal, '^([0-9]+)号$', '\1'), ''];
end
$$;

-- A trigram index does not serve two letters, which in Chinese are a word; pairs of them are kept beside.
create function search_pairs(key text) returns text[]
language sql immutable strict parallel safe
return array(select substr(key, n, 2) from generate_series(1, length(key) - 1) n);

-- How Chinese is read -------------------------------------------------------------------------------------------------

-- Characters and phrases with their readings, commonest first, syllables apart: 重 {zhong,chong}, 重庆 {chong qing}.
create table pinyin (
    text text constraint pk_pinyin primary key,
    readings text[] not null,
    constraint ck_pinyin_readings check (cardinality(readings) > 0)
);

-- What an office reads differently, such as 六合 {lu he}; it goes before what is general.
create table pinyin_own (
    text text constraint pk_pinyin_own primary key,
    readings text[] not null,
    constraint ck_pinyin_own_text check (length(text) between 1 and 8),
    constraint ck_pinyin_own_readings check
        (cardinality(readings) between 1 and 4 and array_to_string(readings, ',') ~ '^[a-z]+([ ,][a-z]+)*$')
);

-- Read a normal text: the longest phrase first, characters of several readings in each of them, at most eight ways.
create function pinyin_of(given text) returns table (pinyin text, initials text)
language plpgsql stable as $$
declare
    ways text[] := '{""}';
    position integer := 1;
    chunk text;
    said text[];
begin
    while position <= length(given) loop
        chunk := substring(substr(given, position) from '^[0-9a-z]+');
        if chunk is null then
            select p.text, p.readings into chunk, said
            from (select o.text, o.readings, 0 as rank from pinyin_own o
                  where o.text = any (array(select substr(given, position, n) from generate_series(1, 8) n))
                  union all
                  select g.text, g.readings, 1 from pinyin g
                  where g.text = any (array(select substr(given, position, n) from generate_series(1, 8) n))) p
            order by p.rank, length(p.text) desc limit 1;
            if chunk is null then
                chunk := substr(given, position, 1);
                said := array[chunk];
            end if;
        else
            said := array[chunk];
        end if;
        ways := array(select w.way || ' ' || s.way from unnest(ways) with ordinality w (way, n)
                      cross join unnest(said) with ordinality s (way, n) order by w.n + s.n, w.n limit 8);
        position := position + length(chunk);
    end loop;
    return query
    select replace(way, ' ', ''),
           -- A number is no word with an initial.
           (select string_agg(case when s ~ '^[0-9]' then s else left(s, 1) end, '' order by n)
            from regexp_split_to_table(trim(way), ' ') with ordinality as syllable (s, n))
    from unnest(ways) way;
end
$$;

-- What is kept --------------------------------------------------------------------------------------------------------

-- Every different stem once. One that nothing is called any more stays: it costs a row and answers nothing.
create table search_term (
    id bigint generated always as identity constraint pk_search_term primary key,
    text text not null constraint uq_search_term_text unique
);

-- The ways to write a term.
create table search_key (
    term bigint not null,
    form text not null,
    key text not null,
    constraint pk_search_key primary key (term, form, key),
    constraint ck_search_key_form check (form in ('text', 'pinyin', 'initials'))
);
create index ix_search_key_key on search_key (key text_pattern_ops);
create index ix_search_key_trigrams on search_key using gin (key gin_trgm_ops) where form <> 'initials';
create index ix_search_key_pairs on search_key using gin (search_pairs(key)) where form = 'text';

-- What is called by a term, from when until when, and where it lay.
create table search_entry (
    term bigint not null,
    tail text not null,
    kind text not null,
    code text not null,
    since timestamptz not null,
    until timestamptz not null,
    place geography(Point, 4326)
);
create index ix_search_entry_code on search_entry (code, kind);
create index ix_search_entry_term on search_entry (term, tail text_pattern_ops);
create index ix_search_entry_place on search_entry using gist (term, place) where kind <> 'street';
create index ix_search_entry_street on search_entry (term) where kind = 'street';

-- The ways everything of the ground is and was called; a building is also its name or its road with its number.
create view search_spelling as
select 'building' as kind, b.code, s.stem, s.tail, b.point as place, b.valid
from building_ever b
cross join lateral (select search_split(search_normal(b.name)) as name, search_split(search_normal(b.address)) as address,
                           search_split(search_normal(b.number)) as number offset 0) cut -- reckoned once, not at each mention
cross join lateral (
    values (cut.name[1], cut.name[2]), (cut.address[1], cut.address[2]), (cut.number[1], cut.number[2]),
           (case when cut.name[2] = '' then cut.name[1] end, cut.number[1] || cut.number[2]),
           (case when cut.address[2] = '' then cut.address[1] end, cut.number[1] || cut.number[2])
) s (stem, tail)
where s.stem <> '' and s.tail is not null
union all
select 'street', t.code, s[1], s[2], st_pointonsurface(t.geometry), t.valid
from street_ever t
cross join lateral (select search_split(search_normal(t.name)) union all select search_split(search_normal(t.name_en))) n (s)
where s[1] <> ''
union all
select 'asset', a.code, s[1], s[2], a.geometry, a.valid
from asset_ever a cross join lateral search_split(search_normal(a.name)) s where s[1] <> ''
union all
select 'grid', v.grid, s[1], s[2], st_pointonsurface(v.geometry), v.valid
from grid_version v cross join lateral search_split(search_normal(v.name)) s where s[1] <> ''
union all
select 'community', v.community, s[1], s[2], st_pointonsurface(v.geometry), v.valid
from community_version v cross join lateral search_split(search_normal(v.name)) s where s[1] <> ''
union all
select 'division', d.code, s[1], s[2], st_pointonsurface(d.geometry), d.valid
from division_ever d cross join lateral search_split(search_normal(d.name)) s where s[1] <> '';

create function spell_terms(terms bigint[]) returns void language sql as $$
    delete from search_key where term = any (terms);
    insert into search_key (term, form, key)
    select id, 'text', text from search_term where id = any (terms)
    union
    select t.id, k.form, k.key
    from search_term t cross join lateral pinyin_of(t.text) p
    cross join lateral (values ('pinyin', p.pinyin), ('initials', p.initials)) k (form, key)
    where t.id = any (terms) and t.text ~ '[\u3007\u3400-\u9fff]';
$$;

create function spell_new_terms() returns trigger language plpgsql as $$
begin
    perform spell_terms(array(select id from fresh));
    return null;
end
$$;
create trigger spell_new_terms after insert on search_term
    referencing new table as fresh for each statement execute function spell_new_terms();

-- A new reading is for the terms that are just being made, too.
create function spell_again() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(derive_lock('search'));
    perform spell_terms(array(select id from search_term t where position(coalesce(new.text, old.text) in t.text) > 0));
    return null;
end
$$;
create trigger spell_again after insert or update or delete on pinyin_own for each row execute function spell_again();

-- Bring what is kept about some things to the truth; spans of time in which nothing changed here are one.
create function search_again(of_kind text, of_codes text[]) returns void language plpgsql as $$
declare
    slice constant integer := 10000;
    piece text[];
    stems text[];
    tails text[];
    codes text[];
    places geometry[];
    sinces timestamptz[];
    untils timestamptz[];
begin
    for start in 1..cardinality(of_codes) by slice loop
        piece := of_codes[start:start + slice - 1];
        delete from search_entry where kind = of_kind and code = any (piece);
        -- Planned each time, because one thing and ten thousand of them want different plans.
        execute format('select array_agg(stem), array_agg(tail), array_agg(code), array_agg(place),'
            ' array_agg(coalesce(lower(span), ''-infinity'')), array_agg(coalesce(upper(span), ''infinity''))'
            ' from (select stem, tail, code, place, unnest(range_agg(valid)) as span from search_spelling'
            ' where kind = %L and code = any ($1) group by code, stem, tail, place) h', of_kind)
        into stems, tails, codes, places, sinces, untils using piece;
        -- Sorted, so that two transactions with the same new terms cannot wait for each other.
        insert into search_term (text)
        select distinct s.stem from unnest(stems) s (stem)
        where not exists (select from search_term t where t.text = s.stem)
        order by 1 on conflict (text) do nothing;
        insert into search_entry (term, tail, kind, code, since, until, place)
        select t.id, h.tail, of_kind, h.code, h.since, h.until, h.place::geography
        from unnest(stems, tails, codes, places, sinces, untils) h (stem, tail, code, place, since, until)
        join search_term t on t.text = h.stem;
    end loop;
end
$$;

-- Arguments: the kind, its key, and the columns that matter (for an update). Many things are brought to the truth later.
create function search_changed() returns trigger language plpgsql as $$
declare
    codes text[];
begin
    if tg_op = 'TRUNCATE' then
        perform derive_later('search', tg_argv[0], null);
        return null;
    elsif tg_op = 'UPDATE' and tg_nargs > 2 then
        execute format('select array(select n.%1$I from changed n join was o using (%1$I) where (%2$s) is distinct from (%3$s))',
            tg_argv[1], 'n.' || replace(tg_argv[2], ',', ',n.'), 'o.' || replace(tg_argv[2], ',', ',o.')) into codes;
    else
        execute format('select array(select distinct %I from changed)', tg_argv[1]) into codes;
    end if;
    if not derive_at_once('search', cardinality(codes)) then
        perform derive_later('search', tg_argv[0], codes);
    elsif codes <> '{}' then
        perform search_again(tg_argv[0], codes);
    end if;
    return null;
end
$$;

do $$
declare
    one record;
begin
    for one in
        select * from (values
            ('building', 'building', 'code', 'name,number,address,point'),
            ('street', 'street', 'code', 'name,name_en,geometry'),
            ('asset', 'asset', 'code', 'name,geometry'),
            ('division', 'division', 'code', 'name,geometry'),
            ('grid_version', 'grid', 'grid', null),
            ('community_version', 'community', 'community', null)) t (source, kind, key, matters)
    loop
        execute format('create trigger search_changed_insert after insert on %I referencing new table as changed'
            ' for each statement execute function search_changed(%L, %L)', one.source, one.kind, one.key);
        execute format('create trigger search_changed_delete after delete on %I referencing old table as changed'
            ' for each statement execute function search_changed(%L, %L)', one.source, one.kind, one.key);
        execute format('create trigger search_changed_update after update on %I referencing old table as was'
            ' new table as changed for each statement execute function search_changed(%s)', one.source,
            concat_ws(', ', quote_literal(one.kind), quote_literal(one.key), quote_literal(one.matters)));
    end loop;
end
$$;

do $$
declare
    source text;
begin
    foreach source in array '{building,street,asset,division}'::text[] loop
        execute format('create trigger search_changed_truncate after truncate on %1$I'
                       ' for each statement execute function search_changed(%1$L)', source);
    end loop;
end
$$;

-- What may be seen: an entry counts only while its own table still shows the thing, so row security there holds here.
create view search_seen with (security_invoker = true) as
select e.* from search_entry e
where case e.kind
    when 'building' then exists (select from building b where b.code = e.code)
        or exists (select from building_past b where b.code = e.code)
    when 'street' then exists (select from street s where s.code = e.code)
        or exists (select from street_past s where s.code = e.code)
    when 'asset' then exists (select from asset a where a.code = e.code)
        or exists (select from asset_past a where a.code = e.code)
    when 'grid' then exists (select from grid_version v where v.grid = e.code)
    when 'community' then exists (select from community_version v where v.community = e.code)
    when 'division' then exists (select from division_ever d where d.code = e.code)
end;

-- A code is found by its beginning, in its own table; `~>=~` is by bytes, needs this index, and is leakproof.
create index ix_division_code on division (code text_pattern_ops);
create index ix_building_code on building (code text_pattern_ops);
create index ix_street_code on street (code text_pattern_ops);
create index ix_asset_code on asset (code text_pattern_ops);
create index ix_division_past_code on division_past (code text_pattern_ops);
create index ix_building_past_code on building_past (code text_pattern_ops);
create index ix_street_past_code on street_past (code text_pattern_ops);
create index ix_asset_past_code on asset_past (code text_pattern_ops);
create index ix_grid_version_grid on grid_version (grid text_pattern_ops);
create index ix_community_version_community on community_version (community text_pattern_ops);
create index ix_incident_number on incident (number text_pattern_ops);
