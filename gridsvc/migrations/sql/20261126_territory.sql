-- Where an account may look, and what a token narrows it to: prefixes of codes. The empty prefix is everywhere.

-- None: as far as the posts of the account's worker reach, on the day; nowhere for who is no worker.
alter table account add column territory text[];
alter table credential add column territory text[];
-- Nobody who is let in today is shut out by this step: whoever is bound to posts from now on is a worker with a post.
update account set territory = '{""}'
where role <> 'worker' or not exists (select from worker w where w.account = account.id);
alter table account
    add constraint ck_account_territory check (array_position(territory, null) is null);
alter table credential
    add constraint ck_credential_territory check (array_position(territory, null) is null);

-- The prefixes of an account now. By its owner's rights, because who asks has no territory yet.
create function territory_of(of_account bigint) returns text[]
language sql stable security definer set search_path = public, pg_temp
begin atomic
    select coalesce(a.territory, array(
        select distinct p.grid from post p join worker w on w.code = p.worker
        where w.account = a.id and p.valid @> now() order by 1))
    from account a where a.id = of_account;
end;
