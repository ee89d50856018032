"""Raw OpenStreetMap files: streets and buildings as they are drawn, and a plain sentence for what cannot be read."""

import bz2
import gzip
from pathlib import Path

import osmium
import pytest
from shapely.geometry import LineString, Polygon

from gridsvc.core.errors import Invalid
from gridsvc.core.settings import shipped_data
from gridsvc.exchange.formats.osm import COLUMNS, building_row, read_osm, street_row
from gridsvc.exchange.formats.osm_tags import runs_backwards

OUTER = [(118.78, 32.04), (118.79, 32.04), (118.79, 32.05), (118.78, 32.05)]
INNER = [(118.783, 32.043), (118.787, 32.043), (118.787, 32.047), (118.783, 32.047)]
# Nodes 1 to 4 are the outer square, 5 to 8 the inner one.
NODES = "".join(
    f'<node id="{number}" lon="{lon}" lat="{lat}"/>' for number, (lon, lat) in enumerate([*OUTER, *INNER], start=1)
)


def way(number: int, refs: str, **tags: str) -> str:
    nodes = "".join(f'<nd ref="{ref}"/>' for ref in refs.split())
    return f'<way id="{number}">{nodes}{tag_xml(tags)}</way>'


def relation(number: int, members: dict[int, str], **tags: str) -> str:
    parts = "".join(f'<member type="way" ref="{ref}" role="{role}"/>' for ref, role in members.items())
    return f'<relation id="{number}">{parts}{tag_xml(tags)}</relation>'


def tag_xml(tags: dict[str, str]) -> str:
    return "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())


def osm(*parts: str) -> bytes:
    return f'<?xml version="1.0"?><osm version="0.6">{"".join(parts)}</osm>'.encode()


def write(folder: Path, content: bytes, name: str = "town.osm") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


STREET = way(1, "1 2", highway="residential", name="糖坊桥")
HOUSE = way(2, "5 6 7 8 5", building="yes")


def test_a_street_is_a_line_with_longitude_first(tmp_path: Path) -> None:
    frame = read_osm(write(tmp_path, osm(NODES, STREET)), "streets")
    assert frame.crs == "EPSG:4326"
    assert list(frame.columns) == [*COLUMNS["streets"], "geometry"]
    assert frame.geometry[0].equals(LineString([(118.78, 32.04), (118.79, 32.04)]))
    assert frame.loc[0, ["code", "name", "name_en", "kind"]].tolist() == ["w1", "糖坊桥", None, "residential"]


def test_a_street_drawn_against_its_traffic_is_turned_round(tmp_path: Path) -> None:
    drawn = way(1, "1 2", highway="residential", oneway="-1")
    frame = read_osm(write(tmp_path, osm(NODES, drawn)), "streets")
    assert frame.oneway[0]
    assert frame.geometry[0].coords[0] == (118.79, 32.04)


@pytest.mark.parametrize("kind", ["proposed", "razed", "abandoned", "bus_stop"])
def test_what_nobody_walks_or_drives_along_is_no_street(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, osm(NODES, way(1, "1 2", highway=kind)))
    assert read_osm(path, "streets").empty


def test_a_building_with_a_courtyard_comes_from_its_relation(tmp_path: Path) -> None:
    block = relation(9, {3: "outer", 4: "inner"}, type="multipolygon", building="school", name="小学")
    path = write(tmp_path, osm(NODES, way(3, "1 2 3 4 1"), way(4, "5 6 7 8 5"), block))
    frame = read_osm(path, "buildings")
    assert frame[["code", "name", "use"]].to_numpy().tolist() == [["r9", "小学", "school"]]
    assert isinstance(frame.geometry[0], Polygon)
    assert len(frame.geometry[0].interiors) == 1


def test_a_building_in_two_parts_is_one_multipolygon(tmp_path: Path) -> None:
    twins = relation(9, {3: "outer", 4: "outer"}, type="multipolygon", building="yes")
    path = write(tmp_path, osm(NODES, way(3, "1 2 5 1"), way(4, "3 4 7 3"), twins))
    assert read_osm(path, "buildings").geom_type.tolist() == ["MultiPolygon"]


def test_ways_before_their_nodes_are_read_all_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, osm(STREET, HOUSE, NODES))
    assert len(read_osm(path, "streets")) == 1
    assert read_osm(path, "buildings").code.tolist() == ["w2"]


