"""The tags of one OpenStreetMap object in, the row of a street or a building (without code and geometry) out."""

from collections.abc import Mapping
from typing import Any

Tags = Mapping[str, str]

STOREY_M = 3.0
"""Height of a storey in metres, by which a height is turned into floors."""

HIGHEST_LEVELS = 200
"""More floors than any building has; a larger number is a slip of the mapper's pen."""

GREATEST_NUMBER = 10_000
"""Larger numbers (and "inf" and "nan", which Python reads as numbers) are no floors, layers or metres."""

# Values of `highway` that are not on the ground (not yet, or no longer), or that stand for a thing beside a street.
# Everything else is a street and its `kind` says which: a street under construction or the outline of a square too.
NOT_A_STREET = frozenset(
    {
        *("abandoned", "demolished", "dismantled", "disused", "planned", "proposed", "razed", "removed", "no"),
        *("bus_stop", "crossing", "stop", "street_lamp", "traffic_island", "traffic_signals"),
    }
)

USE_OF_BUILDING = {
    **dict.fromkeys(("apartments", "bungalow", "detached", "dormitory", "farm", "house", "hut"), "residential"),
    **dict.fromkeys(("residential", "semidetached_house", "terrace", "villa"), "residential"),
    **dict.fromkeys(("commercial", "hotel", "kiosk", "mall", "marketplace", "retail", "supermarket"), "commercial"),
    **dict.fromkeys(("office", "offices"), "office"),
    **dict.fromkeys(("college", "kindergarten", "school", "university"), "school"),
    **dict.fromkeys(("clinic", "hospital"), "hospital"),
    **dict.fromkeys(("factory", "industrial", "manufacture", "warehouse"), "industrial"),
    **dict.fromkeys(("civic", "fire_station", "government", "grandstand", "library", "museum", "public"), "public"),
    **dict.fromkeys(("cathedral", "chapel", "church", "monastery", "mosque", "religious", "shrine"), "public"),
    **dict.fromkeys(("sports_centre", "sports_hall", "stadium", "synagogue", "temple", "toilets"), "public"),
    **dict.fromkeys(("train_station", "transportation"), "public"),
}

USE_OF_AMENITY = {
    **dict.fromkeys(("college", "kindergarten", "school", "university"), "school"),
    **dict.fromkeys(("clinic", "doctors", "hospital"), "hospital"),
    **dict.fromkeys(("bank", "bar", "cafe", "cinema", "fast_food", "fuel", "marketplace", "nightclub"), "commercial"),
    **dict.fromkeys(("pharmacy", "pub", "restaurant"), "commercial"),
    **dict.fromkeys(("arts_centre", "community_centre", "courthouse", "fire_station", "library", "police"), "public"),
    **dict.fromkeys(("place_of_worship", "post_office", "social_facility", "theatre", "toilets"), "public"),
    **dict.fromkeys(("townhall", "public_building"), "public"),
}

USE_OF_TOURISM = {
    **dict.fromkeys(("guest_house", "hostel", "hotel", "motel"), "commercial"),
    **dict.fromkeys(("attraction", "gallery", "museum"), "public"),
}


def street_row(tags: Tags) -> dict[str, Any] | None:
    """Translate the tags of a way into `name`, `name_en`, `kind`, `bridge`, `tunnel`, `layer`, `oneway` and `foot`.

    None means: no street, see `NOT_A_STREET`. `oneway` says that vehicles go one way only; whether that is
    against the drawn direction is told by `runs_backwards`. `foot` is "yes" or "no" where the map says so, else None.
    """
    kind = tags.get("highway")
    if not kind or kind in NOT_A_STREET:
        return None
    return {
        "name": _first(tags, "name", "name:zh"),
        "name_en": _first(tags, "name:en"),
        "kind": kind,
        "bridge": tags.get("bridge", "no") != "no",
        "tunnel": tags.get("tunnel", "no") != "no",
        "layer": _integer(tags.get("layer")) or 0,
        "oneway": _oneway(tags),
        "foot": _foot(tags),
    }


def runs_backwards(tags: Tags) -> bool:
    """Tell whether traffic on a one-way street runs against the order in which its points were drawn."""
    return tags.get("oneway") in {"-1", "reverse"}


def building_row(tags: Tags) -> dict[str, Any] | None:
    """Translate the tags of a footprint into `name`, `number`, `address`, `use` and `levels`; None: no building."""
    if tags.get("building", "no") == "no":
        return None
    return {
        "name": _first(tags, "name", "name:zh"),
        "number": _first(tags, "addr:housenumber", "ref"),
        "address": _address(tags),
        "use": _use(tags),
        "levels": _levels(tags),
    }


def _first(tags: Tags, *keys: str) -> str | None:
    """Take the first of the tags that is there and not blank."""
    return next((text for key in keys if (text := tags.get(key, "").strip())), None)


def _oneway(tags: Tags) -> bool:
    """Read the direction rule; roundabouts and motorways are one-way unless tagged otherwise (OSM wiki, Key:oneway)."""
    implied = tags.get("junction") in {"roundabout", "circular"} or tags.get("highway") == "motorway"
    said = tags.get("oneway")
    return implied if said is None else said in {"yes", "true", "1"} or runs_backwards(tags)


def _foot(tags: Tags) -> str | None:
    """Read whether people on foot may go here, where the map says so."""
    said = tags.get("foot")
    if said in {"yes", "designated", "permissive", "official"}:
        return "yes"
    return "no" if said in {"no", "private", "use_sidepath"} else None


def _address(tags: Tags) -> str | None:
    """Take the full address, or join its parts from the city down; parts without a street or place are no address."""
    if full := _first(tags, "addr:full"):
        return full
    street = _first(tags, "addr:street", "addr:place")
    if street is None:
        return None
    parts = (_first(tags, "addr:city"), _first(tags, "addr:district"), street, _first(tags, "addr:housenumber"))
    # Chinese is written without spaces; everything in the ideographic blocks lies above U+2E80.
    return ("" if max(street) >= "\u2e80" else " ").join(part for part in parts if part)


def _use(tags: Tags) -> str:
    """Derive the use: what the building is said to be comes before what is found in it."""
    building = tags["building"]
    if building in USE_OF_BUILDING:
        return USE_OF_BUILDING[building]
    if use := USE_OF_AMENITY.get(tags.get("amenity", "")) or USE_OF_TOURISM.get(tags.get("tourism", "")):
        return use
    if "office" in tags:
        return "public" if tags["office"] == "government" else "office"
    if "shop" in tags:
        return "commercial"
    if "leisure" in tags:
        return "public"
    return "unknown" if building == "yes" else "other"


def _levels(tags: Tags) -> int | None:
    """Read the floors above ground, or derive them from the height at 3 m a storey; None where neither makes sense."""
    levels = _integer(tags.get("building:levels"))
    if levels is None:
        height_m = _number(tags.get("height", "").removesuffix("m").strip())
        levels = None if height_m is None else max(1, round(height_m / STOREY_M))
    return levels if levels is not None and 1 <= levels <= HIGHEST_LEVELS else None


def _integer(text: str | None) -> int | None:
    """Read a whole number, dropping a fraction (a half storey under the roof is no floor); None if it is none."""
    number = _number(text)
    return None if number is None else int(number)


def _number(text: str | None) -> float | None:
    """Read a finite number of a size that anything in a street has; None if it is none."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) <= GREATEST_NUMBER else None
