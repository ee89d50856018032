-- A division's parent is in the file or was there before.
select s.row, 'there is no division ' || s.parent
from staging s
where s.parent is not null
    and not exists (select from division d where d.code = s.parent)
    and not exists (select from staging t where t.code = s.parent)
