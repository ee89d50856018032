-- An incident can only be filed under a condition that the current catalogue has, and was reported at a known moment.
select s.row, 'the catalogue has no condition ' || s.condition || ' of class ' || s.class
from staging s
where not exists (
    select from catalogue v
    join catalogue_condition c on c.version = v.version and c.class = s.class and c.code = s.condition
    where v.current)
union all
select s.row, 'reported_at is 1970-01-01, which is how some systems write that they do not know'
from staging s where s.reported_at = '1970-01-01Z'
