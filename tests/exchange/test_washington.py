"""A real city, from files that are not shipped: its redraw of 2002 as dated versions, and 11,473 requests with their ward."""

import csv
import gzip
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gridsvc.core.db import transaction
from gridsvc.core.geo import PROMOTE, canonical, snap
from gridsvc.exchange.locating import locate_csv
from gridsvc.territory.bulk import read_cells
from gridsvc.territory.locate import Located, locate
from gridsvc.territory.publish import Cell, Redraw, publish
from gridsvc.territory.topology.faults import Boundaries, NoPartition, find_faults
from gridsvc.territory.topology.repair import repair
from gridsvc.territory.versions import Outline
from tests.exchange.conftest import NOW, bring_in

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
REQUESTS, OLD = DATA / "dc311-2015", DATA / "dc-boundaries-old"
STREET, CITY = "110000001000", "110000001901"
"""Invented, as every code here: no number of China stands for Washington."""
Y1990, Y2002 = datetime(1990, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)
WIDTH_M = 1.0
old = pytest.mark.skipif(not OLD.is_dir(), reason="the old boundaries of Washington are not beside this checkout")


@pytest.mark.skipif(not REQUESTS.is_dir(), reason="the requests of Washington are not beside this checkout")
def test_in_bulk_11419_of_11437_real_requests_are_in_their_official_ward(empty_engine: Engine, tmp_path: Path) -> None:
    wards = gpd.read_file(REQUESTS / "ward-2012.geojson")
    wards["code"] = STREET[:9] + wards["WARD_ID"].str.zfill(3)
    wards = wards.rename(columns={"NAME": "name"})
    wards[["code", "name", "geometry"]].to_file(tmp_path / "wards.gpkg")
    grids = wards.assign(code=wards["code"] + "001")
    grids[["code", "name", "geometry"]].to_file(tmp_path / "grids.gpkg")
    with transaction(empty_engine) as session:
        bring_in(session, tmp_path / "wards.gpkg", "communities")
        bring_in(session, tmp_path / "grids.gpkg", "grids")
    with gzip.open(REQUESTS / "dc311_20151011.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 11_473
    points, out = tmp_path / "requests.csv", tmp_path / "located.csv"
    with points.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "ward", "lon", "lat"])
        writer.writerows([row["SERVICEREQUESTID"], row["WARD"], row["geom_x"], row["geom_y"]] for row in rows)
    with transaction(empty_engine) as session:
        cells, communities = read_cells(session, NOW)
        assert locate_csv(points, out, cells, communities, lambda *_: None) == 11_473
        with out.open(encoding="utf-8", newline="") as file:
            located = list(csv.DictReader(file))
        official = [row for row in located if row["ward"] != "NULL"]
        assert len(official) == 11_437
        agreed = sum(row["community"] == f"{STREET[:9]}{int(float(row['ward'])):03d}" for row in official)
        assert agreed >= 11_419
        # And SQL says of each what bulk says.
        for row in located[:: len(located) // 500]:
            one = locate(session, float(row["lon"]), float(row["lat"]), NOW)
            told = (one.community or "", one.grid or "", str(one.grid_version or 0), one.rule)
            assert told == (row["community"], row["grid"], row["version"], row["rule"]), row["id"]


def read(name: str) -> gpd.GeoDataFrame:
    frame = gpd.read_file(OLD / f"{name}.geojson")
    return frame.set_geometry(canonical(snap(frame.geometry.to_numpy())), crs=4326)


def places_in(*layers: gpd.GeoDataFrame) -> list[tuple[float, float]]:
    """Give a place well inside each cell of layers."""
    inner = [shape.representative_point() for layer in layers for shape in layer.geometry]
    return [(round(point.x, 7), round(point.y, 7)) for point in inner]


def owners(session: Session, places: list[tuple[float, float]], year: int) -> list[Located]:
    at = datetime(year, 7, 1, tzinfo=UTC)
    return [locate(session, lon, lat, at) for lon, lat in places]


def check_lineage(session: Session, before: gpd.GeoDataFrame, outline: BaseGeometry) -> Counter[str]:
    """Check that the ground of every grid that changed is told of in whole, but for what the river's edge has taken."""
    rows = session.execute(
        text("select from_grid, to_grid, kind, area_share from lineage where at = :at"), {"at": Y2002}
    ).all()
    shares: Counter[str] = Counter()
    for row in rows:
        if row.from_grid:
            shares[row.from_grid] += row.area_share
    ground = dict(zip(before["code"], before.geometry, strict=True))
    assert shares
    for code, share in shares.items():
        kept = shapely.area(shapely.intersection(ground[code], outline)) / shapely.area(ground[code])
        assert share == pytest.approx(kept, abs=1e-8)
        assert share == pytest.approx(1, abs=1e-4)
    return Counter(row.kind for row in rows)


def ward_plan(year: int) -> tuple[dict[str, list[Cell]], list[Outline]]:
    """Make each ward a community with one grid, of all its ground."""
    cells, outlines = {}, []
    for _, ward in read(f"ward-{year}").iterrows():
        code = f"{STREET[:9]}{int(ward['WARD_ID']):03d}"
        cells[code] = [Cell(f"{code}001", ward["NAME"], "residential", ward.geometry)]
        outlines.append(Outline(code, ward["NAME"], ward.geometry, STREET))
    return cells, outlines


@old
def test_the_wards_of_1990_and_2002_are_dated_versions_of_one_partition(empty_engine: Engine) -> None:
    places = places_in(read("ward-1990"), read("ward-2002"), read("voting-precinct-1990"))
    with transaction(empty_engine) as session:
        session.execute(
            text("insert into division (code, name, level) values (:code, '示例·华盛顿', 'street')"), {"code": STREET}
        )
        for moment, year in ((Y1990, 1990), (Y2002, 2002)):
            cells, outlines = ward_plan(year)
            done = publish(session, Redraw(cells, moment, outlines=outlines), actor="test")
            if year == 1990:
                assert len(done.communities.created) == len(done.created) == 8
                then = owners(session, places, 1995)
        assert len(done.communities.changed) == len(done.changed) == 8
        assert owners(session, places, 1995) == then
        now = owners(session, places, 2005)
        assert {one.grid_version for one in then} == {1}
        assert {one.grid_version for one in now} == {2}
        for year, told in ((1990, then), (2002, now)):
            wards = {
                f"{STREET[:9]}{int(ward['WARD_ID']):03d}": ward.geometry for _, ward in read(f"ward-{year}").iterrows()
            }
            for (lon, lat), one in zip(places, told, strict=True):
                assert one.community
                assert wards[one.community].intersects(shapely.Point(lon, lat))
        moved = sum(before.community != after.community for before, after in zip(then, now, strict=True))
        assert 1 <= moved < len(places) / 3
        wards_then = read("ward-1990")
        wards_then["code"] = [f"{STREET[:9]}{int(ward):03d}001" for ward in wards_then["WARD_ID"]]
        kinds = check_lineage(session, wards_then, shapely.union_all(read("ward-2002").geometry.to_numpy()))
        assert set(kinds) == {"reshape"}
        assert kinds["reshape"] > 8  # each to itself, and ground to its neighbours


def precincts(year: int) -> gpd.GeoDataFrame:
    frame = read(f"voting-precinct-{year}")
    numbers = frame["NAME"].str.extract(r"(\d+)")[0].astype(int)
    return frame.assign(code=[f"{CITY}{number:03d}" for number in numbers]).rename(columns={"NAME": "name"})


def mended(frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, BaseGeometry]:
    """Close the narrow faults of a layer; give it with its outline."""
    done = repair(Boundaries(frame["code"].tolist(), frame.geometry.tolist()), WIDTH_M)
    assert done.left == []
    shapes = np.array(list(done.layer.shapes), dtype=object)
    return frame.set_geometry(shapes, crs=4326), canonical(shapely.coverage_union_all(shapes))


@old
def test_the_precincts_of_1990_come_in_repaired_and_are_redrawn_in_2002(empty_engine: Engine, tmp_path: Path) -> None:
    before, after = precincts(1990), precincts(2002)
    repaired, outline = mended(before)
    drawn, later = mended(after)
    gpd.GeoDataFrame({"code": [CITY], "name": ["示例·华盛顿"]}, geometry=[outline], crs=4326).to_file(
        tmp_path / "city.gpkg"
    )
    before.to_file(tmp_path / "precincts.gpkg")
    places = places_in(before, after)
    with transaction(empty_engine) as session:
        bring_in(session, tmp_path / "city.gpkg", "communities", from_=Y1990)
        with pytest.raises(NoPartition, match="overlap") as refusal, session.begin_nested():
            bring_in(session, tmp_path / "precincts.gpkg", "grids", from_=Y1990)
        assert {fault.kind for fault in refusal.value.faults} == {"overlap"}
        came = bring_in(session, tmp_path / "precincts.gpkg", "grids", from_=Y1990, repair_m=WIDTH_M)
        assert (came.merged.new, [change.code for change in came.repaired] != []) == (140, True)
        assert all(abs(change.after_m2 - change.before_m2) < 1 for change in came.repaired)
        then = owners(session, places, 1995)
        cells = [Cell(row["code"], row["name"], "residential", row.geometry) for _, row in drawn.iterrows()]
        done = publish(
            session,
            Redraw({CITY: cells}, Y2002, outlines=[Outline(CITY, "示例·华盛顿", PROMOTE["MULTIPOLYGON"](later))]),
            actor="test",
        )
        assert (len(done.created) - len(done.retired), len(cells)) == (2, 142)
        assert owners(session, places, 1995) == then
        for year, layer in ((1995, before), (2005, drawn)):
            shapes = dict(zip(layer["code"], layer.geometry, strict=True))
            for (lon, lat), one in zip(places, owners(session, places, year), strict=True):
                assert one.grid is None or shapes[one.grid].distance(shapely.Point(lon, lat)) < 1e-6
        check_lineage(session, repaired, later)


@old
def test_the_faults_of_the_assessment_neighbourhoods_are_those_that_are_known() -> None:
    frame = gpd.read_file(OLD / "assessment-neighborhoods.geojson")
    faults = find_faults(Boundaries(frame["GIS_ID"].tolist(), frame.geometry.tolist()))
    area_m2: dict[str, float] = defaultdict(float)
    for fault in faults:
        area_m2[fault.kind] += fault.area_m2
    assert set(area_m2) == {"overlap", "gap", "multipart"}
    assert (round(area_m2["overlap"]), round(area_m2["gap"])) == (1061, 1006)
    assert max(fault.width_m for fault in faults if fault.kind in ("overlap", "gap")) < 1.5
