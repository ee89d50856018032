-- Past incidents: each gets the owner of its own moment and, without one of its own, the next number of its office day.
-- Many a system writes a date it does not have as the first day of 1970.
update staging set due_at = nullif(due_at, '1970-01-01Z'), closed_at = nullif(closed_at, '1970-01-01Z');

create temporary table located on commit drop as
select s.*, l.community, l.grid, l.grid_version, l.rule,
       case when l.grid is not null then on_post(l.grid, 'responsible', s.reported_at) ->> 'id' end as responsible,
       (s.reported_at at time zone current_setting('gridsvc.timezone'))::date as day
from staging s
cross join lateral locate_point(s.geometry, s.reported_at, s.accuracy_m) l
where s.number is null or not exists (select from incident i where i.number = s.number);

-- Numbers go on after the highest of the day, in the database or in the file.
select keep_incident_numbers(day, coalesce(max(right(number, 6)::integer), 0)) from located group by day order by day;

create temporary table numbered on commit drop as
select l.*, coalesce(l.number, next_incident_number(l.day)) as given
from (select * from located order by day, reported_at, st_x(geometry), row offset 0) l;

insert into incident (
    number, catalogue, class, condition, status, source, text, accuracy_m, rule, community, grid, grid_version, queue,
    responsible, department, reported_at, due_at, closed_at, stage_since, geometry, why, version)
select n.given, c.version, n.class, n.condition, n.status, n.source, n.text, n.accuracy_m, n.rule, n.community, n.grid,
       n.grid_version, case when n.community is null then current_setting('gridsvc.fallback_queue') end, n.responsible,
       c.department, n.reported_at, n.due_at,
       case when n.status in ('closed', 'rejected', 'merged') then coalesce(n.closed_at, n.reported_at) end,
       coalesce(n.closed_at, n.reported_at), n.geometry, jsonb_build_object('rule', n.rule, 'because', 'imported'),
       case when n.status = 'reported' then 1 else 2 end
from numbered n
join catalogue_condition c on c.class = n.class and c.code = n.condition
    and c.version = (select version from catalogue where current)
order by n.given;

-- The log of what came as history: that it was reported, and the state it came in.
insert into incident_step (incident, number, action, actor, role, at, "to", queue, after)
select i.id, 1, 'report', 'system', 'admin', i.reported_at, i.department, i.queue, 'reported'
from incident i join numbered n on n.given = i.number;
insert into incident_step (incident, number, action, actor, role, at, "to", before, after)
select i.id, 2, 'imported', 'system', 'admin', i.stage_since, i.status, 'reported', i.status
from incident i join numbered n on n.given = i.number where i.status <> 'reported';

select count(*), 0 from numbered
