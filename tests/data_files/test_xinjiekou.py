"""The sample town keeps its promises: a clean partition, no building cut, codes in order, and made again byte for byte."""

import csv
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Transformer

from gridsvc.core.settings import shipped_data
from gridsvc.territory.codes import check_community_code, check_grid_code, number_cells

TOWN = shipped_data() / "xinjiekou"
CATALOGUE = shipped_data() / "catalogue" / "example.json"
METRES = Transformer.from_crs(4326, 4549, always_xy=True)


def layer(name: str) -> gpd.GeoDataFrame:
    features = json.loads((TOWN / f"{name}.geojson").read_text(encoding="utf-8"))["features"]
    return gpd.GeoDataFrame.from_features(features, crs="EPSG:4326")


def rows(name: str) -> list[dict[str, str]]:
    with (TOWN / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def metres(shapes: Any) -> Any:
    return shapely.transform(shapes, lambda xy: np.column_stack(METRES.transform(xy[:, 0], xy[:, 1])))


@pytest.fixture(scope="module")
def grids() -> gpd.GeoDataFrame:
    return layer("grids")


@pytest.fixture(scope="module")
def communities() -> gpd.GeoDataFrame:
    return layer("communities")


@pytest.fixture(scope="module")
def buildings() -> gpd.GeoDataFrame:
    return layer("buildings")


def test_grids_are_a_partition(grids: gpd.GeoDataFrame) -> None:
    assert 25 <= len(grids) <= 60
    assert set(grids.geom_type) == {"Polygon"}
    assert grids.is_valid.all()
    assert shapely.coverage_is_valid(grids.geometry.to_numpy())
    town = shapely.coverage_union_all(grids.geometry.to_numpy())
    assert isinstance(town, shapely.Polygon)
    assert not town.interiors


def test_coordinates_lie_on_the_grid_of_seven_decimals(grids: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> None:
    for shapes in (grids, buildings):
        coordinates = shapely.get_coordinates(shapes.geometry.to_numpy())
        assert (np.rint(coordinates * 1e7) / 1e7 == coordinates).all()


def test_communities_are_exactly_their_grids(grids: gpd.GeoDataFrame, communities: gpd.GeoDataFrame) -> None:
    assert 4 <= len(communities) <= 8
    assert shapely.coverage_is_valid(communities.geometry.to_numpy())
    for community in communities.itertuples():
        mine = grids.geometry[grids.code.str.startswith(community.code)].to_numpy()
        assert len(mine)
        assert shapely.normalize(shapely.coverage_union_all(mine)) == shapely.normalize(community.geometry)


def test_every_building_lies_whole_in_exactly_one_grid(grids: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> None:
    assert len(buildings) == 1277
    tree = shapely.STRtree(grids.geometry.to_numpy())
    footprints = buildings.geometry.to_numpy()
    touched, owner = tree.query(footprints, predicate="intersects")
    assert touched.tolist() == list(range(1277))
    assert shapely.covers(grids.geometry.to_numpy()[owner], footprints).all()


def test_codes_are_well_formed_and_unique(grids: gpd.GeoDataFrame, communities: gpd.GeoDataFrame) -> None:
    assert grids.code.map(check_grid_code).is_unique
    assert communities.code.map(check_community_code).is_unique
    assert set(grids.code.str[:12]) == set(communities.code)
    # Real communities are numbered from 001; these must never be taken for one.
    assert (communities.code.str[9:].astype(int) > 900).all()
    assert communities.name.str.startswith("示例").all()


def test_grids_are_numbered_from_one_in_reading_order(grids: gpd.GeoDataFrame) -> None:
    for _, mine in grids.groupby(grids.code.str[:12]):
        middles = shapely.get_coordinates(shapely.centroid(mine.geometry.to_numpy()))
        sequence = mine.code.str[12:].astype(int).to_numpy()
        assert sequence[number_cells(middles)].tolist() == list(range(1, len(mine) + 1))


def test_divisions_hang_together(communities: gpd.GeoDataFrame) -> None:
    divisions = {row["code"]: row for row in rows("divisions")}
    above = {"province": None, "city": "province", "county": "city", "street": "county"}
    for row in divisions.values():
        assert divisions.get(row["parent"], {}).get("level") == above[row["level"]]
    assert {divisions[street]["level"] for street in communities.street} == {"street"}
    assert (communities.street.str[:9] == communities.code.str[:9]).all()


def test_households_are_estimated_and_marked_so(grids: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> None:
    assert set(buildings.households_source) == {"estimated"}
    assert (buildings.households >= 0).all()
    assert (buildings.inhabitants == np.rint(buildings.households * 2.6)).all()
    owner = shapely.STRtree(grids.geometry.to_numpy()).query(buildings.geometry.to_numpy(), predicate="within")[1]
    households = np.bincount(owner, buildings.households, len(grids))
    residential = households[(grids.kind == "residential").to_numpy()]
    assert ((residential >= 200) & (residential <= 600)).mean() > 0.9
    assert residential.min() >= 200
    assert residential.max() < 700


def test_every_grid_has_one_responsible_worker_and_a_backup(grids: gpd.GeoDataFrame) -> None:
    workers = {row["code"] for row in rows("workers")}
    posts = rows("posts")
    assert {post["worker"] for post in posts} == workers
    for role in ("responsible", "backup"):
        assert sorted(post["grid"] for post in posts if post["role"] == role) == sorted(grids.code)
    assert len({(post["grid"], post["worker"]) for post in posts}) == len(posts)
    assert {datetime.fromisoformat(post["valid_from"]).utcoffset() is not None for post in posts} == {True}


def test_no_worker_can_be_taken_for_a_person() -> None:
    for row in rows("workers"):
        assert row["name"].endswith("（示例）")
        assert row["phone"].startswith("100")


def test_every_grid_has_a_route_that_follows_streets(grids: gpd.GeoDataFrame) -> None:
    routes = layer("routes")
    assert sorted(routes.grid) == sorted(grids.code)
    assert routes.code.is_unique
    streets = metres(shapely.union_all(layer("streets").geometry.to_numpy()))
    lines = metres(routes.geometry.to_numpy())
    along = shapely.points(shapely.get_coordinates(shapely.segmentize(lines, 5)))
    assert shapely.distance(along, streets).max() < 1
    assert shapely.length(lines).min() > 300
    assert shapely.length(lines).max() < 3100
    places = dict(zip(grids.code, metres(grids.geometry.to_numpy()), strict=True))
    assert max(line.distance(places[grid]) for line, grid in zip(lines, routes.grid, strict=True)) < 20


def test_checkpoints_lie_on_their_route() -> None:
    for route in layer("routes").itertuples():
        checkpoints = json.loads(route.checkpoints)
        assert len(checkpoints) >= 2
        for stop in checkpoints:
            assert stop["name"]
            assert route.geometry.distance(shapely.Point(stop["lon"], stop["lat"])) < 1e-6


def test_assets_stand_in_the_town_and_outside_its_buildings(
    grids: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame
) -> None:
    assets = layer("assets")
    classes = {entry["class"] for entry in json.loads(CATALOGUE.read_text(encoding="utf-8"))["classes"]}
    assert len(assets) == 250
    assert assets.code.str.fullmatch(r"\d{17}").all()
    assert assets.code.is_unique
    assert set(assets["class"]) <= classes
    assert set(assets.state) == {"intact", "broken", "missing"}
    assert shapely.within(assets.geometry.to_numpy(), shapely.coverage_union_all(grids.geometry.to_numpy())).all()
    assert not len(shapely.STRtree(buildings.geometry.to_numpy()).query(assets.geometry.to_numpy(), "intersects")[0])


def test_incidents_are_a_month_of_work_of_classes_in_the_catalogue() -> None:
    incidents = rows("incidents")
    known = {
        (entry["class"], condition["code"])
        for entry in json.loads(CATALOGUE.read_text(encoding="utf-8"))["classes"]
        for condition in entry["conditions"]
    }
    assert 240 <= len(incidents) <= 300
    assert {(row["class"], row["condition"]) for row in incidents} <= known
    reported = [datetime.fromisoformat(row["reported_at"]) for row in incidents]
    assert reported == sorted(reported)
    assert {(moment.year, moment.month) for moment in reported} == {(2026, 6)}
    for row in incidents:
        ended = row["status"] in {"closed", "rejected"}
        assert bool(row["closed_at"]) is ended
        assert not ended or row["reported_at"] < row["closed_at"] < "2026-06-30T18:00:00+08:00"
    assert {"reported", "filed", "dispatched", "handling", "feedback"} < {row["status"] for row in incidents}


def test_all_incidents_but_two_lie_in_the_town_and_none_in_a_building(
    communities: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame
) -> None:
    points = shapely.points([(float(row["lon"]), float(row["lat"])) for row in rows("incidents")])
    inside = shapely.within(points, shapely.coverage_union_all(communities.geometry.to_numpy()))
    assert (~inside).sum() == 2
    assert not len(shapely.STRtree(buildings.geometry.to_numpy()).query(points, "intersects")[0])


def test_the_example_catalogue_is_complete() -> None:
    catalogue = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    entries = catalogue["classes"]
    assert "example" in catalogue["version"]
    assert len({entry["class"] for entry in entries}) == len(entries) >= 30
    assert sum(len(entry["conditions"]) for entry in entries) >= 60
    for entry in entries:
        assert entry["class"] == f"{entry['kind']}:{entry['code']}"
        codes = [condition["code"] for condition in entry["conditions"]]
        assert codes == sorted(set(codes))
        for condition in entry["conditions"]:
            assert condition["unit"] in {"urgent_hour", "urgent_day", "working_hour", "working_day"}
            assert condition["limit"] > 0
            assert all(condition[key] for key in ("text", "text_en", "closing", "department"))


def test_the_maker_gives_the_same_bytes_again(tmp_path: Path) -> None:
    # The checkout may be read-only for the tests: the maker leaves no compiled files behind.
    environment = {"PYTHONPATH": str(shipped_data().parent), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""}
    command = [sys.executable, str(TOWN / "make_town.py"), str(tmp_path)]
    subprocess.run(command, check=True, env=environment)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert len(made) == 10
    assert [name for name in made if (tmp_path / name).read_bytes() != (TOWN / name).read_bytes()] == []
