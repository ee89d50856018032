-- What is derived (what tiles draw, what search finds, buildings as GeoJSON) follows a small change in its own transaction.
-- A change of many rows only notes what is due, in that transaction, and `derive_due_now` brings it to the truth after it.

-- A row for each statement whose change is to be derived; only ever added and deleted, so that no writer waits for another.
create table derive_due (
    id bigint generated always as identity constraint pk_derive_due primary key,
    derived text not null,
    kind text not null,
    -- What has changed; null: everything of the kind may have.
    codes text[],
    noted_at timestamptz not null default now(),
    constraint ck_derive_due_derived check (derived in ('drawn', 'written', 'search'))
);
create index ix_derive_due_derived on derive_due (derived);

-- How many rows a statement may change for it to be derived at once.
create function derive_most() returns integer language sql stable parallel safe
return coalesce(nullif(current_setting('gridsvc.derive_most', true), '')::integer, 5000);

-- The lock of what is derived. Whoever derives at once shares it to the end of the transaction, `derive_due_now` has it
-- alone: so a change is either seen by it or noted as due after it, and nobody who writes waits for it.
create function derive_lock(of_derived text) returns bigint language sql immutable strict parallel safe
return hashtextextended('derive ' || of_derived, 0);

-- Tell whether a change of so many rows is to be derived at once.
create function derive_at_once(of_derived text, changes bigint) returns boolean language plpgsql as $$
begin
    return changes <= derive_most() and pg_try_advisory_xact_lock_shared(derive_lock(of_derived));
end
$$;

-- Note that things are due; so many that they are most of a table anyway are noted as everything.
create function derive_later(of_derived text, of_kind text, of_codes text[]) returns void
language sql security definer set search_path = public as $$
    insert into derive_due (derived, kind, codes)
    select of_derived, of_kind, case when cardinality(of_codes) <= 100000 then of_codes end
    where of_codes is distinct from '{}'
$$;
