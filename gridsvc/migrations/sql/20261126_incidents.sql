-- Incidents, from a report to an honest close.

-- The catalogue ------------------------------------------------------------------------------------------------------

-- Where a version came from (the file and its SHA-256), and who brought it.
alter table catalogue
    add source text not null default '',
    add imported_by text not null default 'system';
-- `radius_m`: how near another report of the class is taken for the same thing.
alter table catalogue_class
    add major text not null default '',
    add minor text not null default '',
    add radius_m double precision not null default 30,
    add constraint ck_catalogue_class_radius check (radius_m between 0 and 1000);
alter table catalogue_condition
    add evidence text[] not null default '{}',
    add constraint ck_catalogue_condition_evidence check (evidence <@ array['before', 'after']);

-- What an incident was filed under must stand there unchanged for as long as there is an incident.
create function catalogue_is_kept() returns trigger language plpgsql set search_path = public as $$
begin
    raise exception 'a version of the catalogue is never changed nor deleted; import a new one'
        using errcode = 'integrity_constraint_violation';
end
$$;
create trigger catalogue_is_kept before delete or update of version, scheme, source on catalogue
    for each row execute function catalogue_is_kept();
create trigger catalogue_is_kept before delete or update on catalogue_class
    for each row execute function catalogue_is_kept();
create trigger catalogue_is_kept before delete or update on catalogue_condition
    for each row execute function catalogue_is_kept();

-- The calendar -------------------------------------------------------------------------------------------------------

-- Days that are not what their weekday says; seeded from the announcements of the State Council, and the office's own.
create table office_day (
    day date constraint pk_office_day primary key,
    worked boolean not null,
    name text not null default '',
    source text not null
);
create table office_hours (
    begins text constraint pk_office_hours primary key,
    hours jsonb not null,
    constraint ck_office_hours_begins check (begins ~ '^\d\d-\d\d$')
);
insert into office_hours values ('01-01', '[["08:00:00", "12:00:00"], ["14:00:00", "18:00:00"]]');

-- One row. A version is never given twice, not even by a backup that comes back, so that a process may keep what it read.
create table calendar (
    one boolean not null default true constraint pk_calendar primary key,
    version bigint not null,
    known_until date not null,
    changed_at timestamptz not null default now(),
    changed_by text not null default 'system',
    constraint ck_calendar_one check (one)
);
insert into calendar (version, known_until) values (hashtextextended(gen_random_uuid()::text, 0), '2026-12-31');

-- Incidents ----------------------------------------------------------------------------------------------------------

alter table incident
    add asset text constraint fk_incident_asset references asset (code),
    -- Why it went to whom, as it was decided.
    add why jsonb not null default '{}',
    -- Lines of the log; the version that a change is made to.
    add version integer not null default 0,
    -- When it falls due, for lists in that order: what has no due date comes last.
    add due_order timestamptz not null generated always as (coalesce(due_at, '9999-01-01 00:00:00+00')) stored,
    add due_uncertain boolean not null default false,
    -- Since when it is in its stage, and when the stage's own clock runs out.
    add stage_since timestamptz not null default now(),
    add stage_due_at timestamptz,
    -- What waits for approval (suspend, extend, appeal), and who asked.
    add waiting text,
    add waiting_by text,
    add returns integer not null default 0,
    add reworks integer not null default 0,
    add reopened integer not null default 0,
    add self_handled boolean not null default false,
    -- An approved appeal takes it out of the statistics; the raw times stay.
    add excluded boolean not null default false,
    add grade integer,
    add merged_into text constraint fk_incident_merged_into references incident (number),
    add parent text constraint fk_incident_parent references incident (number),
    drop constraint ck_incident_status,
    drop constraint ck_incident_closed,
    drop constraint ck_incident_owner,
    add constraint ck_incident_status check (status in ('reported', 'verifying', 'filed', 'dispatched', 'handling',
        'suspended', 'feedback', 'checking', 'closed', 'rejected', 'merged')),
    add constraint ck_incident_closed check ((status in ('closed', 'rejected', 'merged')) = (closed_at is not null)),
    add constraint ck_incident_owner check ((grid is null) = (grid_version is null)),
    add constraint ck_incident_waiting check (waiting in ('suspend', 'extend', 'appeal')
        and (waiting is null) = (waiting_by is null));
