-- What is there already is called something too.
analyze pinyin;
do $$
declare
    one text;
begin
    foreach one in array '{building,street,asset,grid,community,division}'::text[] loop
        perform search_again(one, array(select distinct code from search_spelling where kind = one));
    end loop;
end
$$;

-- Outside of triggers only `derive_due_now` writes entries.
create trigger search_entry_is_derived before insert or update or delete on search_entry for each statement
    when (pg_trigger_depth() = 0 and coalesce(current_setting('gridsvc.deriving', true), '') <> 'on')
    execute function refuse_direct_writes();
