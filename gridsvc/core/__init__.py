"""What knows nothing of grids: database, own PostGIS, geometry, events, errors, HTTP, tiles, settings."""
