-- A first import of many buildings: the table was empty and is locked, so what its triggers would do for the rows of every
-- statement is done once. They would keep a copy of each row meanwhile, to note in the end that all is due.

-- Put the triggers that look at new rows to rest. Placing rests only where there is no grid to place into, and nobody makes
-- one before these buildings can be seen; else it goes on, piece by piece.
create function fill_begins() returns void language plpgsql as $$
declare
    resting name[] := '{keep_drawn_insert,search_changed_insert,write_new}';
    one name;
begin
    begin
        lock table grid_version in share mode nowait;
        if not exists (select from grid_version) then
            resting := resting || name 'place_new';
        end if;
    exception when lock_not_available then
        null;  -- somebody is making grids
    end;
    foreach one in array resting loop
        execute format('alter table building disable trigger %I', one);
    end loop;
end
$$;

-- Wake them, and note for all rows what they would have noted.
create function fill_ends() returns void language plpgsql as $$
declare
    one name;
begin
    for one in select tgname from pg_trigger where tgrelid = 'building'::regclass and tgenabled = 'D' loop
        execute format('alter table building enable trigger %I', one);
    end loop;
    perform derive_later(derived, 'building', null) from unnest('{drawn,written,search}'::text[]) derived;
end
$$;
