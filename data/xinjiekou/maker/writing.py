"""Frames in, files out: the same bytes every time, one feature a line so that a change can be read."""

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0; sample data, see SOURCE.md"


def write_geojson(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Write a frame (EPSG:4326) as GeoJSON (RFC 7946); missing values become null."""
    shapes = shapely.orient_polygons(frame.geometry.to_numpy(), exterior_cw=False)
    columns = [column for column in frame.columns if column != "geometry"]
    lines = [
        _dump({"type": "Feature", "properties": dict(zip(columns, row, strict=True)), "geometry": json.loads(shape)})
        for row, shape in zip(_plain(frame[columns]), shapely.to_geojson(shapes), strict=True)
    ]
    head = f'{{"type":"FeatureCollection","attribution":{_dump(ATTRIBUTION)},"features":[\n'
    path.write_text(head + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV with a header line."""
    frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _plain(frame: pd.DataFrame) -> list[list[Any]]:
    """Turn a table into rows of plain Python values."""
    return [
        [None if pd.isna(value) else value.item() if hasattr(value, "item") else value for value in row]
        for row in frame.itertuples(index=False)
    ]


def _dump(value: Any) -> str:
    """Write JSON as short as it goes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
