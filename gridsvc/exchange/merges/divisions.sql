-- Divisions by code; a geometry that the file does not have is not taken away.
with merged as (
    insert into division as d (code, name, level, parent, geometry)
    select code, name, level, parent, geometry from staging
    on conflict (code) do update
    set name = excluded.name, level = excluded.level, parent = excluded.parent,
        geometry = coalesce(excluded.geometry, d.geometry)
    where (d.name, d.level, d.parent, d.geometry) is distinct from
          (excluded.name, excluded.level, excluded.parent, coalesce(excluded.geometry, d.geometry))
    returning (xmax = 0) as new
)
select count(*) filter (where new), count(*) filter (where not new) from merged
