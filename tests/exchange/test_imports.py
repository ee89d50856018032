"""Files in: every row checked, all or nothing, and a sentence for whatever cannot be taken."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
import shapely.affinity
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gridsvc.core.db import transaction
from gridsvc.core.errors import Invalid
from gridsvc.core.geo import snap_numbers
from gridsvc.core.settings import Settings
from gridsvc.exchange.imports import Choices, Outcome, Refused, import_file, write_rejects
from gridsvc.exchange.placing.datums import Datum, move
from gridsvc.territory.topology.faults import NoPartition
from tests.town import GRIDS, JIA, JIA_1, JIA_2, LAMP, YI, YI_1, YI_2, rectangle, spot

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def bring_in(session: Session, path: Path, layer: str, **choices: Any) -> Outcome:
    return import_file(
        session,
        path,
        layer,
        Choices(from_=NOW, **choices),
        settings=Settings(),
        actor="test",
        progress=lambda *_: None,
    )


def feature(shape: Any, **properties: Any) -> dict[str, Any]:
    geometry = shape if isinstance(shape, dict) or shape is None else json.loads(shapely.to_geojson(shape))
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def geojson(folder: Path, *features: dict[str, Any]) -> Path:
    path = folder / "file.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def csv_file(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = folder / "file.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def count(session: Session, table: str) -> int:
    return int(session.scalar(text(f"select count(*) from {table}")) or 0)


def test_buildings_come_in_find_their_grid_and_the_same_file_again_changes_nothing(
    session: Session, tmp_path: Path
) -> None:
    path = geojson(
        tmp_path,
        feature(rectangle(0.4, 1.4, 0.05, 0.05), code="n1", name="新楼", levels=3, households=12),
        feature(rectangle(3.2, 0.2, 0.05, 0.05), code="n2"),
    )
    first = bring_in(session, path, "buildings")
    assert (first.merged.new, first.merged.changed, first.merged.unchanged) == (2, 0, 0)
    rows = session.execute(
        text(
            "select code, grid, households, households_source, st_issimple(geometry) from building b"
            " left join belonging p using (code) where code ~ '^n' order by 1"
        )
    ).all()
    assert rows == [("n1", JIA_1, 12, "counted", True), ("n2", None, None, None, True)]
    again = bring_in(session, path, "buildings")
    assert (again.merged.new, again.merged.changed, again.merged.unchanged) == (0, 0, 2)
    assert (
        session.scalar(
            text("select facts ->> 'unchanged' from event where kind = 'import.done' order by id desc limit 1")
        )
        == "2"
    )


def test_a_changed_building_is_changed_and_counts_the_file_lacks_are_kept(session: Session, tmp_path: Path) -> None:
    outcome = bring_in(
        session, geojson(tmp_path, feature(rectangle(1.3, 1.3, 0.1, 0.1), code="b1", name="改名")), "buildings"
    )
    assert outcome.merged.changed == 1
    row = session.execute(
        text(
            "select name, households, grid from building join belonging using (code)"
            " where code = 'b1' and until = 'infinity'"
        )
    ).one()
    assert row == ("改名", 120, JIA_2)


BOW_TIE = {
    "type": "Polygon",
    "coordinates": [[[118.78, 32.04], [118.79, 32.05], [118.79, 32.04], [118.78, 32.05], [118.78, 32.04]]],
}
GOOD = feature(rectangle(0.4, 1.4, 0.05, 0.05), code="good")


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (feature(BOW_TIE, code="x"), "broken geometry: Self-intersection"),
        (feature(None, code="x"), "no geometry"),
        (feature(shapely.box(32.04, 118.78, 32.05, 118.79), code="x"), "swapped"),
        (feature(shapely.box(500000, 3500000, 500100, 3500100), code="x"), "projected"),
        (feature(rectangle(0, 0, 0.1, 0.1), code="good"), "already stands in row 1"),
        (feature(rectangle(0, 0, 0.1, 0.1), code="x", levels="many"), "levels is 'many', which is not a number"),
        (feature(rectangle(0, 0, 0.1, 0.1), code="x", levels=2.5), "a whole number"),
        (feature(rectangle(0, 0, 0.1, 0.1), code="x", households_source="guessed"), "one of estimated, counted"),
        (feature(shapely.box(118.78, 32.04, 118.78 + 1e-9, 32.05), code="x"), "so thin that it collapses"),
    ],
)
def test_one_bad_row_is_named_and_nothing_is_written(
    session: Session, tmp_path: Path, bad: dict[str, Any], named: str
) -> None:
    before = count(session, "building")
    with pytest.raises(Refused) as refused:
        bring_in(session, geojson(tmp_path, GOOD, bad), "buildings")
    (fault,) = refused.value.faults
    assert fault.row == 2
    assert named in fault.reason
    assert "row 2" in refused.value.sentence
    assert count(session, "building") == before


@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_a_coordinate_that_is_not_a_number_is_found_among_good_ones(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "nan.gpkg"
    ring = [(118.78, 32.04), (118.79, 32.04), (float("nan"), 32.05), (118.78, 32.05), (118.78, 32.04)]
    gpd.GeoDataFrame({"code": ["x"]}, geometry=[shapely.Polygon(ring)], crs=4326).to_file(path)
    with pytest.raises(Refused, match="not a number"):
        bring_in(session, path, "buildings")


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("empty.geojson", b"", "is empty"),
        ("text.geojson", "你好".encode(), "cannot be read as geojson"),
        ("none.geojson", b'{"type": "FeatureCollection", "features": []}', "holds no rows"),
        ("fake.gpkg", b"not a package", "cannot be read as gpkg"),
        ("fake.zip", b"PK nonsense", "cannot be unpacked"),
        ("fake.pbf", b"\x00\x00\x00\x0dnonsense", "is not what its name says"),
        ("fake.osm.gz", b"nonsense", "fake.osm.gz"),
        ("cut.osm", b"<osm><node", "cut.osm"),
        ("page.html", b"<html>", "of no format that can be read"),
        ("bin.csv", b"code,lon\0,lat\n", "not a text file"),
        ("twice.csv", b"code,code,lon,lat\n", "each once"),
        ("crooked.csv", b"code,lon,lat\n1,2\n", "Row 1 of crooked.csv has 2 values for 3 columns"),
        ("table.csv", b"code,name\n1,2\n", "lon and lat"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused_by_a_sentence(
    session: Session, tmp_path: Path, name: str, content: bytes, named: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        bring_in(session, path, "buildings")
    assert named in refused.value.sentence


def test_a_file_that_is_not_there_and_a_layer_that_is_none_are_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="There is no file"):
        bring_in(session, tmp_path / "no.csv", "buildings")
    with pytest.raises(Invalid, match="There is no layer 'residents'"):
        bring_in(session, tmp_path / "no.csv", "residents")


def test_a_missing_column_is_named_with_the_names_it_may_have(session: Session, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"no column code .*网格编码"):
        bring_in(session, geojson(tmp_path, feature(rectangle(0, 0), name="x")), "grids")


def test_a_projected_file_is_brought_to_wgs84_and_a_wrong_crs_is_told(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "zone.gpkg"
    shape = rectangle(0.4, 1.4, 0.05, 0.05)
    gpd.GeoDataFrame({"code": ["p1"]}, geometry=[shape], crs=4326).to_crs(4549).to_file(path)
    bring_in(session, path, "buildings")
    off_m = session.scalar(
        text(
            "select st_hausdorffdistance(metric(geometry), metric(st_geomfromtext(:wkt, 4326))) from building where code = 'p1'"
        ),
        {"wkt": shape.wkt},
    )
    assert off_m is not None
    assert off_m < 0.02
    with pytest.raises(Invalid, match="no CRS 'EPSG:99999999'"):
        bring_in(session, path, "buildings", crs="EPSG:99999999")


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_a_file_drawn_on_a_shifted_map_comes_in_where_it_is(session: Session, tmp_path: Path, datum: Datum) -> None:
    shape = rectangle(0.4, 1.4, 0.05, 0.05)
    path = geojson(tmp_path, feature(move(shape, "wgs84", datum), code="p1"))
    bring_in(session, path, "buildings", crs=datum)
    stored = session.scalar(text("select st_asbinary(geometry) from building where code = 'p1'"))
    assert stored is not None
    assert shapely.equals(shapely.from_wkb(bytes(stored)), shape)


def test_what_comes_in_is_on_the_coordinate_grid(session: Session, tmp_path: Path) -> None:
    shape = shapely.affinity.rotate(rectangle(0.4, 1.4, 0.05, 0.05), 13.7)
    bring_in(session, geojson(tmp_path, feature(shape, code="p1")), "buildings")
    stored = shapely.from_wkb(
        bytes(session.scalar(text("select st_asbinary(geometry) from building where code = 'p1'")))
    )
    coordinates = shapely.get_coordinates(stored)
    assert (coordinates == snap_numbers(coordinates)).all()
    assert not (shapely.get_coordinates(shape) == snap_numbers(shapely.get_coordinates(shape))).all()


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_file_without_a_crs_needs_one_to_be_named(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "bare.gpkg"
    gpd.GeoDataFrame({"code": ["p1"]}, geometry=[rectangle(0.4, 1.4, 0.05, 0.05)]).to_file(path)
    with pytest.raises(Invalid, match="does not say its CRS"):
        bring_in(session, path, "buildings")
    assert bring_in(session, path, "buildings", crs="EPSG:4326").merged.new == 1


def test_good_rows_can_be_taken_and_the_bad_ones_listed(session: Session, tmp_path: Path) -> None:
    outcome = bring_in(session, geojson(tmp_path, GOOD, feature(BOW_TIE, code="x")), "buildings", skip_bad=True)
    assert outcome.merged.new == 1
    assert [fault.row for fault in outcome.faults] == [2]
    write_rejects(tmp_path / "rejects.csv", outcome.faults)
    lines = (tmp_path / "rejects.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "row,reason"
    assert lines[1].startswith("2,broken geometry")


def test_a_mixed_file_gives_each_layer_its_own_and_names_what_was_passed_over(session: Session, tmp_path: Path) -> None:
    street = shapely.LineString([spot(0, 0), spot(1, 0)])
    path = geojson(
        tmp_path, feature(street, code="s9", kind="footway"), feature(shapely.Point(spot(0, 0)), code="crossing")
    )
    outcome = bring_in(session, path, "streets")
    assert (outcome.merged.new, len(outcome.passed_over)) == (1, 1)
    with pytest.raises(Invalid, match="holds no buildings"):
        bring_in(session, path, "buildings")


def test_openstreetmap_tags_in_columns_are_understood(session: Session, tmp_path: Path) -> None:
    path = geojson(
        tmp_path,
        feature(rectangle(0.4, 1.4, 0.05, 0.05), element="way", id=7, building="dormitory", **{"building:levels": "5"}),
    )
    bring_in(session, path, "buildings")
    assert session.execute(text("select use, levels from building where code = 'w7'")).one() == ("residential", 5)


def test_a_shape_without_a_code_keeps_its_code_at_the_next_import(session: Session, tmp_path: Path) -> None:
    path = geojson(tmp_path, feature(rectangle(0.4, 1.4, 0.05, 0.05), name="无编码"))
    assert bring_in(session, path, "buildings").merged.new == 1
    assert bring_in(session, path, "buildings").merged.unchanged == 1


def test_a_redrawn_grid_opens_a_new_version_and_leaves_lineage(session: Session, tmp_path: Path) -> None:
    # 甲二 gives its western quarter to 甲一; b3 stays.
    path = geojson(
        tmp_path,
        feature(rectangle(0, 1, 1.25, 1), code=JIA_1, name="甲一网格"),
        feature(rectangle(1.25, 1, 0.75, 1), code=JIA_2, name="甲二网格"),
    )
    outcome = bring_in(session, path, "grids")
    assert (outcome.merged.new, outcome.merged.changed) == (0, 2)
    versions = session.execute(
        text("select version, lower(valid), upper(valid) from grid_version where grid = :grid order by 1"),
        {"grid": JIA_1},
    ).all()
    assert [version for version, *_ in versions] == [1, 2]
    assert versions[0][2] == versions[1][1] == NOW
    moved = session.execute(
        text(
            "select kind, round(area_share::numeric, 3)::float8, household_share from lineage where from_grid = :two and to_grid = :one"
        ),
        {"one": JIA_1, "two": JIA_2},
    ).one()
    assert moved == ("reshape", 0.25, 0.0)


def test_grids_that_leave_a_gap_are_refused_and_nothing_changes(session: Session, tmp_path: Path) -> None:
    path = geojson(tmp_path, feature(rectangle(0, 1, 0.75, 1), code=JIA_1, name="甲一网格"))
    with pytest.raises(Invalid, match="owns this ground"):
        bring_in(session, path, "grids")
    assert session.scalar(text("select count(*) from grid_version")) == len(GRIDS)


def test_a_narrow_gap_between_grids_is_repaired_when_asked_and_told(session: Session, tmp_path: Path) -> None:
    # 甲一 draws back by a metre between the quarters of its eastern border.
    ring = shapely.get_coordinates(rectangle(0, 1))
    east = ring[:, 0].max()
    dented = [(x - 0.00001, y) if x == east and ring[:, 1].min() < y < ring[:, 1].max() else (x, y) for x, y in ring]
    path = geojson(tmp_path, feature(shapely.Polygon(dented), code=JIA_1, name="甲一网格"))
    with pytest.raises(NoPartition) as refused:
        bring_in(session, path, "grids")
    assert [fault.kind for fault in refused.value.faults] == ["gap"]
    outcome = bring_in(session, path, "grids", repair_m=2.0)
    assert [change.code for change in outcome.repaired] in ([JIA_1], [JIA_2])
    session.execute(text("set constraints all immediate"))


def test_a_whole_new_set_of_grids_retires_the_old_ones(session: Session, tmp_path: Path) -> None:
    path = geojson(tmp_path, feature(rectangle(2, 1, 2, 1), code=f"{YI}003", name="乙社区网格"))
    outcome = bring_in(session, path, "grids", whole=True)
    assert outcome.merged.new == 1
    rows = session.execute(text("select kind, from_grid, to_grid from lineage order by from_grid")).all()
    assert rows == [("merge", YI_1, f"{YI}003"), ("merge", YI_2, f"{YI}003")]
    assert session.scalar(text("select grid from belonging where code = 'b4' and until = 'infinity'")) == f"{YI}003"


def test_references_are_checked_by_row(session: Session, tmp_path: Path) -> None:
    path = csv_file(
        tmp_path,
        "网格,工号,岗位,开始",
        f"{JIA_1},W9,协助,2026-06-01",
        f"{JIA}777,W1,协助,2026-06-01",
        f"{YI_1},W2,责任,2026-06-01",
        f"{JIA_2},W2,协助,2026-06-01",
        f"{JIA_2},W3,协助,someday",
    )
    with pytest.raises(Refused) as refused:
        bring_in(session, path, "posts")
    reasons = {fault.row: fault.reason for fault in refused.value.faults}
    assert reasons[1] == "there is no worker W9"
    assert reasons[2] == f"there is no grid {JIA}777"
    assert "already has the responsible worker W3" in reasons[3]
    assert "which is not a time" in reasons[5]
    assert 4 not in reasons


def test_a_chinese_spreadsheet_export_is_read(session: Session, tmp_path: Path) -> None:
    path = csv_file(tmp_path, "工号,姓名,电话,部门", "0012,示例丁,10000000012,示例社区", encoding="gb18030")
    bring_in(session, path, "workers")
    assert session.execute(text("select name, department from worker where code = '0012'")).one() == (
        "示例丁",
        "示例社区",
    )


def test_past_incidents_get_the_owner_of_their_own_moment_and_a_number_of_their_day(
    session: Session, tmp_path: Path
) -> None:
    lon, lat = spot(0.5, 1.5)
    path = csv_file(
        tmp_path,
        "class,condition,status,lon,lat,source,reported_at,closed_at",
        f"{LAMP},01,closed,{lon},{lat},worker,2026-05-01T08:00:00+08:00,2026-05-02T08:00:00+08:00",
        f"{LAMP},01,reported,0,0,public,2026-05-01 23:59,",
    )
    assert bring_in(session, path, "incidents").merged.new == 2
    rows = session.execute(text("select number, grid, responsible, queue from incident order by number")).all()
    assert rows == [("20260501-000001", JIA_1, "W1", None), ("20260501-000002", None, None, "fallback")]
    bad = csv_file(tmp_path, "class,condition,lon,lat,source,reported_at", f"{LAMP},77,{lon},{lat},worker,2026-05-01")
    with pytest.raises(Refused, match="the catalogue has no condition 77"):
        bring_in(session, bad, "incidents")


@pytest.mark.parametrize(("since", "told"), [(None, "from ever"), ("2026-03-01", "from March")])
def test_a_building_holds_from_ever_unless_the_import_says_since_when(
    empty_engine: Engine, tmp_path: Path, since: str | None, told: str
) -> None:
    path = tmp_path / "b.csv"
    path.write_text('code,geometry\nb1,"POLYGON((118 32, 118.001 32, 118.001 32.001, 118 32))"\n', encoding="utf-8")
    moment = datetime.fromisoformat(since).replace(tzinfo=UTC) if since else None
    with transaction(empty_engine) as session:
        bring_in(session, path, "buildings", since=moment)
    with empty_engine.connect() as connection:
        held = connection.scalar(text("select count(*) from building_ever where valid @> timestamptz '2026-02-01Z'"))
    assert held == (1 if told == "from ever" else 0)


def test_only_boundaries_come_ahead_of_their_day(empty_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text('code,geometry\nb1,"POLYGON((118 32, 118.001 32, 118.001 32.001, 118 32))"\n', encoding="utf-8")
    with transaction(empty_engine) as session, pytest.raises(Invalid, match="redrawn ahead"):
        bring_in(session, path, "buildings", since=datetime.now(UTC) + timedelta(days=1))
