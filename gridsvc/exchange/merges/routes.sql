-- Routes by code, each with its checkpoints in the order of the file.
create temporary table differing on commit drop as
select s.*, r.id is null as new
from staging s left join route r on r.id = s.code
where r.id is null
   or (r.name, r.grid, r.worker, r.geometry) is distinct from (s.name, s.grid, s.worker, s.geometry)
   or (select coalesce(jsonb_agg(jsonb_build_array(c.name, st_x(c.geometry), st_y(c.geometry)) order by c.position), '[]')
       from checkpoint c where c.route = s.code)
      is distinct from
      (select coalesce(jsonb_agg(jsonb_build_array(
          c ->> 'name', round((c ->> 'lon')::numeric, 7)::float8, round((c ->> 'lat')::numeric, 7)::float8) order by n), '[]')
       from jsonb_array_elements(s.checkpoints) with ordinality as stop (c, n));

insert into route (id, name, grid, worker, length_m, geometry)
select code, name, grid, worker, st_length(metric(geometry)), geometry from differing
on conflict (id) do update
set name = excluded.name, grid = excluded.grid, worker = excluded.worker, length_m = excluded.length_m,
    geometry = excluded.geometry;

delete from checkpoint c using differing d where c.route = d.code;

insert into checkpoint (route, position, name, geometry)
select d.code, n, c ->> 'name',
       st_setsrid(st_makepoint(round((c ->> 'lon')::numeric, 7)::float8, round((c ->> 'lat')::numeric, 7)::float8), 4326)
from differing d cross join jsonb_array_elements(d.checkpoints) with ordinality as stop (c, n);

select count(*) filter (where new), count(*) filter (where not new) from differing
