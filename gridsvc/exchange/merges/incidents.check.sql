-- An incident can only be filed under a condition that the current catalogue has.
select s.row, 'the catalogue has no condition ' || s.condition || ' of class ' || s.class
from staging s
where not exists (
    select from catalogue v
    join catalogue_condition c on c.version = v.version and c.class = s.class and c.code = s.condition
    where v.current)
