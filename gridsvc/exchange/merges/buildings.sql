-- Buildings by code; counts that the file does not have are not taken away. Known ones are changed and the others added:
-- `on conflict`, which does both, takes half as long again. A row that somebody else adds meanwhile breaks the primary
-- key, and the import ends with a sentence. A table that held nothing (`empty`) need not be searched.
update building b
set name = s.name, number = s.number, address = s.address, use = s.use, levels = s.levels,
    households = coalesce(s.households, b.households),
    households_source = coalesce(s.households_source, b.households_source),
    inhabitants = coalesce(s.inhabitants, b.inhabitants), geometry = s.geometry
from staging s
where not %(empty)s and b.code = s.code
    and (b.name, b.number, b.address, b.use, b.levels, b.households, b.households_source, b.inhabitants, b.geometry)
        is distinct from
        (s.name, s.number, s.address, s.use, s.levels, coalesce(s.households, b.households),
         coalesce(s.households_source, b.households_source), coalesce(s.inhabitants, b.inhabitants), s.geometry);

insert into building (code, name, number, address, use, levels, households, households_source, inhabitants, geometry)
select code, name, number, address, use, levels, households, households_source, inhabitants, geometry
from staging s
where %(empty)s or not exists (select from building b where b.code = s.code)
