-- Sign-ins and tokens that can be listed and ended one by one, second factors, and wrong answers at the door.

alter table account
    add column department text,
    add column password_changed_at timestamptz not null default now(),
    add column totp_secret bytea,
    add column totp_confirmed_at timestamptz,
    -- The last 30-second step a code was taken for: no code opens the door twice.
    add column totp_step bigint;

alter table credential
    add column id bigint generated always as identity constraint uq_credential_id unique,
    add column last_used_at timestamptz not null default now(),
    add column idle interval,
    -- The verbs a token is limited to; none: all that its account may.
    add column scopes text[],
    add column address text,
    add column agent text,
    add constraint ck_credential_idle check ((idle is not null) = (kind = 'session')) not valid;
-- Sign-ins from before have no idle limit: they end now rather than never.
delete from credential where kind = 'session';
alter table credential validate constraint ck_credential_idle;

create table recovery_code (
    account bigint not null constraint fk_recovery_code_account references account (id) on delete cascade,
    hash bytea not null,
    constraint pk_recovery_code primary key (account, hash)
);

-- Subjects are hashes of names and addresses: a name that was typed may be a password.
create table sign_in_failure (
    id bigint generated always as identity constraint pk_sign_in_failure primary key,
    subject bytea not null,
    at timestamptz not null
);
create index ix_sign_in_failure_subject on sign_in_failure (subject, at);
create index ix_sign_in_failure_at on sign_in_failure (at);
