"""Files out: what is exported and imported again changes nothing, in every format and language; the past as it was."""

import csv
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.errors import Invalid
from gridsvc.exchange import exports
from gridsvc.exchange.checks import find_column
from gridsvc.exchange.exports import EXPORTS, Wanted, export
from gridsvc.exchange.formats.formulas import guard, unguard
from gridsvc.exchange.formats.sheets import KINDS
from gridsvc.exchange.formats.writing import WRITERS
from gridsvc.exchange.labels import LANGUAGES, Language, label, wording
from gridsvc.exchange.layers import LAYERS
from tests.conftest import Service
from tests.exchange.conftest import NOW, bring_in
from tests.town import JIA, JIA_1, LAMP, STREET, spot

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def session(session: Session) -> Session:
    """Give the town with one incident in it."""
    lon, lat = spot(0.5, 1.5)
    session.execute(
        text(
            "insert into incident (number, catalogue, class, condition, status, source, text, accuracy_m, rule,"
            " community, grid, grid_version, reported_at, closed_at, geometry) values ('20260501-000001', 'town', :lamp,"
            " '01', 'closed', 'worker', '=cmd|calc', 12.5, 'inside', left(:grid, 12), :grid, 1,"
            " '2026-05-01 08:30:15.123456+08', '2026-05-02Z', st_setsrid(st_makepoint(:lon, :lat), 4326))"
        ),
        {"lamp": LAMP, "grid": JIA_1, "lon": lon, "lat": lat},
    )
    return session


def write(session: Session, out: Path, layer: str, **wanted: Any) -> int:
    """Export a layer to a file, in the format its name says."""
    kind = out.name.partition(".")[2]
    return export(driver_of(session), Wanted(layer, kind, **wanted), out, lambda _: None)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


CASES: list[tuple[str, str, Language | None]] = [
    *(
        (layer, kind, None)
        for layer in EXPORTS
        for kind in WRITERS
        if layer in KINDS or kind in ("csv", "xlsx", "parquet")
    ),
    *((layer, kind, language) for layer in EXPORTS for kind in ("csv", "xlsx") for language in LANGUAGES),
]


@pytest.mark.parametrize(("layer", "kind", "language"), CASES)
def test_exported_and_imported_again_nothing_has_changed(
    session: Session, tmp_path: Path, layer: str, kind: str, language: Language | None
) -> None:
    out = tmp_path / f"file.{kind}"
    rows = write(session, out, layer, language=language, zone=SHANGHAI)
    assert rows >= 1
    assert list(tmp_path.iterdir()) == [out]
    outcome = bring_in(session, out, layer)
    assert outcome.faults == []
    assert (outcome.merged.new, outcome.merged.changed, outcome.rows) == (0, 0, rows)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "gpkg"])
@pytest.mark.parametrize("language", [None, *LANGUAGES])
def test_an_incident_that_went_out_comes_back_to_the_microsecond(
    session: Session, tmp_path: Path, kind: str, language: Language | None
) -> None:
    out = tmp_path / f"incidents.{kind}"
    write(session, out, "incidents", language=language, zone=SHANGHAI)
    kept = text(
        "select number, class, condition, status, source, text, accuracy_m, grid, rule, st_astext(geometry, 15),"
        " date_trunc(:digits, reported_at), closed_at from incident"
    ).bindparams(digits="milliseconds" if kind == "gpkg" else "microseconds")
    before = session.execute(kept).all()
    session.execute(text("delete from incident"))
    assert bring_in(session, out, "incidents").merged.new == 1
    assert session.execute(kept).all() == before


def test_a_shapefile_that_would_cut_a_text_off_is_refused(session: Session, tmp_path: Path) -> None:
    session.execute(text("update building set address = repeat('长', 100) where code = 'b1'"))
    with pytest.raises(Invalid, match="254 bytes"):
        write(session, tmp_path / "out.shp.zip", "buildings")
    assert list(tmp_path.iterdir()) == []


def test_a_spreadsheet_that_would_cut_a_shape_off_is_refused(session: Session, tmp_path: Path) -> None:
    session.execute(text("update building set geometry = st_multi(st_buffer(point, 0.0001, 400)) where code = 'b2'"))
    with pytest.raises(Invalid, match="row 2 of buildings is beyond that"):
        write(session, tmp_path / "out.xlsx", "buildings")
    assert list(tmp_path.iterdir()) == []


VERSION = """
    update {0}_version set valid = tstzrange(lower(valid), '2026-06-01Z') where {0} = '{1}';
    insert into {0}_version ({0}, version, name, {2} area_m2, geometry, valid)
    select {0}, 2, '新名', {2} area_m2, geometry, '[2026-06-01Z,)' from {0}_version where {0} = '{1}'"""
