-- Buildings by code; counts that the file does not have are not taken away.
with merged as (
    insert into building as b
        (code, name, number, address, use, levels, households, households_source, inhabitants, geometry)
    select code, name, number, address, use, levels, households,
           case when households is not null then coalesce(households_source, 'counted') end, inhabitants, geometry
    from staging
    on conflict (code) do update
    set name = excluded.name, number = excluded.number, address = excluded.address, use = excluded.use,
        levels = excluded.levels, households = coalesce(excluded.households, b.households),
        households_source = coalesce(excluded.households_source, b.households_source),
        inhabitants = coalesce(excluded.inhabitants, b.inhabitants), geometry = excluded.geometry
    where (b.name, b.number, b.address, b.use, b.levels, b.households, b.households_source, b.inhabitants, b.geometry)
        is distinct from
        (excluded.name, excluded.number, excluded.address, excluded.use, excluded.levels,
         coalesce(excluded.households, b.households), coalesce(excluded.households_source, b.households_source),
         coalesce(excluded.inhabitants, b.inhabitants), excluded.geometry)
    returning (xmax = 0) as new
)
select count(*) filter (where new), count(*) filter (where not new) from merged
