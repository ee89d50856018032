-- Workers by staff number; a phone or department that the file does not have is not taken away.
with merged as (
    insert into worker as w (code, name, phone, department)
    select code, name, phone, department from staging
    on conflict (code) do update
    set name = excluded.name, phone = coalesce(excluded.phone, w.phone),
        department = coalesce(excluded.department, w.department)
    where (w.name, w.phone, w.department) is distinct from
          (excluded.name, coalesce(excluded.phone, w.phone), coalesce(excluded.department, w.department))
    returning (xmax = 0) as new
)
select count(*) filter (where new), count(*) filter (where not new) from merged
