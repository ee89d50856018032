-- Jobs and their files. The queue that brings them to the workers is procrastinate's, laid by gridsvc.core.jobs.carry.

create table job (
    id integer generated always as identity,
    kind text not null,
    actor text not null,
    arguments jsonb not null,
    queue_id bigint,
    state text not null default 'queued',
    attempts integer not null default 0,
    cancel_asked boolean not null default false,
    done bigint not null default 0,
    total bigint not null default 0,
    message text not null default '',
    result jsonb,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    step_at timestamptz,
    finished_at timestamptz,
    constraint pk_job primary key (id),
    constraint ck_job_state check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
    constraint ck_job_finished_at check ((finished_at is null) = (state in ('queued', 'running')))
);
create index ix_job_actor on job (actor, id);
create index ix_job_finished_at on job (finished_at);
-- Progress is written a few times a second: room on the page keeps these updates off the indexes.
alter table job set (fillfactor = 50);

create table job_file (
    job integer not null,
    number integer not null,
    bytes bytea not null,
    constraint pk_job_file primary key (job, number),
    constraint fk_job_file_job foreign key (job) references job (id) on delete cascade
);
-- Files that come in are mostly packed already: trying to pack them again only costs time.
alter table job_file alter column bytes set storage external;