POST = f"""
    delete from post where role = 'backup';
    update post set valid = tstzrange(lower(valid), '2026-06-01Z') where grid = '{JIA_1}';
    insert into post (grid, worker, role, valid) values ('{JIA_1}', 'W2', 'responsible', '[2026-06-01Z,)')"""


@pytest.mark.parametrize(
    ("layer", "key", "change", "column", "values"),
    [
        ("divisions", STREET, "update division set name = '新街道'", "name", ["示例街道", "新街道"]),
        ("communities", JIA, VERSION.format("community", JIA, ""), "name", ["甲社区", "新名"]),
        ("grids", JIA_1, VERSION.format("grid", JIA_1, "kind,"), "name", ["甲一网格", "新名"]),
        ("grids", JIA_1, "update building set households = 130 where code = 'b1'", "households", ["200", "210"]),
        ("buildings", "b1", "update building set households = 130 where code = 'b1'", "households", ["120", "130"]),
        ("streets", "s1", "update street set name = '新路'", "name", ["示例路", "新路"]),
        ("assets", "a1", "update asset set state = 'broken'", "state", ["intact", "broken"]),
        ("posts", JIA_1, POST, "worker", ["W1", "W2"]),
    ],
)
def test_a_dated_layer_is_exported_as_it_was_at_a_moment(
    session: Session, tmp_path: Path, layer: str, key: str, change: str, column: str, values: list[str]
) -> None:
    session.execute(text("select set_config('gridsvc.since', '2026-06-01Z', true)"))
    for statement in change.split(";"):
        session.execute(text(statement))
    told = []
    for at in (NOW - timedelta(microseconds=1), NOW):
        out = tmp_path / f"{at:%d}.csv"
        write(session, out, layer, at=at)
        told += [row[column] for row in rows_of(out) if key in (row.get("code"), row.get("grid"))]
    assert told == values


@pytest.mark.parametrize("layer", ["communities", "grids", "posts"])
def test_before_there_was_anything_nothing_is_exported(session: Session, tmp_path: Path, layer: str) -> None:
    assert write(session, tmp_path / "out.csv", layer, at=datetime(2025, 12, 31, tzinfo=UTC)) == 0


