"""Part 2 (coordinate reference systems): what is asked in a system is answered in it, its axes in its own order."""

import pyproj
import pytest

from gridsvc.core.crs import CRS84, EPSG, OFFERED, offered, reference
from gridsvc.core.errors import Invalid
from tests.app.ogc.conftest import Get
from tests.town import spot

ZONE = EPSG.format(4549)  # CGCS2000, central meridian 120° east: the town's own
ASSET = spot(0.5, 1.5)


def place(get: Get, **query: object) -> list[float]:
    (feature,) = get("/collections/assets/items", **query).json()["features"]
    found: list[float] = feature["geometry"]["coordinates"]
    return found


def test_every_system_is_listed_and_the_stored_one_is_first(get: Get) -> None:
    body = get("/collections").json()
    assert body["crs"] == offered()
    assert body["crs"][0] == CRS84
    for collection in body["collections"]:
        assert collection["crs"] == offered()
        assert collection["storageCrs"] == CRS84


def test_the_answer_says_its_system(get: Get) -> None:
    assert get("/collections/assets/items").headers["content-crs"] == f"<{CRS84}>"
    assert get("/collections/assets/items", crs=ZONE).headers["content-crs"] == f"<{ZONE}>"
    assert get("/collections/assets/items/a1", crs=ZONE).headers["content-crs"] == f"<{ZONE}>"
    assert get("/collections/assets/items", f="csv", crs=ZONE).headers["content-crs"] == f"<{ZONE}>"


@pytest.mark.parametrize("number", OFFERED)
def test_axes_come_in_the_order_of_the_authority(get: Get, number: int) -> None:
    # pyproj without always_xy follows the authority, and is none of our code.
    expected = pyproj.Transformer.from_crs("OGC:CRS84", f"EPSG:{number}").transform(*ASSET)
    tolerance = 1e-7 if number in (4326, 4490) else 2e-3
    assert place(get, crs=EPSG.format(number)) == pytest.approx(expected, abs=tolerance)


def test_latitude_comes_first_in_4326_and_longitude_in_crs84(get: Get) -> None:
    assert place(get) == pytest.approx(ASSET)
    assert place(get, crs=EPSG.format(4326)) == pytest.approx(ASSET[::-1])
    (row,) = get("/collections/assets/items", crs=EPSG.format(4326), f="csv").text.splitlines()[1:]
    assert f"POINT({ASSET[1]} {ASSET[0]})" in row


@pytest.mark.parametrize("number", [4326, 4490, 3857, 4549])
def test_a_box_is_read_in_its_own_system(get: Get, number: int) -> None:
    to = pyproj.Transformer.from_crs("OGC:CRS84", f"EPSG:{number}")
    low, high = to.transform(118.780, 32.041), to.transform(118.7805, 32.0415)
    box = ",".join(str(value) for value in (*low, *high))
    found = get("/collections/buildings/items", bbox=box, bbox_crs=EPSG.format(number)).json()["features"]
    assert [one["id"] for one in found] == ["b1"]


def test_a_geometry_of_a_filter_is_read_in_its_own_system(get: Get) -> None:
    y, x = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:4549").transform(*ASSET)
    text = f"s_intersects(geometry, BBOX({y - 5}, {x - 5}, {y + 5}, {x + 5}))"
    found = get("/collections/assets/items", filter=text, filter_crs=ZONE).json()["features"]
    assert [one["id"] for one in found] == ["a1"]
    assert get("/collections/assets/items", 400, filter=text)


@pytest.mark.parametrize("name", ["crs", "bbox_crs", "filter_crs"])
@pytest.mark.parametrize(
    "uri", [EPSG.format(27700), "EPSG:0", "4326; drop table", "", "http://x/4326", EPSG.format("٤٣٢٦")]
)
def test_an_unknown_system_is_refused(get: Get, name: str, uri: str) -> None:
    query = {"bbox": "118,32,119,33", "filter": "true", name: uri}
    assert "not offered" in get("/collections/assets/items", 400, **query).json()["detail"]


def test_a_system_has_a_short_name_too() -> None:
    assert reference("EPSG:4549") == reference("[EPSG:4549]") == reference(ZONE)
    assert reference(ZONE).north_first
    assert not reference(EPSG.format(3857)).north_first
    with pytest.raises(Invalid):
        reference("EPSG:EPSG:4549x")
