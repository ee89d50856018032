-- Every checkpoint has a name and a place.
select s.row, 'checkpoint ' || n || ' needs a name, lon and lat'
from staging s cross join jsonb_array_elements(s.checkpoints) with ordinality as stop (c, n)
where jsonb_typeof(c -> 'name') is distinct from 'string'
    or jsonb_typeof(c -> 'lon') is distinct from 'number'
    or jsonb_typeof(c -> 'lat') is distinct from 'number'
    or (c ->> 'lon')::float8 not between -180 and 180
    or (c ->> 'lat')::float8 not between -90 and 90
