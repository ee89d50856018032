"""Files out: what is exported and imported again changes nothing, in every format, and no text becomes a formula."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import psycopg
import pytest
from psycopg.rows import TupleRow
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.db import conninfo, open_engine, transaction
from gridsvc.core.errors import Invalid
from gridsvc.core.settings import Settings
from gridsvc.exchange.exports import EXPORTS, Wanted, export
from gridsvc.exchange.formats.writing import KINDS, WRITERS
from gridsvc.exchange.imports import Choices, import_file
from tests.conftest import Service, Town, copy_database
from tests.town import JIA_1, LAMP, spot

Connection = psycopg.Connection[TupleRow]


@pytest.fixture(scope="module")
def url(town: Town) -> str:
    """Give a copy of the town with one incident in it."""
    url = copy_database(town.url)
    lon, lat = spot(0.5, 1.5)
    engine = open_engine(url)
    with transaction(engine) as session:
        session.execute(
            text(
                "insert into incident (number, catalogue, class, condition, status, source, text, rule, community, grid,"
                " grid_version, reported_at, geometry) values ('20260501-000001', 'town', :lamp, '01', 'reported',"
                " 'worker', '=cmd|calc', 'inside', left(:grid, 12), :grid, 1, '2026-05-01Z',"
                " st_setsrid(st_makepoint(:lon, :lat), 4326))"
            ),
            {"lamp": LAMP, "grid": JIA_1, "lon": lon, "lat": lat},
        )
    engine.dispose()
    return url


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """Connect to the town."""
    with psycopg.connect(conninfo(url)) as connection:
        yield connection


PAIRS = [(layer, kind) for layer in EXPORTS for kind in WRITERS if layer in KINDS or kind in ("csv", "xlsx", "parquet")]


@pytest.mark.parametrize(("layer", "kind"), PAIRS)
def test_exported_and_imported_again_nothing_has_changed(
    connection: Connection, url: str, tmp_path: Path, layer: str, kind: str
) -> None:
    out = tmp_path / f"file.{kind}"
    rows = export(connection, Wanted(layer, kind), out, lambda _: None)
    assert rows >= 1
    assert list(tmp_path.iterdir()) == [out]
    engine = open_engine(url)
    with engine.connect() as open_connection, open_connection.begin() as outer:
        with Session(open_connection) as session:
            outcome = import_file(
                session,
                out,
                layer,
                Choices(from_=datetime(2026, 6, 1, tzinfo=UTC)),
                settings=Settings(),
                actor="test",
                progress=lambda *_: None,
            )
        outer.rollback()
    engine.dispose()
    assert outcome.faults == []
    assert (outcome.merged.new, outcome.merged.changed, outcome.rows) == (0, 0, rows)


def test_a_shapefile_that_would_cut_a_text_off_is_refused(url: str, tmp_path: Path) -> None:
    with psycopg.connect(conninfo(copy_database(url))) as connection:
        connection.execute("update building set address = repeat('长', 100) where code = 'b1'")
        with pytest.raises(Invalid, match="254 bytes"):
            export(connection, Wanted("buildings", "shp.zip"), tmp_path / "out.shp.zip", lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_past_moment_is_exported_as_it_was(connection: Connection, tmp_path: Path) -> None:
    before = datetime(2025, 12, 31, tzinfo=UTC)
    assert export(connection, Wanted("grids", "csv", at=before), tmp_path / "a.csv", lambda _: None) == 0


def test_a_text_never_becomes_a_formula(connection: Connection, tmp_path: Path) -> None:
    out = tmp_path / "incidents.xlsx"
    export(connection, Wanted("incidents", "xlsx"), out, lambda _: None)
    with CalamineWorkbook.from_path(out) as book:
        header, row = book.get_sheet_by_index(0).to_python()
        formulas = book.get_sheet_formulas("incidents") if hasattr(book, "get_sheet_formulas") else []
    assert row[header.index("text")] == "=cmd|calc"
    assert not any(any(line) for line in formulas)


def test_columns_are_named_in_chinese_and_read_again(connection: Connection, tmp_path: Path) -> None:
    out = tmp_path / "buildings.csv"
    export(connection, Wanted("buildings", "csv", language="zh"), out, lambda _: None)
    header = out.read_text(encoding="utf-8-sig").splitlines()[0]
    assert "户数" in header
    assert "层数" in header


@pytest.mark.parametrize(("crs", "off_m"), [("EPSG:4549", 0.001), ("gcj02", None), ("EPSG:3857", 0.001)])
def test_another_crs_or_datum_is_written_as_asked(
    connection: Connection, tmp_path: Path, crs: str, off_m: float | None
) -> None:
    plain, moved = tmp_path / "plain.gpkg", tmp_path / "moved.gpkg"
    export(connection, Wanted("grids", "gpkg"), plain, lambda _: None)
    export(connection, Wanted("grids", "gpkg", crs=crs), moved, lambda _: None)
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
    connection: Connection, tmp_path: Path, wanted: Wanted, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        export(connection, wanted, tmp_path / "out", lambda _: None)
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


@pytest.mark.parametrize(
    ("path", "role", "status"),
    [("grids.csv", "viewer", 403), ("grids.docx", "admin", 422), ("grids", "admin", 422), ("x.csv", "admin", 422)],
)
def test_over_http_what_may_not_be_is_refused(service: Service, path: str, role: str, status: int) -> None:
    answer = service.client.get(f"/api/v1/exports/{path}", headers=service.as_(role))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
