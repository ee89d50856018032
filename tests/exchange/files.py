"""Small files for the tests of imports: shapes and values in, a GeoJSON or CSV file out."""

import json
from pathlib import Path
from typing import Any

import shapely


def feature(shape: Any, **properties: Any) -> dict[str, Any]:
    """Make a GeoJSON feature of a shapely shape, of a GeoJSON geometry or of none."""
    geometry = shape if isinstance(shape, dict) or shape is None else json.loads(shapely.to_geojson(shape))
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def geojson(path: Path, *features: dict[str, Any]) -> Path:
    """Write features to a file."""
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def csv_file(path: Path, *lines: str) -> Path:
    """Write the lines of a CSV."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