def test_rows_are_read_batch_by_batch(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BATCH", 2)
    told: list[int] = []
    export(driver_of(session), Wanted("grids", "csv"), tmp_path / "grids.csv", told.append)
    assert told == [2, 4, 5]
    assert len(rows_of(tmp_path / "grids.csv")) == 5


def test_an_export_sees_what_its_own_transaction_has_written(session: Session, tmp_path: Path) -> None:
    session.execute(text("update building set name = '刚改' where code = 'b1'"))
    write(session, tmp_path / "buildings.csv", "buildings")
    assert rows_of(tmp_path / "buildings.csv")[0]["name"] == "刚改"


def test_a_text_never_becomes_a_formula(session: Session, tmp_path: Path) -> None:
    write(session, tmp_path / "incidents.xlsx", "incidents")
    with CalamineWorkbook.from_path(tmp_path / "incidents.xlsx") as book:
        header, row = book.get_sheet_by_index(0).to_python()
    assert row[header.index("text")] == "=cmd|calc"
    with zipfile.ZipFile(tmp_path / "incidents.xlsx") as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
    write(session, tmp_path / "incidents.csv", "incidents")
    assert rows_of(tmp_path / "incidents.csv")[0]["text"] == "'=cmd|calc"


@given(st.text(alphabet="'=+-@\t\r＝a", max_size=5))
def test_a_guarded_text_is_no_formula_and_comes_back(given_text: str) -> None:
    guarded = guard(pa.array([given_text]))[0].as_py()
    assert guarded[:1] not in set("=+-@\t\r＝")
    assert unguard(guarded) == given_text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("layer", EXPORTS)
def test_every_column_and_value_has_one_word_that_an_import_knows_or_none_does(layer: str, language: Language) -> None:
    names = [*EXPORTS[layer].fields, "lon", "lat"]
    labels = [label(layer, name, language) for name in names]
    assert len(set(labels)) == len(names)
    plain = {one.name: find_column(names, one) for one in LAYERS[layer].fields}
    told = {one.name: find_column(labels, one) for one in LAYERS[layer].fields}
    assert told == {field: column and label(layer, column, language) for field, column in plain.items()}
    for one in LAYERS[layer].fields:
        words = wording(layer, one.name, language)
        assert len(set(words.values())) == len(words)
        assert all(word in (one.choices or {})[value] for value, word in words.items())


@pytest.mark.parametrize(
    ("layer", "language", "expected"),
    [
        ("posts", "zh", {"网格": JIA_1, "工号": "W1", "岗位": "责任", "开始": "2026-01-01 08:00:00+08:00", "结束": ""}),
        ("posts", "en", {"Grid": JIA_1, "Role": "responsible", "Valid from": "2026-01-01 08:00:00+08:00"}),
        (
            "grids",
            "zh",
            {"网格编码": JIA_1, "网格类型": "居住网格", "户数": "200", "生效时间": "2026-01-01 08:00:00+08:00"},
        ),
        ("grids", "en", {"Code": JIA_1, "Kind": "residential", "Area (m²)": "10476.8"}),
        ("buildings", "zh", {"楼栋编码": "b1", "户数来源": "估算", "网格": JIA_1}),
        ("buildings", "en", {"Households source": "estimated", "Levels": "6"}),
        ("streets", "zh", {"道路编码": "s1", "单行": "否"}),
        ("streets", "en", {"Oneway": "no", "Name (en)": "Sample Road"}),
        ("assets", "zh", {"部件编码": "a1", "状态": "完好", "经度": "118.7805"}),
        ("divisions", "zh", {"级别": "街道"}),
        ("workers", "zh", {"工号": "W1", "在岗": "是", "脱敏电话": "100****0001"}),
        (
            "incidents",
            "zh",
            {"状态": "已结案", "来源": "网格员", "归属方式": "网格内", "精度": "12.5", "类别名称": "路灯"},
        ),
        (
            "incidents",
            "en",
            {"Status": "closed", "Reported at": "2026-05-01 08:30:15.123456+08:00", "Accuracy (m)": "12.5"},
        ),
    ],
)
def test_a_table_for_people_speaks_their_language_and_tells_the_office_s_time(
    session: Session, tmp_path: Path, layer: str, language: Language, expected: dict[str, str]
) -> None:
    write(session, tmp_path / "table.csv", layer, language=language, zone=SHANGHAI)
    row = rows_of(tmp_path / "table.csv")[0]
    assert {name: row.get(name) for name in expected} == expected


@pytest.mark.parametrize(("crs", "off_m"), [("EPSG:4549", 0.001), ("gcj02", None), ("EPSG:3857", 0.001)])
def test_another_crs_or_datum_is_written_as_asked(
    session: Session, tmp_path: Path, crs: str, off_m: float | None
) -> None:
    plain, moved = tmp_path / "plain.gpkg", tmp_path / "moved.gpkg"
    write(session, plain, "grids")
    write(session, moved, "grids", crs=crs)
    here, there = gpd.read_file(plain), gpd.read_file(moved)
    if off_m is None:
        assert (here.to_crs(4549).distance(there.to_crs(4549)) > 50).any()
    else:
        assert (here.to_crs(4549).hausdorff_distance(there.to_crs(4549)) < off_m).all()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("residents", "csv"), "There is no layer 'residents'"),
        (Wanted("grids", "docx"), "There is no format 'docx'"),
        (Wanted("grids", "csv", crs="EPSG:999999"), "There is no CRS"),
        (Wanted("grids", "csv", crs="+proj=merc +nadgrids=@x"), "There is no CRS"),
        (Wanted("workers", "gpkg"), "have no place"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence_and_leaves_nothing(
    session: Session, tmp_path: Path, wanted: Wanted, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        export(driver_of(session), wanted, tmp_path / "out", lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_over_http_an_export_is_a_file_and_is_recorded(service: Service) -> None:
    answer = service.client.get("/api/v1/exports/grids.shp.zip", headers=service.as_("planner"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert 'filename="grids.shp.zip"' in answer.headers["content-disposition"]
    assert answer.content[:2] == b"PK"
    with service.engine.connect() as connection:
        made = connection.execute(
            text("select actor, facts ->> 'format', facts ->> 'rows' from event where kind = 'export.made'")
        ).all()
    assert [tuple(row) for row in made] == [("planner", "shp.zip", "5")]


def test_over_http_a_table_for_people_tells_the_office_s_time(service: Service) -> None:
    answer = service.client.get("/api/v1/exports/posts.csv?language=zh", headers=service.as_("planner"))
    header, first, *_ = answer.content.decode("utf-8-sig").splitlines()
    assert header == '"记录号","网格","工号","岗位","开始","结束"'
    assert '"2026-01-01 08:00:00+08:00"' in first


@pytest.mark.parametrize(
    ("path", "role", "status"),
    [("grids.csv", "viewer", 403), ("grids.docx", "admin", 422), ("grids", "admin", 422), ("x.csv", "admin", 422)],
)
def test_over_http_what_may_not_be_is_refused(service: Service, path: str, role: str, status: int) -> None:
    answer = service.client.get(f"/api/v1/exports/{path}", headers=service.as_(role))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
