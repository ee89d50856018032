-- Posts: one that holds already from the same moment is the same post, and at most its end changes.
create temporary table known on commit drop as
select p.id, s.valid_to, upper(p.valid) as until
from staging s
join post p on (p.grid, p.worker, p.role, lower(p.valid)) = (s.grid, s.worker, s.role, s.valid_from);

update post p set valid = tstzrange(lower(p.valid), k.valid_to)
from known k where k.id = p.id and k.valid_to is distinct from k.until;

with added as (
    insert into post (grid, worker, role, valid)
    select s.grid, s.worker, s.role, tstzrange(s.valid_from, s.valid_to)
    from staging s
    where not exists (
        select from post p
        where (p.grid, p.worker, p.role, lower(p.valid)) = (s.grid, s.worker, s.role, s.valid_from))
    returning 1
)
select (select count(*) from added), (select count(*) from known where valid_to is distinct from until)
