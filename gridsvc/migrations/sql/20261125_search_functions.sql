-- Search: how a question is answered. Exact before beginning before inside before alike; nearest first within each.

-- The terms written like `asked` (a normal text, so it holds no sign that LIKE reads), best first.
create function search_terms(asked text, way text) returns bigint[]
language plpgsql stable parallel safe as $$
begin
    if way = 'exact' then
        return array(select k.term from search_key k where k.key = asked group by k.term order by max(k.form) desc, k.term);
    elsif way = 'prefix' then
        return array(select k.term from search_key k
                     where k.key ~>=~ asked and k.key ~<~ (asked || chr(1114111))
                     group by k.term order by min(length(k.key)), k.term limit 1000);
    elsif way = 'contains' and length(asked) = 2 then
        return array(select k.term from search_key k where search_pairs(k.key) @> array[asked] and k.form = 'text'
                     order by length(k.key), k.term limit 1000);
    elsif way = 'contains' and length(asked) > 2 then
        return array(select k.term from search_key k where k.key like '%' || asked || '%' and k.form <> 'initials'
                     group by k.term order by min(length(k.key)), k.term limit 1000);
    elsif way = 'similar' and length(asked) > 2 then
        return array(
            select a.term from (
                -- Chinese typed by its sound comes out as other characters of the same sound.
                select k.term, 1.0 as likeness from pinyin_of(asked) p join search_key k on k.key = p.pinyin
                where asked ~ '[\u3007\u3400-\u9fff]' and k.form = 'pinyin'
                union all
                select k.term, similarity(k.key, asked) from search_key k where k.key % asked and k.form <> 'initials'
            ) a group by a.term order by max(a.likeness) desc, a.term limit 20);
    end if;
    return '{}';
end
$$;

-- What is called by some terms with a tail in a range (by bytes), nearest first, or in the terms' order without a place.
-- Of the pieces of a street one is given.
create function search_entries(
    terms bigint[], tails text[], here geography, moment timestamptz, kinds text[], most integer
) returns table (kind text, code text)
language plpgsql stable as $$
declare
    -- So many are sorted by distance in a few milliseconds. Where a few terms have more, the index walks outwards from
    -- the place instead; where many terms have more, only the closest written are looked at.
    bearable constant integer := 1000;
    few constant boolean := cardinality(terms) <= 8;
begin
    if here is not null and not (few and (
        select count(*) from (select from search_entry e
                              where e.term = any (terms) and e.tail ~>=~ tails[1] and e.tail ~<~ tails[2]
                              limit bearable + 1) counted
    ) > bearable) then
        return query
        select s.kind, s.code from (
            select n.* from (
            select distinct on (f.kind, case f.kind when 'street' then f.term::text else f.code end) f.*
            from (
                select e.kind, e.code, e.term, e.tail, t.rank, e.place <-> here as metres
                from unnest(terms[1:400]) with ordinality t (id, rank) join lateral (
                    select * from search_entry e
                    where e.term = t.id and e.tail ~>=~ tails[1] and e.tail ~<~ tails[2]
                ) e on e.since <= moment and e.until > moment and e.kind = any (kinds)
                limit bearable
            ) f
            order by f.kind, case f.kind when 'street' then f.term::text else f.code end, f.metres, f.code
            ) n
            order by n.metres, n.rank, n.tail, array_position(kinds, n.kind), n.code offset 0
        ) s
        -- Asked one by one in the order of distance, and no more often than the limit needs.
        where (select true from search_seen v where v.code = s.code and v.kind = s.kind limit 1)
        limit most;
    else
        return query
        select n.kind, n.code
        from unnest(terms[1:24]) with ordinality t (id, rank)
        cross join lateral (
            (select e.kind, e.code, e.place <-> here as metres, 0::bigint as turn
             from search_seen e
             where e.term = t.id and e.kind = 'street' and e.tail ~>=~ tails[1] and e.tail ~<~ tails[2]
                and e.since <= moment and e.until > moment and e.kind = any (kinds)
             order by metres, e.code limit 1)
            union all
            (select e.kind, e.code, e.place <-> here, 1::bigint
             from search_seen e
             where here is not null and e.term = t.id and e.kind <> 'street' and e.tail ~>=~ tails[1]
                and e.tail ~<~ tails[2] and e.since <= moment and e.until > moment and e.kind = any (kinds)
             order by e.place <-> here limit most)
            union all
            (select first.kind, first.code, null, row_number() over ()
             from (select e.kind, e.code
                   from search_seen e
                   where here is null and e.term = t.id and e.kind <> 'street' and e.tail ~>=~ tails[1]
                      and e.tail ~<~ tails[2] and e.since <= moment and e.until > moment and e.kind = any (kinds)
                   order by e.tail using ~<~ limit case when few then most else 3 end) first)
        ) n
        order by n.metres, n.turn, t.rank, array_position(kinds, n.kind), n.code limit most;
    end if;
end
$$;

