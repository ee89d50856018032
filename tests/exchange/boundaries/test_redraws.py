"""Files of communities and grids: one redraw, proved, dated, told; and everything that is wrong with them at once."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.exchange.imports import Refused
from gridsvc.territory.locate import locate
from gridsvc.territory.publish import held_cells
from gridsvc.territory.topology.faults import Fault, NoPartition, faults_as_geojson, place_of
from tests.exchange.conftest import NOW, bring_in
from tests.exchange.files import feature, geojson
from tests.town import JIA, JIA_1, JIA_2, JIA_3, STREET, YI, YI_1, YI_2, rectangle, spot

JIA_GROUND, YI_GROUND = rectangle(0, 0, 2, 2), rectangle(2, 1, 2, 1)
BOW_TIE = shapely.Polygon([spot(0, 1), spot(1, 2), spot(1, 1), spot(0, 2)])


def community(code: str, shape: BaseGeometry, name: str = "新社区", **more: Any) -> dict[str, Any]:
    return feature(shape, code=code, name=name, **more)


def grid(code: str, shape: BaseGeometry, name: str = "网格") -> dict[str, Any]:
    return feature(shape, code=code, name=name)


def know_the_street(session: Session) -> None:
    session.execute(
        text("update division set geometry = st_multi(st_geomfromtext(:shape, 4326)) where code = :code"),
        {"shape": shapely.union(JIA_GROUND, YI_GROUND).wkt, "code": STREET},
    )
    session.execute(text("set constraints all immediate"))
    session.execute(text("set constraints all deferred"))


def told(faults: list[Fault]) -> set[tuple[str, tuple[str, ...]]]:
    return {(fault.kind, fault.codes) for fault in faults}


def test_a_file_of_communities_opens_versions_from_its_day_and_is_an_event(session: Session, tmp_path: Path) -> None:
    path = geojson(tmp_path / "c.geojson", community(JIA, JIA_GROUND, "甲新名"), community(YI, YI_GROUND, "乙社区"))
    outcome = bring_in(session, path, "communities", look=True)
    assert (outcome.merged.new, outcome.merged.changed, outcome.merged.unchanged) == (0, 1, 1)
    assert outcome.preview
    assert (outcome.preview.changed.examples, outcome.preview.unchanged.examples) == ((JIA,), (YI,))
    versions = session.execute(
        text("select version, name, lower(valid) from community_version where community = :code order by 1"),
        {"code": JIA},
    ).all()
    assert [(version, name) for version, name, _ in versions] == [(1, "甲社区"), (2, "甲新名")]
    assert versions[1][2] == NOW
    events = session.execute(
        text("select subject, facts ->> 'outline' from event where kind = 'community.redrawn' order by id")
    ).all()
    assert events == [(f"community:{JIA}", "true")]


def test_a_community_that_leaves_its_grids_is_refused_before_anything_is_written(
    session: Session, tmp_path: Path
) -> None:
    path = geojson(tmp_path / "c.geojson", community(YI, rectangle(2, 0, 2, 2)))
    with pytest.raises(NoPartition, match=f"no partition of community {YI}.*owns this ground"):
        bring_in(session, path, "communities")
    assert session.scalar(text("select count(*) from community_version")) == 2


def test_communities_and_grids_change_at_one_instant(session: Session, tmp_path: Path) -> None:
    bing = "320102003903"
    communities = geojson(
        tmp_path / "c.geojson",
        community(YI, rectangle(2, 0, 2, 2), "乙社区"),
        community(bing, rectangle(4, 0, 1, 2), "丙社区", street=STREET),
    )
    grids = geojson(
        tmp_path / "g.geojson",
        grid(f"{YI}003", rectangle(2, 0, 2, 1)),
        grid(f"{bing}001", rectangle(4, 0, 1, 2)),
    )
    with pytest.raises(Refused, match=f"there is no community {bing}"):
        bring_in(session, grids, "grids")
    outcome = bring_in(session, grids, "grids", communities=communities, look=True)
    assert (outcome.merged.new, outcome.merged.changed) == (2, 0)
    assert outcome.beside
    assert (outcome.beside.merged.new, outcome.beside.merged.changed) == (1, 1)
    assert outcome.preview
    assert outcome.preview.missing.examples == (YI_1, YI_2)
    assert outcome.beside.preview
    assert outcome.beside.preview.missing.examples == (JIA,)
    session.execute(text("set constraints all immediate"))
    for place, after in ((spot(3, 0.5), f"{YI}003"), (spot(4.5, 1), f"{bing}001")):
        assert locate(session, *place, NOW - timedelta(seconds=1)).grid is None
        assert locate(session, *place, NOW).grid == after
    assert session.scalar(text("select street from community where code = :code"), {"code": bing}) == STREET


def test_a_file_of_communities_goes_with_grids_alone(session: Session, tmp_path: Path) -> None:
    path = geojson(tmp_path / "c.geojson", community(YI, YI_GROUND))
    with pytest.raises(Invalid, match="together with grids, not with buildings"):
        bring_in(session, path, "buildings", communities=path)


def test_communities_that_do_not_fill_their_known_street_are_refused_with_the_bay_at_its_edge(
    session: Session, tmp_path: Path
) -> None:
    know_the_street(session)
    session.execute(text("alter table grid_version disable trigger user"))
    session.execute(text("delete from lineage"))
    session.execute(text("delete from grid_version where grid like :own"), {"own": f"{YI}%"})
    path = geojson(tmp_path / "c.geojson", community(YI, rectangle(2, 1, 1.75, 1)))
    with pytest.raises(NoPartition, match=f"nothing in {STREET} owns this ground") as refused:
        bring_in(session, path, "communities")
    assert told(refused.value.faults) == {("gap", (YI,))}
    assert refused.value.faults[0].area_m2 == pytest.approx(2619, rel=0.01)


def test_communities_that_overlap_are_refused_though_no_street_is_known(session: Session, tmp_path: Path) -> None:
    ding = "320102004901"
    path = geojson(tmp_path / "c.geojson", community(ding, rectangle(3.5, 1, 1, 1)))
    with pytest.raises(NoPartition, match="The communities are no partition") as refused:
        bring_in(session, path, "communities")
    assert told(refused.value.faults) == {("overlap", (YI, ding))}


def test_a_lake_between_communities_is_a_gap_until_it_is_said_to_be_meant(session: Session, tmp_path: Path) -> None:
    lake = rectangle(10.25, 10.25, 0.5, 0.5)
    path = geojson(tmp_path / "c.geojson", community("320102004901", shapely.difference(rectangle(10, 10), lake)))
    with pytest.raises(NoPartition, match="nothing owns this ground"):
        bring_in(session, path, "communities", keep_holes_above_m2=10_000)
    assert bring_in(session, path, "communities", keep_holes_above_m2=1_000).merged.new == 1


def test_a_narrow_gap_between_communities_is_repaired_and_told_and_nothing_else_moves(
    session: Session, tmp_path: Path
) -> None:
    west, middle, east = rectangle(10, 10), rectangle(11, 10), rectangle(12, 10)
    # The western one draws back by a metre in the middle of its eastern border.
    edge = shapely.get_coordinates(west)[:, 0].max()
    ring = [
        (x - 0.00001, y) if x == edge and 32.0504 < y < 32.0506 else (x, y) for x, y in shapely.get_coordinates(west)
    ]
    codes = [f"32010200490{number}" for number in (1, 2, 3)]
    shapes = (shapely.Polygon(ring), middle, east)
    path = geojson(tmp_path / "c.geojson", *(community(code, shape) for code, shape in zip(codes, shapes, strict=True)))
    with pytest.raises(NoPartition) as refused:
        bring_in(session, path, "communities")
    assert told(refused.value.faults) == {("gap", tuple(codes[:2]))}
    outcome = bring_in(session, path, "communities", repair_m=2.0)
    (change,) = outcome.repaired
    assert change.code in codes[:2]
    assert change.after_m2 - change.before_m2 == pytest.approx(refused.value.faults[0].area_m2, rel=0.01)
    kept = {
        code: shapely.get_geometry(shapely.from_wkb(bytes(shape)), 0)
        for code, shape in session.execute(
            text("select community, st_asbinary(geometry) from community_version where community like '320102004%'")
        )
    }
    for code, shape in zip(codes, shapes, strict=True):
        if code != change.code:
            assert shapely.equals_exact(kept[code], shape, tolerance=0, normalize=True)


def test_a_report_names_the_faults_of_every_community_and_the_buildings_that_are_cut(
    session: Session, tmp_path: Path
) -> None:
    path = geojson(
        tmp_path / "g.geojson",
        grid(JIA_1, rectangle(0, 1, 0.75, 1)),
        grid(YI_1, rectangle(2, 1, 1.25, 1)),
    )
    with pytest.raises(NoPartition) as refused:
        bring_in(session, path, "grids")
    assert told(refused.value.faults) == {("gap", (JIA_1, JIA_2, JIA_3)), ("overlap", (YI_1, YI_2))}
    for fault in refused.value.faults:
        assert fault.area_m2 == pytest.approx(2619, rel=0.01)


def test_rows_that_are_no_polygons_are_reported_with_the_other_faults(session: Session, tmp_path: Path) -> None:
    pieces = shapely.union(rectangle(2, 1, 1, 1), rectangle(3.25, 1.25, 0.25, 0.25))
    path = geojson(
        tmp_path / "g.geojson",
        grid(JIA_1, BOW_TIE),
        grid(YI_1, pieces),
        grid(YI_2, rectangle(3, 1)),
        grid(YI_2, rectangle(3, 1)),
        grid(f"{YI}009", rectangle(2, 1.75, 1, 0.25)),
        grid(f"{JIA}008", rectangle(0, 1.75, 0.25, 0.25)),
    )
    with pytest.raises(Refused) as refused:
        bring_in(session, path, "grids")
    found = told(refused.value.boundaries)
    assert {
        ("invalid", (JIA_1,)),
        ("multipart", (YI_1,)),
        ("duplicate_code", (YI_2,)),
        ("overlap", (YI_1, f"{YI}009")),
        ("stray_building", ("b1",)),
    } <= found
    (broken,) = [fault for fault in refused.value.boundaries if fault.kind == "invalid"]
    assert broken.area_m2 > 2_000
    assert place_of(broken) == pytest.approx(spot(0.5, 1.5), abs=1e-7)
    written = json.loads(faults_as_geojson(refused.value.boundaries))["features"]
    assert {one["properties"]["severity"] for one in written} == {"fault", "warning"}


def test_a_published_border_may_cut_a_building_and_says_so(session: Session, tmp_path: Path) -> None:
    west, east = rectangle(2, 1, 0.45, 1), rectangle(2.45, 1, 1.55, 1)
    path = geojson(tmp_path / "g.geojson", grid(f"{YI}003", west), grid(f"{YI}004", east))
    outcome = bring_in(session, path, "grids", whole=True, look=True)
    assert told(outcome.warnings) == {("cut_building", ("b4", f"{YI}003", f"{YI}004"))}
    assert outcome.preview
    assert (outcome.preview.missing.examples, "they are retired" in outcome.preview.scope) == ((YI_1, YI_2), True)


def test_a_bay_at_the_edge_of_a_known_community_is_found(session: Session, tmp_path: Path) -> None:
    path = geojson(tmp_path / "g.geojson", grid(YI_2, rectangle(3, 1, 0.75, 1)))
    with pytest.raises(NoPartition) as refused:
        bring_in(session, path, "grids")
    assert told(refused.value.faults) == {("gap", (YI_2,))}


def test_another_street_for_a_community_is_a_change_and_an_event(session: Session, tmp_path: Path) -> None:
    other = "320102004000"
    session.execute(
        text("insert into division (code, name, level) values (:code, '他街道', 'street')"), {"code": other}
    )
    path = geojson(tmp_path / "c.geojson", community(YI, YI_GROUND, "乙社区", street=other))
    assert bring_in(session, path, "communities").merged.changed == 1
    assert bring_in(session, path, "communities").merged.unchanged == 1
    assert session.scalar(text("select street from community where code = :code"), {"code": YI}) == other
    assert session.scalar(text("select count(*) from event where kind = 'community.redrawn'")) == 1


def test_the_town_as_it_is_has_nothing_to_report(session: Session, tmp_path: Path) -> None:
    cells = [*held_cells(session, JIA), *held_cells(session, YI)]
    path = geojson(tmp_path / "g.geojson", *(grid(str(one.code), one.geometry, one.name) for one in cells))
    outcome = bring_in(session, path, "grids", look=True)
    assert outcome.warnings == []
