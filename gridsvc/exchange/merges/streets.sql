-- Pieces of street by code; the length in metres is measured where the street lies.
with merged as (
    insert into street as t (code, name, name_en, kind, bridge, tunnel, layer, oneway, foot, length_m, geometry)
    select code, name, name_en, kind, bridge, tunnel, layer, oneway, foot, st_length(metric(geometry)), geometry
    from staging
    on conflict (code) do update
    set name = excluded.name, name_en = excluded.name_en, kind = excluded.kind, bridge = excluded.bridge,
        tunnel = excluded.tunnel, layer = excluded.layer, oneway = excluded.oneway, foot = excluded.foot,
        length_m = excluded.length_m, geometry = excluded.geometry
    where (t.name, t.name_en, t.kind, t.bridge, t.tunnel, t.layer, t.oneway, t.foot, t.geometry) is distinct from
          (excluded.name, excluded.name_en, excluded.kind, excluded.bridge, excluded.tunnel, excluded.layer,
           excluded.oneway, excluded.foot, excluded.geometry)
    returning (xmax = 0) as new
)
select count(*) filter (where new), count(*) filter (where not new) from merged