def test_objects_that_cannot_be_built_are_named(tmp_path: Path) -> None:
    broken = osm(
        '<node id="90" lon="118.78" lat="32.04"><tag k="building" v="yes"/></node>',
        NODES,
        way(3, "1 2 99", highway="service"),
        way(4, "1 1", highway="service"),
        way(5, "1 2 99 1", building="yes"),
        way(6, "1 2 3", building="yes"),
        way(7, "1 2 4 3 1", building="yes"),
        relation(8, {77: "outer"}, type="multipolygon", building="yes"),
    )
    path = write(tmp_path, broken)
    assert dict(read_osm(path, "streets").attrs["rejected"]) == {
        "w3": "1 of the 3 nodes of this way are not in the file or have no valid position",
        "w4": "This way has fewer than two distinct points",
    }
    frame = read_osm(path, "buildings")
    assert frame.empty
    assert dict(frame.attrs["rejected"]) == {
        "n90": "This building is a point and has no footprint",
        "w5": "1 of the 4 nodes of this way are not in the file or have no valid position",
        "w6": "This way is not closed",
        "w7": "The outline of this building crosses itself",
        "r8": "The rings of this relation do not close, cross themselves, or some of its ways are not in the file",
    }


def test_a_file_without_the_layer_gives_an_empty_frame_with_its_columns(tmp_path: Path) -> None:
    frame = read_osm(write(tmp_path, osm(NODES, STREET)), "buildings")
    assert frame.empty
    assert list(frame.columns) == [*COLUMNS["buildings"], "geometry"]


@pytest.mark.parametrize("name", ["town.osm", "town.osm.gz", "town.osm.bz2", "town.pbf", "town.osm.pbf", "TOWN.OSM"])
def test_every_format_gives_the_same_town(tmp_path: Path, name: str) -> None:
    content = osm(NODES, STREET, HOUSE)
    if name.endswith(".pbf"):
        with osmium.SimpleWriter(tmp_path / name) as writer:
            for thing in osmium.FileProcessor(write(tmp_path, content, "plain.osm")):
                writer.add(thing)
    elif name.endswith(".gz"):
        write(tmp_path, gzip.compress(content), name)
    else:
        write(tmp_path, bz2.compress(content) if name.endswith(".bz2") else content, name)
    assert read_osm(tmp_path / name, "streets").code.tolist() == ["w1"]
    assert read_osm(tmp_path / name, "buildings").code.tolist() == ["w2"]


