"""The ground: divisions, communities, grids and their versions, buildings, streets, assets."""
