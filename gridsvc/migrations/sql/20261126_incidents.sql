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
