-- A grid belongs to the community whose code begins its own.
select s.row, 'there is no community ' || left(s.code, 12)
from staging s
where not exists (select from community c where c.code = left(s.code, 12))
