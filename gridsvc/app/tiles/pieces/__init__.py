"""Tiles of small polygons, made of pieces of the map that are held in memory."""
