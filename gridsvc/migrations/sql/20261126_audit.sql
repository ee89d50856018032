-- Events can only be added, by anybody, and are sealed into a chain of hashes afterwards.

create function refuse_rewriting() returns trigger language plpgsql as $$
begin
    raise exception 'The table % is only ever added to.', tg_table_name using errcode = 'restrict_violation';
end $$;

create table event_seal (
    sequence bigint constraint pk_event_seal primary key,
    -- No foreign key: that an event is gone must be found, and no seal may hold up a write.
    event bigint not null constraint uq_event_seal_event unique,
    hash bytea not null
);

-- One row: how far the chain is. `settled`: every event up to it is sealed, or will never be. `mark` is an id that will
-- be settled when none of the transactions `writing` then is open any more.
create table event_chain (
    one boolean default true constraint pk_event_chain primary key constraint ck_event_chain_one check (one),
    length bigint not null default 0,
    head bytea not null default sha256('gridsvc'),
    settled bigint not null default 0,
    mark bigint not null default 0,
    writing text[] not null default '{}'
);
insert into event_chain default values;

-- What is hashed of an event: one JSON array, its moment in microseconds.
create function canonical(e event) returns text stable language sql as $$
    select json_build_array(
        e.id, (extract(epoch from e.at) * 1000000)::bigint, e.actor, e.kind, e.subject, e.community, e.grid, e.facts
    )::text
$$;

create trigger event_only_grows before update or delete or truncate on event
    for each statement execute function refuse_rewriting();
create trigger event_seal_only_grows before update or delete or truncate on event_seal
    for each statement execute function refuse_rewriting();
-- Also for who says session_replication_role = replica.
alter table event enable always trigger event_only_grows;
alter table event_seal enable always trigger event_seal_only_grows;
