"""Datums in files: every CGCS2000 zone there and back, and a zone that is not the one it is said to be."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.errors import Invalid
from gridsvc.exchange.exports import Wanted, export
from gridsvc.exchange.formats.reading import read_file
from gridsvc.exchange.layers import LAYERS
from gridsvc.exchange.placing.zones import FAMILIES, right_zone, zone_of
from tests.exchange.conftest import bring_in
from tests.exchange.files import csv_file
from tests.town import LAMP

ZONES = [
    *(range(4513, 4534)),  # 3 degrees, with the number of the zone before the easting
    *(range(4534, 4555)),  # 3 degrees, without
    *(range(4491, 4502)),  # 6 degrees, with
    *(range(4502, 4513)),  # 6 degrees, without
]


def places_in(epsg: int) -> np.ndarray:
    """Choose places on the coordinate grid in a zone: its middle, and near its edges."""
    zone = zone_of(f"EPSG:{epsg}")
    assert zone
    family, number, _ = zone
    middle, half = family.meridian_deg(number), family.width_deg / 2 - 0.01
    chance = np.random.default_rng(epsg)
    return np.column_stack(
        [middle + np.array([0.0, -half, half, *chance.uniform(-half, half, 5)]), chance.uniform(4, 53, 8)]
    ).round(7)


def written(path: Path, epsg: int, places: np.ndarray) -> Path:
    """Write places as a CSV of eastings and northings, which cannot say its CRS."""
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(places[:, 0], places[:, 1])
    rows = (f"z{number},{LAMP},{east!r},{north!r}" for number, (east, north) in enumerate(zip(x, y, strict=True)))
    return csv_file(path, "code,class,x,y", *(row.replace("np.float64(", "").replace(")", "") for row in rows))


@pytest.mark.parametrize("epsg", ZONES)
def test_places_of_every_zone_are_read_where_they_were(tmp_path: Path, epsg: int) -> None:
    places = places_in(epsg)
    frame = read_file(written(tmp_path / "p.csv", epsg, places), LAYERS["assets"], f"EPSG:{epsg}").frame
    assert np.abs(shapely.get_coordinates(frame["geometry"].to_numpy(object)) - places).max() < 1e-8


@pytest.mark.parametrize("epsg", [4490, 4528, 4549, 4510, 4499, 4513, 4554])
def test_places_of_a_zone_are_imported_to_the_last_digit(session: Session, tmp_path: Path, epsg: int) -> None:
    places = places_in(4549 if epsg == 4490 else epsg)
    bring_in(session, written(tmp_path / "p.csv", epsg, places), "assets", crs=f"EPSG:{epsg}")
    rows = session.execute(
        text("select st_x(geometry), st_y(geometry) from asset where code like 'z%' order by code")
    ).all()
    assert [tuple(row) for row in rows] == [tuple(place) for place in places.tolist()]


def test_zones_are_those_that_the_registry_of_crs_knows() -> None:
    for epsg in ZONES:
        zone = zone_of(f"EPSG:{epsg}")
        assert zone
        family, number, prefixed = zone
        projection = CRS.from_epsg(epsg).coordinate_operation
        assert projection
        facts = {one.name: float(one.value) for one in projection.params}
        assert facts["Longitude of natural origin"] == family.meridian_deg(number)
        assert facts["False easting"] == 500_000 + (number * 1_000_000 if prefixed else 0)
    assert zone_of("EPSG:4490") is zone_of("gcj02") is zone_of("auto") is None


@pytest.mark.parametrize(
    ("true", "given"),
    [(4528, 4549), (4549, 4528), (4499, 4510), (4510, 4499), (4528, 4529), (4528, 4499), (4513, 4554)],
)
def test_an_easting_of_another_zone_is_refused_and_the_right_one_is_named(
    session: Session, tmp_path: Path, true: int, given: int
) -> None:
    path = written(tmp_path / "p.csv", true, places_in(true))
    # Without the number before it, only whether there ought to be one can be told, and the zone is the given one's.
    with pytest.raises(Invalid, match=rf"it is not in EPSG:{given} but in EPSG:{true}.*Say --crs EPSG:{true}"):
        bring_in(session, path, "assets", crs=f"EPSG:{given}")


def test_a_file_that_says_the_wrong_zone_itself_is_refused_too(session: Session, tmp_path: Path) -> None:
    places = places_in(4528)
    x, y = Transformer.from_crs(4326, 4528, always_xy=True).transform(places[:, 0], places[:, 1])
    path = tmp_path / "p.gpkg"
    gpd.GeoDataFrame(
        {"code": [f"z{number}" for number in range(len(x))], "class": LAMP}, geometry=gpd.points_from_xy(x, y), crs=4549
    ).to_file(path)
    with pytest.raises(Invalid, match="not in the CRS it says but in EPSG:4528"):
        bring_in(session, path, "assets")
    assert bring_in(session, path, "assets", crs="EPSG:4528").merged.new == len(x)


def test_eastings_that_tell_nothing_are_left_alone() -> None:
    assert right_zone(np.array([40_400_000.0, 39_400_000.0]), "EPSG:4549") is None
    assert right_zone(np.array([500_000.0]), "EPSG:4549") is None
    assert right_zone(np.array([500_000.0]), "auto") is None
    assert right_zone(np.array([np.nan]), "EPSG:4549") is None
    assert right_zone(np.array([99_500_000.0]), "EPSG:4549") is None
    assert {family.width_deg for family in FAMILIES} == {3, 6}


@pytest.mark.parametrize("kind", ["csv", "gpkg", "geojson", "shp.zip", "parquet"])
@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4549", "EPSG:4528", "EPSG:4510", "gcj02", "bd09"])
def test_what_goes_out_in_another_datum_comes_back_to_the_last_bit(
    session: Session, tmp_path: Path, crs: str, kind: str
) -> None:
    # Before it is snapped, what comes back is off by less than 1e-8 degrees, a millimetre; after it, by nothing. GeoJSON
    # is written with seven digits: of degrees that are not on the coordinate grid the last one may then be another.
    out = tmp_path / f"grids.{kind}"
    export(driver_of(session), Wanted("grids", kind, crs=crs), out, lambda _: None)
    frame = read_file(out, LAYERS["grids"], crs).frame
    rows = session.execute(text("select grid, st_asbinary(geometry) from grid_version"))
    held = {code: shapely.from_wkb(bytes(shape)) for code, shape in rows}
    for code, shape in zip(frame["code"], frame["geometry"], strict=True):
        assert shapely.hausdorff_distance(shape, held[code]) < (1e-7 if kind == "geojson" else 1e-8)
    if kind != "geojson" or crs.startswith("EPSG"):
        outcome = bring_in(session, out, "grids", crs=crs)
        assert (outcome.merged.new, outcome.merged.changed, outcome.merged.unchanged) == (0, 0, 5)
