-- Search, sharpened for addresses: an exact code first; for a street with a number the building before the street, also
-- where the building's address begins with the city; the street before whatever else happens to begin so.

create or replace function search_terms(asked text, way text) returns bigint[]
language plpgsql stable parallel safe as $$
begin
    if way = 'exact' then
        return array(select k.term from search_key k where k.key = asked group by k.term order by max(k.form) desc, k.term);
    elsif way = 'prefix' then
        return array(select k.term from search_key k
                     where k.key ~>=~ asked and k.key ~<~ (asked || chr(1114111))
                     group by k.term order by min(length(k.key)), k.term limit 1000);
    elsif way in ('contains', 'ending') and length(asked) = 2 then
        return array(select k.term from search_key k where search_pairs(k.key) @> array[asked] and k.form = 'text'
                     and (way = 'contains' or right(k.key, 2) = asked)
                     order by length(k.key), k.term limit 1000);
    elsif way in ('contains', 'ending') and length(asked) > 2 then
        return array(select k.term from search_key k
                     where k.key like '%' || asked || case way when 'contains' then '%' else '' end and k.form <> 'initials'
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

-- The steps of a search, best first: `grade` is the order of the answers, within which the nearest comes first; `way` is
-- how terms are looked for, `match` what is told. Those of a `road` are for a question that is one with a number.
create function search_steps() returns table (step text, grade integer, way text, match text)
language sql immutable parallel safe as $$
    values ('code', 1, null, 'exact'), ('exact', 2, 'exact', 'exact'), ('road number', 3, 'ending', 'contains'),
        ('road prefix', 4, 'exact', 'prefix'), ('road', 5, 'exact', 'similar'), ('code prefix', 6, null, 'prefix'),
        ('prefix', 6, 'prefix', 'prefix'), ('whole prefix', 6, 'prefix', 'prefix'), ('contains', 7, 'contains', 'contains'),
        ('whole contains', 7, 'contains', 'contains'), ('similar', 8, 'similar', 'similar'), ('any number', 8, 'prefix', 'similar')
$$;

drop function search_things(text, text, geography, timestamptz, text[], integer);

-- Everything found, best first; `code_asked` is null where the question cannot be a code.
create function search_things(
    asked text, code_asked text, here geography, moment timestamptz, kinds text[], most integer
) returns table (rank integer, grade integer, kind text, code text, match text)
-- Planning anew at each question takes longer than answering it.
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    whole text := search_normal(asked);
    cut text[] := search_split(whole);
    tail text := cut[2];
    -- 12号 is a number that has ended: neither 120 nor 12之3 is meant, but 12号3栋 may be.
    stop text := case when whole ~ '[0-9](号|hao)$' then '号' else '' end;
    last constant text := chr(1114111);
    seen text[] := '{}';
    -- Whether there is more than the road itself.
    answered boolean := false;
    one record;
    among text[];
    terms bigint[];
    tails text[];
begin
    rank := 0;
    for one in select * from search_steps() loop
        exit when cardinality(seen) >= most or one.grade = 8 and answered;
        continue when one.way is null and code_asked is null or one.step = 'code prefix' and length(code_asked) < 4
            or one.way is not null and whole = ''
            or one.step in ('road number', 'road prefix', 'road', 'whole prefix', 'whole contains', 'any number') and tail = ''
            -- Who has the very number needs no other road that ends so; what contains it comes later.
            or one.step = 'road number' and answered;
        match := one.match;
        grade := one.grade;
        among := case when one.step = 'road' then array(select k from unnest(kinds) k where k = 'street') else kinds end;
        terms := case when one.way is not null then
            search_terms(case when one.step like 'whole%' then whole else cut[1] end, one.way) end;
        tails := case when one.step like 'whole%' or one.step = 'any number' then array['', last]
                      when one.step = 'road' then array['', chr(1)]
                      when one.step in ('exact', 'road number') then array[tail, tail || chr(1)]
                      when tail <> '' then array[tail || stop, tail || stop || last]
                      else array[tail, tail || last] end;
        for kind, code in
            select c.kind, c.code
            from search_codes(array[code_asked, code_asked || case one.step when 'code' then chr(1) else last end],
                              moment, kinds, most) c
            where terms is null
            union all
            select e.kind, e.code from search_entries(terms, tails, here, moment, among, most + cardinality(seen)) e
            where terms <> '{}'
        loop
            continue when kind || code = any (seen);
            rank := rank + 1;
            seen := seen || (kind || code);
            answered := answered or one.step <> 'road';
            return next;
        end loop;
    end loop;
end
$$;