WHOLE = osm(NODES, STREET, HOUSE)
UNREADABLE = {
    "empty.osm": (b"", "is empty"),
    "empty.osm.gz": (gzip.compress(b""), "cannot be read"),
    "nothing.osm": (osm(), "holds no OpenStreetMap objects"),
    "cut.osm": (WHOLE[:-20], "cannot be read"),
    "cut.osm.gz": (gzip.compress(WHOLE)[:-20], "cannot be read"),
    "cut.osm.bz2": (bz2.compress(WHOLE)[:-20], "cannot be read"),
    "cut.pbf": (b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18\x7b", "cannot be read"),
    "page.osm": (b"<html></html>", "cannot be read"),
    "letter.osm": (b"hello", "is not what its name says"),
    "zipped.osm": (gzip.compress(WHOLE), "is not what its name says"),
    "plain.osm.gz": (WHOLE, "is not what its name says"),
    "plain.pbf": (WHOLE, "is not what its name says"),
    "zeros.pbf": (b"\x00" * 64, "has no OpenStreetMap header"),
    "degrees.osm": (osm('<node id="1" lon="east" lat="32"/>'), "cannot be read"),
    "old.osm": (b'<osm version="0.5"></osm>', "cannot be read"),
    "changes.osm": (b'<osmChange version="0.6"><create><node id="1" lat="1" lon="1"/></create></osmChange>', "changes"),
    "town.txt": (WHOLE, "is not named as"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_named_with_its_fault(tmp_path: Path, name: str) -> None:
    content, fault = UNREADABLE[name]
    with pytest.raises(Invalid, match=f"{name}.* {fault}"):
        read_osm(write(tmp_path, content, name), "streets")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"no file town\.osm"):
        read_osm(tmp_path / "town.osm", "streets")


def test_progress_ends_with_the_number_of_objects(tmp_path: Path) -> None:
    told: list[int] = []
    read_osm(write(tmp_path, osm(NODES, STREET, way(3, "2 3", highway="steps"))), "streets", told.append)
    assert told == [2]


def test_the_real_extract_is_read_whole() -> None:
    source = shipped_data() / "xinjiekou" / "source.osm.gz"
    buildings, streets = read_osm(source, "buildings"), read_osm(source, "streets")
    assert (len(buildings), len(streets)) == (1277, 384)
    assert buildings.is_valid.all()
    assert [code for code, _ in buildings.attrs["rejected"]] == ["n1636594938", "r7098215"]


@pytest.mark.parametrize(
    ("tags", "oneway"),
    [
        ({"highway": "primary"}, False),
        ({"highway": "primary", "oneway": "yes"}, True),
        ({"highway": "primary", "oneway": "-1"}, True),
        ({"highway": "motorway"}, True),
        ({"highway": "motorway", "oneway": "no"}, False),
        ({"highway": "tertiary", "junction": "roundabout"}, True),
    ],
)
def test_one_way_is_said_or_implied(tags: dict[str, str], oneway: bool) -> None:  # noqa: FBT001
    row = street_row(tags)
    assert row is not None
    assert row["oneway"] is oneway
    assert runs_backwards(tags) is (tags.get("oneway") == "-1")


def test_a_street_tells_its_level_and_who_may_walk() -> None:
    row = street_row({"highway": "trunk", "bridge": "viaduct", "tunnel": "no", "layer": "-1", "foot": "private"})
    assert row == {
        "name": None,
        "name_en": None,
        "kind": "trunk",
        "bridge": True,
        "tunnel": False,
        "layer": -1,
        "oneway": False,
        "foot": "no",
    }


@pytest.mark.parametrize(
    ("tags", "use"),
    [
        ({"building": "yes"}, "unknown"),
        ({"building": "apartments", "shop": "yes"}, "residential"),
        ({"building": "yes", "amenity": "school"}, "school"),
        ({"building": "yes", "amenity": "place_of_worship"}, "public"),
        ({"building": "yes", "office": "government"}, "public"),
        ({"building": "yes", "office": "company"}, "office"),
        ({"building": "yes", "shop": "mall"}, "commercial"),
        ({"building": "garage"}, "other"),
    ],
)
def test_the_use_comes_from_the_building_first_and_then_from_what_is_in_it(tags: dict[str, str], use: str) -> None:
    row = building_row(tags)
    assert row is not None
    assert row["use"] == use


@pytest.mark.parametrize(
    ("tags", "levels"),
    [
        ({"building:levels": "6"}, 6),
        ({"building:levels": "6.5"}, 6),
        ({"height": "30"}, 10),
        ({"height": "29.5 m"}, 10),
        ({"building:levels": "5;6"}, None),
        ({"building:levels": "nan", "height": "inf"}, None),
        ({"building:levels": "1e300"}, None),
        ({"building:levels": "0"}, None),
        ({"building:levels": "999"}, None),
        ({}, None),
    ],
)
def test_floors_are_read_or_derived_from_the_height(tags: dict[str, str], levels: int | None) -> None:
    row = building_row({"building": "yes", **tags})
    assert row is not None
    assert row["levels"] == levels


@pytest.mark.parametrize(
    ("tags", "address"),
    [
        ({"addr:full": " 中山路1号 ", "addr:street": "x"}, "中山路1号"),
        ({"addr:city": "南京", "addr:street": "中山路", "addr:housenumber": "18"}, "南京中山路18"),
        ({"addr:city": "Monaco", "addr:street": "Rue Grimaldi", "addr:housenumber": "4"}, "Monaco Rue Grimaldi 4"),
        ({"addr:city": "南京"}, None),
    ],
)
def test_an_address_is_taken_whole_or_joined(tags: dict[str, str], address: str | None) -> None:
    row = building_row({"building": "yes", **tags})
    assert row is not None
    assert row["address"] == address


def test_a_building_tagged_no_is_none() -> None:
    assert building_row({"building": "no"}) is None
    assert building_row({"highway": "primary"}) is None
