"""The raw extract in; the named or used grounds that streets and buildings leave out (schools, parks, malls) out."""

from pathlib import Path

import geopandas as gpd
import osmium
import shapely
from osmium.filter import KeyFilter

# Grounds on which no building of unknown use is taken for a home.
GROUNDS = {
    "amenity": {"arts_centre", "courthouse", "hospital", "library", "marketplace", "police", "school", "university"},
    "landuse": {"commercial", "retail", "military"},
    "leisure": {"park", "sports_centre", "stadium", "pitch"},
    "tourism": {"attraction", "hotel", "museum"},
}


def read_grounds(path: Path) -> list[shapely.Geometry]:
    """Read the grounds that nobody lives on, EPSG:4326."""
    areas = osmium.FileProcessor(str(path)).with_areas().with_filter(KeyFilter(*GROUNDS))
    factory = osmium.geom.WKBFactory()
    return [
        shapely.from_wkb(factory.create_multipolygon(area))
        for area in areas
        if area.is_area() and area.num_rings()[0] and any(area.tags.get(key) in GROUNDS[key] for key in GROUNDS)
    ]


def underground(path: Path, buildings: gpd.GeoDataFrame) -> list[bool]:
    """Tell which buildings lie below the ground, such as metro stations: `layer` is negative."""
    ways = osmium.FileProcessor(str(path)).with_filter(KeyFilter("building"))
    below = {f"{way.type_str()}{way.id}" for way in ways if way.tags.get("layer", "0").startswith("-")}
    return [code in below for code in buildings.code]