-- The things whose code lies in a range (by bytes), by code.
create function search_codes(range text[], moment timestamptz, kinds text[], most integer)
returns table (kind text, code text)
language sql stable as $$
    select n.kind, n.code from (
        (select 'division' as kind, d.code from division_ever d
         where 'division' = any (kinds) and d.code ~>=~ range[1] and d.code ~<~ range[2] and d.valid @> moment
         order by d.code using ~<~ limit most)
        union all
        (select 'community', v.community from community_version v
         where 'community' = any (kinds) and v.community ~>=~ range[1] and v.community ~<~ range[2] and v.valid @> moment
         order by v.community using ~<~ limit most)
        union all
        (select 'grid', v.grid from grid_version v
         where 'grid' = any (kinds) and v.grid ~>=~ range[1] and v.grid ~<~ range[2] and v.valid @> moment
         order by v.grid using ~<~ limit most)
        union all
        (select 'building', b.code from building_ever b
         where 'building' = any (kinds) and b.code ~>=~ range[1] and b.code ~<~ range[2] and b.valid @> moment
         order by b.code using ~<~ limit most)
        union all
        (select 'street', s.code from street_ever s
         where 'street' = any (kinds) and s.code ~>=~ range[1] and s.code ~<~ range[2] and s.valid @> moment
         order by s.code using ~<~ limit most)
        union all
        (select 'asset', a.code from asset_ever a
         where 'asset' = any (kinds) and a.code ~>=~ range[1] and a.code ~<~ range[2] and a.valid @> moment
         order by a.code using ~<~ limit most)
        union all
        (select 'incident', i.id::text from incident i
         where 'incident' = any (kinds) and i.number ~>=~ range[1] and i.number ~<~ range[2] and i.reported_at <= moment
         order by i.number using ~<~ limit most)
    ) n
    order by array_position(kinds, n.kind), n.code limit most
$$;

-- Everything found, best first; `code_asked` is null where the question cannot be a code.
create function search_things(
    asked text, code_asked text, here geography, moment timestamptz, kinds text[], most integer
) returns table (rank integer, kind text, code text, match text)
-- Planning anew at each question takes longer than answering it.
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    whole text := search_normal(asked);
    cut text[] := search_split(whole);
    tail text := cut[2];
    last constant text := chr(1114111);
    seen text[] := '{}';
    -- By number on a road first, then by words that happen to hold a number.
    steps constant text[] := '{code,exact,code prefix,prefix,whole prefix,contains,whole contains,similar,any number}';
    step text;
    terms bigint[];
    tails text[];
begin
    rank := 0;
    foreach step in array steps loop
        exit when cardinality(seen) >= most or (step in ('similar', 'any number') and seen <> '{}');
        continue when step like 'code%' and code_asked is null or step = 'code prefix' and length(code_asked) < 4
            or step not like 'code%' and whole = ''
            or step in ('whole prefix', 'whole contains', 'any number') and tail = '';
        match := case step when 'code' then 'exact' when 'any number' then 'similar'
                 else regexp_replace(step, '^(code|whole) ', '') end;
        terms := case when step not like 'code%' then
            search_terms(case when step like 'whole%' then whole else cut[1] end,
                         case step when 'any number' then 'prefix' else match end) end;
        tails := case when step like 'whole%' or step = 'any number' then array['', last]
                      when step = 'exact' then array[tail, tail || chr(1)]
                      else array[tail, tail || last] end;
        for kind, code in
            select c.kind, c.code
            from search_codes(array[code_asked, code_asked || case step when 'code' then chr(1) else last end],
                              moment, kinds, most) c
            where terms is null
            union all
            select e.kind, e.code from search_entries(terms, tails, here, moment, kinds, most + cardinality(seen)) e
            where terms <> '{}'
        loop
            continue when kind || code = any (seen);
            rank := rank + 1;
            seen := seen || (kind || code);
            return next;
        end loop;
    end loop;
end
$$;

-- The pieces of street that are called so; `strictly` by exactly this name.
create function search_streets(asked text, moment timestamptz, strictly boolean) returns text[]
language plpgsql stable as $$
declare
    cut text[] := search_split(search_normal(asked));
    way text;
    pieces text[];
begin
    foreach way in array case when strictly then '{exact}' else '{exact,prefix,similar}' end::text[] loop
        pieces := array(
            select e.code from search_seen e
            where e.term = any (search_terms(cut[1], way)) and e.kind = 'street' and e.tail = cut[2]
                and e.since <= moment and e.until > moment
            limit 2000);
        exit when pieces <> '{}';
    end loop;
    return pieces;
end
$$;

-- Where two streets meet, for the first pair of names that do: their lines touch, or end within 30 m of each other where
-- a junction is drawn with a gap. What lies within 60 m is one corner: two carriageways cross two others four times.
create function search_corners(
    lefts text[], rights text[], strictly boolean, here geography, moment timestamptz, most integer
) returns table (name text, place geometry)
language plpgsql stable as $$
begin
    for n in 1..coalesce(cardinality(lefts), 0) loop
        return query
        with one as materialized (
            select s.name, s.geometry from street_ever s
            where s.code = any (search_streets(lefts[n], moment, strictly)) and s.valid @> moment
        ), other as materialized (
            select s.name, s.geometry from street_ever s
            where s.code = any (search_streets(rights[n], moment, strictly)) and s.valid @> moment
        ), pair as (
            select one.name || '与' || other.name as names, one.geometry as a, other.geometry as b,
                   st_intersects(one.geometry, other.geometry) as touching
            from one join other on one.name <> other.name and one.geometry && st_expand(other.geometry, 0.0005)
                and st_distance(one.geometry::geography, other.geometry::geography, false) <= 30
        ), chosen as (
            select *, bool_or(touching) over (partition by names) as anywhere from pair
        ), spot as (
            select names, st_centroid((st_dump(st_intersection(a, b))).geom) as place from chosen where touching
            union all
            select names, st_centroid(st_shortestline(a, b)) from chosen where not anywhere
        ), corner as (
            select names, s.place, st_clusterdbscan(s.place, 0.0006, 1) over (partition by names) as number from spot s
        )
        select c.names, st_centroid(st_collect(c.place)) from corner c
        group by c.names, c.number
        order by st_centroid(st_collect(c.place))::geography <-> here, c.names, c.number limit most;
        exit when found;
    end loop;
end
$$;
