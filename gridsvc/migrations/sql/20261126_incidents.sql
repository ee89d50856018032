-- Incidents, from a report to an honest close.

-- The catalogue ------------------------------------------------------------------------------------------------------

-- Where a version came from (the file and its SHA-256), and who brought it.
alter table catalogue
    add source text not null default '',
    add imported_by text not null default 'system';
-- `radius_m`: how near another report of the class is taken for the same thing.
alter table catalogue_class
    add major text not null default '',
    add minor text not null default '',
    add radius_m double precision not null default 30,
    add constraint ck_catalogue_class_radius check (radius_m between 0 and 1000);
alter table catalogue_condition
    add evidence text[] not null default '{}',
    add constraint ck_catalogue_condition_evidence check (evidence <@ array['before', 'after']);

-- What an incident was filed under must stand there unchanged for as long as there is an incident.
create function catalogue_is_kept() returns trigger language plpgsql set search_path = public as $$
begin
    raise exception 'a version of the catalogue is never changed nor deleted; import a new one'
        using errcode = 'integrity_constraint_violation';
end
$$;
create trigger catalogue_is_kept before delete or update of version, scheme, source on catalogue
    for each row execute function catalogue_is_kept();
create trigger catalogue_is_kept before delete or update on catalogue_class
    for each row execute function catalogue_is_kept();
create trigger catalogue_is_kept before delete or update on catalogue_condition
    for each row execute function catalogue_is_kept();
