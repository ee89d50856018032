"""Tiles of every layer: what the database draws in; vector tiles, their descriptions and listings out."""

from gridsvc.app.tiles import endpoints, listing, ogc
from gridsvc.app.tiles.layers import LAYERS

# The listing first: its fixed names would else be taken for layers.
ROUTERS = (listing.router, endpoints.router, ogc.router)

__all__ = ["LAYERS", "ROUTERS"]
