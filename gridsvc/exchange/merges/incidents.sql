-- Past incidents: each gets the owner of its own moment and, without one of its own, the next number of its office day.
create temporary table located on commit drop as
select s.*, l.community, l.grid, l.grid_version, l.rule,
       case when l.grid is not null then on_post(l.grid, 'responsible', s.reported_at) ->> 'id' end as responsible,
       (s.reported_at at time zone current_setting('gridsvc.timezone'))::date as day
from staging s
cross join lateral locate_point(s.geometry, s.reported_at, s.accuracy_m) l
where s.number is null or not exists (select from incident i where i.number = s.number);

create temporary table numbered on commit drop as
select l.*, coalesce(
    l.number,
    to_char(l.day, 'YYYYMMDD-') || lpad((coalesce(d.last, 0)
        + row_number() over (partition by l.day order by l.reported_at, st_x(l.geometry), l.row))::text, 6, '0')) as given
from located l left join incident_day d on d.day = l.day;

insert into incident_day as d (day, last)
select day, max(right(given, 6)::integer) from numbered group by day
on conflict (day) do update set last = greatest(d.last, excluded.last);

insert into incident (
    number, catalogue, class, condition, status, source, text, accuracy_m, rule, community, grid, grid_version, queue,
    responsible, department, reported_at, closed_at, geometry)
select n.given, c.version, n.class, n.condition, n.status, n.source, n.text, n.accuracy_m, n.rule, n.community, n.grid,
       n.grid_version, case when n.community is null then current_setting('gridsvc.fallback_queue') end, n.responsible,
       c.department, n.reported_at,
       case when n.status in ('closed', 'rejected') then coalesce(n.closed_at, n.reported_at) end, n.geometry
from numbered n
join catalogue_condition c on c.class = n.class and c.code = n.condition
    and c.version = (select version from catalogue where current)
order by n.given;

select count(*), 0 from numbered
