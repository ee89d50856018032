-- Who an account is at an issuer of identities; an administrator says so, nothing else makes a row here.
create table identity (
    account bigint not null constraint fk_identity_account references account (id) on delete cascade,
    issuer text not null,
    subject text not null,
    linked_at timestamptz not null default now(),
    constraint pk_identity primary key (issuer, subject),
    constraint uq_identity_account_issuer unique (account, issuer),
    constraint ck_identity_subject check (length(subject) between 1 and 255)
);
select keep_apart('identity', 'exists (select from account a where a.id = identity.account)');

-- A sign-in that has begun and not ended: bound to one browser, used once, gone after minutes. With an account it only
-- waits for the code of the second factor.
create table sign_in_attempt (
    state bytea constraint pk_sign_in_attempt primary key,
    browser bytea not null,
    account bigint constraint fk_sign_in_attempt_account references account (id) on delete cascade,
    sealed bytea not null,
    expires_at timestamptz not null
);
create index ix_sign_in_attempt_expires_at on sign_in_attempt (expires_at);
create index ix_sign_in_attempt_account on sign_in_attempt (account);
select keep_apart('sign_in_attempt', 'false');

-- How a sign-in was proved: null by a password; else by the issuer, which perhaps asked for a second factor itself.
alter table credential add column proof text
    constraint ck_credential_proof check (proof in ('issuer', 'issuer_factor'));
