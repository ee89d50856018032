"""The real sample town as shapes by layer, and a way to know only some of them."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from gridsvc.core.settings import shipped_data
from gridsvc.exchange.placing.sniffing import Box, Known

Shapes = npt.NDArray[np.object_]


def read(path: Path) -> Shapes:
    """Read the shapes of a GeoJSON file, or the places of a CSV."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return np.array(
            [shapely.Point(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(content.splitlines())]
        )
    return np.array([shapely.from_geojson(json.dumps(one["geometry"])) for one in json.loads(content)["features"]])


def town() -> dict[str, Shapes]:
    """Read every layer of the sample town that has places."""
    folder = shipped_data() / "xinjiekou"
    names = ("buildings", "streets", "communities", "grids", "assets", "routes")
    return {name: read(folder / f"{name}.geojson") for name in names} | {"incidents": read(folder / "incidents.csv")}


def knowing(shapes: dict[str, Shapes], kinds: Sequence[str]) -> Known:
    """Know some kinds of shapes, and those in the box alone."""
    trees = {kind: shapely.STRtree(shapes[kind]) for kind in kinds}

    def known(box: Box) -> dict[str, Shapes]:
        return {kind: shapes[kind][tree.query(shapely.box(*box))] for kind, tree in trees.items()}

    return known
