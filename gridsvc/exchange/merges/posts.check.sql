-- A post ends after it begins, and a grid has one responsible worker at a time: in the file, and beside what is held.
select s.row, 'valid_to is not after valid_from' from staging s where s.valid_to <= s.valid_from
union all
select s.row, 'grid ' || s.grid || ' already has the responsible worker ' || other.worker || ' at that time'
from staging s
join lateral (
    select p.worker from post p
    where p.grid = s.grid and p.role = 'responsible' and p.valid && tstzrange(s.valid_from, s.valid_to)
        and (p.worker, lower(p.valid)) <> (s.worker, s.valid_from)
    union all
    select t.worker from staging t
    where t.grid = s.grid and t.role = 'responsible' and t.row < s.row
        and (t.valid_to is null or t.valid_to > t.valid_from)
        and tstzrange(t.valid_from, t.valid_to) && tstzrange(s.valid_from, s.valid_to)
    limit 1
) other on true
where s.role = 'responsible' and (s.valid_to is null or s.valid_to > s.valid_from)
