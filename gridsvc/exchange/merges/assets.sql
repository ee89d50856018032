-- Assets by code.
with merged as (
    insert into asset as a (code, class, name, state, geometry)
    select code, class, name, state, geometry from staging
    on conflict (code) do update
    set class = excluded.class, name = excluded.name, state = excluded.state, geometry = excluded.geometry
    where (a.class, a.name, a.state, a.geometry) is distinct from
          (excluded.class, excluded.name, excluded.state, excluded.geometry)
    returning (xmax = 0) as new
)
select count(*) filter (where new), count(*) filter (where not new) from merged