update incident set stage_since = coalesce(closed_at, reported_at), why = jsonb_build_object('rule', rule);
-- An index for each question that is asked of what is open; closed ones, of which there are ever more, are in none.
create index ix_incident_open_place on incident using gist (geometry) where closed_at is null;
create index ix_incident_asset on incident (asset) where asset is not null and closed_at is null;
create index ix_incident_due on incident (due_order, id) where closed_at is null;
create index ix_incident_parent on incident (parent) where parent is not null;
create index ix_incident_merged_into on incident (merged_into) where merged_into is not null;

-- The log: one line for each step, never changed; what an incident is now is nothing but its log, read in order.
create table incident_step (
    incident bigint not null constraint fk_incident_step_incident references incident (id),
    number integer not null,
    action text not null,
    actor text not null,
    role text not null,
    worker text,
    department text,
    at timestamptz not null,
    reason text,
    note text,
    "to" text,
    queue text,
    evidence text[] not null default '{}',
    count integer,
    passed boolean,
    -- The status before and after.
    before text,
    after text not null,
    constraint pk_incident_step primary key (incident, number)
);
insert into incident_step (incident, number, action, actor, role, at, "to", queue, after)
select i.id, 1, 'report', 'system', 'admin', i.reported_at, i.department, i.queue, 'reported' from incident i;
insert into incident_step (incident, number, action, actor, role, at, "to", before, after)
select i.id, 2, 'imported', 'system', 'admin', coalesce(i.closed_at, i.reported_at), i.status, 'reported', i.status
from incident i where i.status <> 'reported';
update incident i set version = (select count(*) from incident_step s where s.incident = i.id);

create function log_is_kept() returns trigger language plpgsql set search_path = public as $$
begin
    raise exception 'the log of an incident is only ever added to' using errcode = 'integrity_constraint_violation';
end
$$;
create trigger log_is_kept before delete or update on incident_step for each row execute function log_is_kept();

-- Numbers ------------------------------------------------------------------------------------------------------------

-- A number is how far one sequence has come since the first report of its day. Nobody waits for anybody but at that one
-- moment, and a report that is taken back leaves a gap.
create sequence incident_number;
alter table incident_day add base bigint;
update incident_day set base = nextval('incident_number') - last;
alter table incident_day drop last, alter base set not null;

create function next_incident_number(of_day date) returns text language plpgsql as $$
declare
    began bigint;
    given text;
begin
    -- An import that gives numbers of this day alone holds this lock for itself.
    perform pg_advisory_xact_lock_shared(1852401010, of_day - date '2000-01-01');
    select d.base into began from incident_day d where d.day = of_day;
    if not found then
        insert into incident_day values (of_day, nextval('incident_number')) on conflict (day) do nothing;
        select d.base into strict began from incident_day d where d.day = of_day;
    end if;
    given := (nextval('incident_number') - began)::text;
    return to_char(of_day, 'YYYYMMDD-') || lpad(given, greatest(6, length(given)), '0');
end
$$;

-- Let the numbers of a day go on after the highest that is there, or that comes with a file.
create function keep_incident_numbers(of_day date, highest integer) returns void language plpgsql as $$
declare
    held integer;
begin
    perform pg_advisory_xact_lock(1852401010, of_day - date '2000-01-01');
    select right(number, 6)::integer into held from incident
    where number ~>=~ to_char(of_day, 'YYYYMMDD-') and number ~<~ to_char(of_day, 'YYYYMMDD.')
    order by number using ~>~ limit 1;
    insert into incident_day as d values (of_day, nextval('incident_number') - greatest(held, highest, 0))
    on conflict (day) do update set base = excluded.base;
end
$$;

-- Duplicates ---------------------------------------------------------------------------------------------------------

