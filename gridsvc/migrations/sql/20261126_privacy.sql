-- What somebody left to be called back about an incident, sealed with the office's key and bound to its row. It is
-- overwritten when its date has come; the row stays, to say that there was one.
create table incident_contact (
    incident bigint constraint pk_incident_contact primary key
        constraint fk_incident_contact_incident references incident (id),
    sealed bytea,
    deleted_at timestamptz,
    constraint ck_incident_contact_deleted check ((sealed is null) = (deleted_at is not null))
);
create index ix_incident_contact_kept on incident_contact (incident) where deleted_at is null;
select keep_apart('incident_contact', 'exists (select from incident i where i.id = incident_contact.incident)');

-- The log of an incident is only ever added to, with one exception: the sign-in name of somebody who is erased becomes a
-- pseudonym, and nothing else of the line changes. The events, which are sealed, keep who it was.
create or replace function log_is_kept() returns trigger language plpgsql set search_path = public as $$
begin
    if tg_op = 'UPDATE' then
        if old.actor = current_setting('gridsvc.erasing', true) and new.actor ~ '^(worker|account):'
            and to_jsonb(new) - 'actor' = to_jsonb(old) - 'actor' then
            return new;
        end if;
    end if;
    raise exception 'the log of an incident is only ever added to' using errcode = 'integrity_constraint_violation';
end
$$;

-- What people said to the notice before tracking: the last row of an account holds, none is ever changed.
create table consent (
    id bigint generated always as identity constraint pk_consent primary key,
    account bigint not null constraint fk_consent_account references account (id) on delete cascade,
    version text not null,
    agreed boolean not null,
    at timestamptz not null default clock_timestamp()
);
create index ix_consent_account on consent (account, id);
create trigger consent_only_grows before update or truncate on consent
    for each statement execute function refuse_rewriting();
select keep_apart('consent', 'exists (select from account a where a.id = consent.account)');
