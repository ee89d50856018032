-- Communities: a code that is known and differs closes its version and opens the next, both at the same instant.
insert into community as c (code, street) select code, street from staging
on conflict (code) do update set street = excluded.street
where excluded.street is not null and c.street is distinct from excluded.street;

create temporary table differing on commit drop as
select s.*, v.version
from staging s left join community_version v on v.community = s.code and upper_inf(v.valid)
where v.community is null or (v.name, v.geometry) is distinct from (s.name, s.geometry);

update community_version v set valid = tstzrange(lower(v.valid), %(from)s)
from differing d where v.community = d.code and v.version = d.version;

insert into community_version (community, version, name, valid, area_m2, geometry)
select code, coalesce(version, 0) + 1, name, tstzrange(%(from)s, null), st_area(metric(geometry)), geometry
from differing;

select count(*) filter (where version is null), count(*) filter (where version is not null) from differing