-- Open incidents of a class, reported since a moment, within a radius in metres of a place or of the same asset; nearest
-- first. The box surely holds the radius: a degree is at least 110 km long.
create function incidents_near(place geometry, of_class text, of_asset text, since timestamptz, radius_m double precision)
returns table (incident bigint, number text, status text, reported_at timestamptz, same_asset boolean, distance_m double precision)
language sql stable parallel safe rows 1
begin atomic
    select i.id, i.number, i.status, i.reported_at, coalesce(i.asset = of_asset, false),
        round(st_distance(i.geometry::geography, place::geography)::numeric, 1)::double precision
    from (
        select o.id from incident o
        where o.closed_at is null and o.class = of_class and o.reported_at >= since
            and o.geometry && st_expand(
                place, radius_m / 110000 / greatest(cos(radians(st_y(place))), 0.01), radius_m / 110000)
            and st_distance(o.geometry::geography, place::geography) <= radius_m
        union
        select o.id from incident o
        where o.closed_at is null and o.class = of_class and o.reported_at >= since and o.asset = of_asset
    ) found join incident i on i.id = found.id
    order by 5 desc, 6, i.id desc
    limit 20;
end;

-- Warnings -----------------------------------------------------------------------------------------------------------

-- What was told of an incident that falls due or is late: once for each rule and due date, whoever tells it.
create table incident_warning (
    incident bigint not null constraint fk_incident_warning_incident references incident (id),
    kind text not null,
    due_at timestamptz not null,
    at timestamptz not null,
    roles text[] not null,
    constraint pk_incident_warning primary key (incident, kind, due_at)
);
create index ix_incident_stage_due on incident (stage_due_at) where closed_at is null and stage_due_at is not null;

-- Photos -------------------------------------------------------------------------------------------------------------

-- `sha256` is of the bytes the device has; `stored` and `thumbnail` name the files that are kept of them.
create table incident_photo (
    incident bigint not null constraint fk_incident_photo_incident references incident (id),
    sha256 text not null,
    stored text not null,
    thumbnail text not null,
    width integer not null,
    height integer not null,
    by text not null,
    at timestamptz not null default now(),
    constraint pk_incident_photo primary key (incident, sha256),
    constraint ck_incident_photo_sha256 check (sha256 ~ '^[0-9a-f]{64}$')
);

-- The photos of an incident, first those that are there, then those its log names and nobody has sent yet.
create function incident_photos(of_incident bigint) returns json language sql stable parallel safe
begin atomic
    select coalesce(json_agg(json_build_object('sha256', p.sha256, 'present', p.present) order by p.present desc, p.sha256), '[]')
    from (
        select o.sha256, true as present from incident_photo o where o.incident = of_incident
        union all
        select distinct e.sha256, false from incident_step s cross join unnest(s.evidence) e (sha256)
        where s.incident = of_incident and not exists (
            select from incident_photo o where o.incident = of_incident and o.sha256 = e.sha256)
    ) p;
end;

-- Webhooks -----------------------------------------------------------------------------------------------------------

create table webhook (
    id bigint generated always as identity constraint pk_webhook primary key,
    url text not null,
    kinds text[] not null default '{}',
    secret bytea not null,
    created_by text not null,
    created_at timestamptz not null default now()
);
create table webhook_delivery (
    id bigint generated always as identity constraint pk_webhook_delivery primary key,
    webhook bigint not null constraint fk_webhook_delivery_webhook references webhook (id),
    event bigint not null constraint fk_webhook_delivery_event references event (id),
    attempts integer not null default 0,
    next_at timestamptz not null default now(),
    done_at timestamptz,
    error text
);
create index ix_webhook_delivery_webhook on webhook_delivery (webhook, id);
create index ix_webhook_delivery_waiting on webhook_delivery (next_at, id) where done_at is null;

-- What happens to incidents waits for every webhook that asks for it, in the transaction in which it happened.
create function wait_for_webhooks() returns trigger language plpgsql set search_path = public as $$
begin
    insert into webhook_delivery (webhook, event)
    select h.id, e.id from written e cross join webhook h
    where e.kind like 'incident.%' and (h.kinds = '{}' or e.kind = any (h.kinds));
    return null;
end
$$;
create trigger wait_for_webhooks after insert on event
    referencing new table as written for each statement execute function wait_for_webhooks();
