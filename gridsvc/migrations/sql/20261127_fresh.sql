-- As before (20261126_filling.sql), and the table, in which there is nothing, is made new: COPY may then write its rows as
-- settled (`freeze`). What would note that all rows are gone rests too; there were none.
create or replace function fill_begins() returns void language plpgsql as $$
declare
    resting name[] := '{keep_drawn_insert,search_changed_insert,write_new,keep_drawn_truncate,search_changed_truncate,write_truncated}';
    one name;
begin
    if exists (select from building) then
        raise exception 'there are buildings: they are not made new' using errcode = 'object_not_in_prerequisite_state';
    end if;
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
    truncate building;
end
$$;
