-- Grids: a code that is known and differs closes its version and opens the next, both at the same instant.
insert into grid (code) select code from staging on conflict (code) do nothing;

create temporary table differing on commit drop as
select s.*, v.version
from staging s left join grid_version v on v.grid = s.code and upper_inf(v.valid)
where v.grid is null or (v.name, v.kind, v.geometry) is distinct from (s.name, s.kind, s.geometry);

update grid_version v set valid = tstzrange(lower(v.valid), %(from)s)
from differing d where v.grid = d.code and v.version = d.version;

insert into grid_version (grid, version, name, kind, valid, area_m2, geometry)
select code, coalesce(version, 0) + 1, name, kind, tstzrange(%(from)s, null), st_area(metric(geometry)), geometry
from differing;

select count(*) filter (where version is null), count(*) filter (where version is not null) from differing
