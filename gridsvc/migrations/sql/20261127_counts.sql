-- The open incidents of a grid are counted for every tile of grids. What the policy of `incident` looks at lies in the index
-- too, so that it is enough by itself for who may see, as it was for the owner.
drop index ix_incident_grid;
create index ix_incident_grid on incident (grid, id) include (community, reported_by, assignee) where closed_at is null;
