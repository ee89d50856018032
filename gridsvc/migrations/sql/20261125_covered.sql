-- No grids at all is no partition yet, and fine; but a community that had grids is not left without one while it stands.
-- prove_partition cannot tell the two apart, because it looks at one moment.
create function keep_covered() returns trigger language plpgsql as $$
declare
    parent text := left(old.grid, 12);
    -- When the version ceases to hold: its new end, or its beginning when it is withdrawn.
    moment timestamptz := case tg_op when 'DELETE' then lower(old.valid) else upper(new.valid) end;
begin
    if exists (select from community_version v where v.community = parent and v.valid @> moment)
        and not exists (
            select from grid_version v where v.grid between parent || '000' and parent || '999' and v.valid @> moment)
        and exists (
            select from grid_version v
            where v.grid between parent || '000' and parent || '999' and lower(v.valid) < moment)
    then
        raise exception 'community % would be left without a grid at %', parent, moment
            using errcode = 'check_violation', constraint = 'partition';
    end if;
    return null;
end
$$;

create constraint trigger keep_covered after update or delete on grid_version
    deferrable initially deferred for each row execute function keep_covered();

-- A community that goes to another street leaves a gap in the one it was in: that street is proved too.
create function note_left_street() returns trigger language plpgsql as $$
begin
    insert into partition_due
    select distinct w.street, now()
    from was w join changed c using (code)
    where w.street is not null and w.street is distinct from c.street
    order by 1
    on conflict (parent) do update set since = least(partition_due.since, excluded.since);
    return null;
end
$$;

create trigger partition_due_left after update on community
    referencing old table as was new table as changed for each statement execute function note_left_street();
