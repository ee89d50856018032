"""A large file is taken piece by piece, and nobody can tell: the same refusals, all or nothing, the same indexes."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import geopandas as gpd
import psycopg
import pytest
import shapely
from psycopg import sql
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from gridsvc.core.db import conninfo, transaction
from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.settings import Settings
from gridsvc.exchange import imports, merging
from gridsvc.exchange.checks import check_rows
from gridsvc.exchange.formats.reading import read_file
from gridsvc.exchange.imports import Choices, Refused, import_file
from gridsvc.exchange.layers import LAYERS
from gridsvc.exchange.merging import Staging
from tests.exchange.conftest import NOW, bring_in
from tests.town import rectangle

BUILDINGS = LAYERS["buildings"]
INDEXES = "select indexdef from pg_indexes where tablename = 'building' and schemaname = 'public' order by 1"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two rows be a piece, and seven be many."""
    monkeypatch.setattr(imports, "PIECE_ROWS", 2)
    monkeypatch.setattr(merging, "MANY_ROWS", 7)


@pytest.fixture
def empty(empty_engine: Engine) -> Iterator[Session]:
    with transaction(empty_engine) as session:
        yield session


def row_of_houses(count: int, **changed: object) -> gpd.GeoDataFrame:
    """Make houses h0, h1, … side by side; `changed` is column_row=value."""
    houses = gpd.GeoDataFrame(
        {"code": [f"h{number}" for number in range(count)], "levels": [str(number) for number in range(count)]},
        geometry=[rectangle(3.2, 0.05 * number, 0.05, 0.04) for number in range(count)],
        crs=4326,
    )
    for place, value in changed.items():
        column, row = place.rsplit("_", 1)
        houses.loc[int(row), column] = value
    return houses


def parquet(folder: Path, houses: gpd.GeoDataFrame) -> Path:
    houses.to_parquet(folder / "houses.parquet")
    return folder / "houses.parquet"


def houses_held(session: Session) -> int:
    return int(session.scalar(text("select count(*) from building where code ~ '^h'")) or 0)


@pytest.mark.parametrize("suffix", ["parquet", "gpkg", "geojson", "fgb", "csv"])
def test_every_format_comes_in_by_pieces_and_again_changes_nothing(
    session: Session, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"houses.{suffix}"
    houses = row_of_houses(9)
    if suffix == "parquet":
        houses.to_parquet(path)
    elif suffix == "csv":
        houses.to_wkt().to_csv(path, index=False)
    else:
        houses.to_file(path)
    first, again = bring_in(session, path, "buildings"), bring_in(session, path, "buildings")
    assert (first.rows, first.merged.new) == (9, 9)
    assert (again.merged.new, again.merged.changed, again.merged.unchanged) == (0, 0, 9)


def test_a_code_that_stood_in_an_earlier_piece_is_told_with_both_rows(session: Session, tmp_path: Path) -> None:
    path = parquet(tmp_path, row_of_houses(7, code_6="h1"))
    with pytest.raises(Refused) as refused:
        bring_in(session, path, "buildings")
    assert [(fault.row, fault.reason) for fault in refused.value.faults] == [(7, "the code h1 already stands in row 2")]


@pytest.mark.parametrize("between", [{}, {"levels_5": "many"}, {"code_5": None}])
def test_codes_that_are_compared_in_the_end_refuse_a_first_import_all_the_same(
    empty: Session, tmp_path: Path, between: dict[str, object]
) -> None:
    before = empty.scalars(text(INDEXES)).all()
    file = parquet(tmp_path, row_of_houses(9, code_3="h0", code_8="h1", **between))
    with pytest.raises(Refused) as refused:
        bring_in(empty, file, "buildings")
    found = {fault.row: fault.reason for fault in refused.value.faults}
    assert found.keys() == {4, 9} | ({6} if "levels_5" in between else set())
    assert found[4] == "the code h0 already stands in row 1"
    assert found[9] == "the code h1 already stands in row 2"
    assert houses_held(empty) == 0
    assert empty.scalars(text(INDEXES)).all() == before


def test_a_first_import_that_leaves_bad_rows_out_keeps_the_first_of_a_code(empty: Session, tmp_path: Path) -> None:
    file = parquet(tmp_path, row_of_houses(9, code_3="h0", code_8="h1", levels_5="many"))
    outcome = bring_in(empty, file, "buildings", skip_bad=True)
    assert [fault.row for fault in outcome.faults] == [4, 6, 9]
    assert outcome.merged.new == houses_held(empty) == 6


def test_a_bad_row_in_the_last_piece_takes_the_first_ones_back(session: Session, tmp_path: Path) -> None:
    path = parquet(tmp_path, row_of_houses(7, levels_1="two", levels_6="six"))
    with pytest.raises(Refused, match="2 of 7 rows") as refused:
        bring_in(session, path, "buildings")
    assert [fault.row for fault in refused.value.faults] == [2, 7]
    late = parquet(tmp_path, row_of_houses(7, levels_6="six"))
    with pytest.raises(Refused, match="1 of 7 rows"):
        bring_in(session, late, "buildings")
    assert houses_held(session) == 0
    assert bring_in(session, late, "buildings", skip_bad=True).merged.new == 6


def test_what_only_the_table_knows_is_a_sentence_and_takes_all_back(session: Session, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="ck_building_levels"):
        bring_in(session, parquet(tmp_path, row_of_houses(7, levels_6="999")), "buildings")
    assert houses_held(session) == 0


def test_only_a_file_with_nothing_of_its_own_at_all_is_refused(session: Session, tmp_path: Path) -> None:
    houses = row_of_houses(5)
    houses.loc[:3, "geometry"] = shapely.Point(118.78, 32.04)
    outcome = bring_in(session, parquet(tmp_path, houses), "buildings")
    assert (outcome.merged.new, len(outcome.passed_over)) == (1, 4)
    assert outcome.passed_over[3] == ("row 4", "a Point is not of buildings")
    houses["geometry"] = shapely.Point(118.78, 32.04)
    with pytest.raises(Invalid, match="holds no buildings: it has Point"):
        bring_in(session, parquet(tmp_path, houses), "buildings")


def test_how_far_it_is_is_told_again_and_again(session: Session, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    import_file(
        session,
        parquet(tmp_path, row_of_houses(7)),
        "buildings",
        Choices(from_=NOW),
        settings=Settings(),
        actor="test",
        progress=lambda *step: told.append(step),
    )
    assert [(done, total) for step, done, total in told if step == "checking and writing"] == [
        *((2, 7), (4, 7), (6, 7), (7, 7))
    ]


def test_an_empty_table_gets_its_indexes_last_and_has_them_all_again(empty: Session, tmp_path: Path) -> None:
    before = empty.execute(text(INDEXES)).scalars().all()
    seen: list[int] = []

    def watch(step: str, done: int, _: int) -> None:
        if done == 4 and step == "checking and writing":
            seen.append(len(empty.execute(text(INDEXES)).scalars().all()))

    path = parquet(tmp_path, row_of_houses(7))
    import_file(empty, path, "buildings", Choices(from_=NOW), settings=Settings(), actor="test", progress=watch)
    assert seen == [0]  # the key too: every code has been asked for before
    assert empty.execute(text(INDEXES)).scalars().all() == before
    assert houses_held(empty) == 7


def test_shapes_that_were_asked_here_are_asked_again_when_the_table_is_brought_up_to(
    empty: Session, tmp_path: Path
) -> None:
    bring_in(empty, parquet(tmp_path, row_of_houses(7)), "buildings")
    asked = text("select convalidated from pg_constraint where conname = 'ck_building_geometry'")
    assert empty.scalar(asked) is False
    bow_tie = "st_geomfromtext('MULTIPOLYGON(((118 32, 118.001 32.001, 118.001 32, 118 32.001, 118 32)))', 4326)"
    with pytest.raises(IntegrityError, match="ck_building_geometry"), empty.begin_nested():
        empty.execute(text(f"insert into building (code, geometry) values ('bow', {bow_tie})"))
    empty.execute(text("select derive_later('drawn', 'building', null), derive_due_now('drawn')"))
    assert empty.scalar(asked) is True


RESTING = text("select count(*) from pg_trigger where tgrelid = 'building'::regclass and tgenabled = 'D'")


def test_what_triggers_do_for_each_statement_is_done_once_for_a_first_import(empty: Session, tmp_path: Path) -> None:
    resting: list[int] = []

    def watch(_: str, done: int, __: int) -> None:
        if done == 4:
            resting.append(empty.scalars(RESTING).one())

    path = parquet(tmp_path, row_of_houses(7).assign(name="新街口大厦"))
    import_file(empty, path, "buildings", Choices(from_=NOW), settings=Settings(), actor="test", progress=watch)
    assert max(resting) == 7
    assert empty.scalars(RESTING).one() == 0
    due = "select derived from derive_due where kind = 'building' and codes is null order by 1"
    assert empty.execute(text(due)).scalars().all() == ["drawn", "search", "written"]
    for derived in ("drawn", "search", "written"):
        empty.execute(text("select derive_due_now(:derived)"), {"derived": derived})
    for held in ("drawn.building", "building_written", "search_entry"):
        assert empty.scalar(text(f"select count(*) from {held} where code like 'h_'")) == 7


def test_the_rows_of_a_first_import_are_settled_from_the_beginning(empty: Session, tmp_path: Path) -> None:
    bring_in(empty, parquet(tmp_path, row_of_houses(7)), "buildings")
    # In the head of each row stands that it is settled (0x0100 committed, 0x0200 aborted: both, frozen).
    empty.execute(text("create extension if not exists pageinspect"))
    marks = "select count(*) from heap_page_items(get_raw_page('building', 0)) where t_infomask & 768 = 768"
    assert empty.scalar(text(marks)) == 7


def test_a_first_import_places_its_buildings_into_the_grids_that_are_there(session: Session, tmp_path: Path) -> None:
    session.execute(text("delete from building"))
    houses = row_of_houses(7)
    houses["geometry"] = [rectangle(0.1, 0.1 + 0.1 * number, 0.05, 0.04) for number in range(7)]
    bring_in(session, parquet(tmp_path, houses), "buildings")
    placed = "select count(*) from belonging where kind = 'building' and code like 'h_' and until = 'infinity'"
    assert session.scalar(text(placed)) == 7
    assert session.scalars(RESTING).one() == 0


def test_buildings_are_placed_piece_by_piece_while_somebody_makes_the_first_grids(
    empty_engine: Engine, empty: Session
) -> None:
    with psycopg.connect(conninfo(empty_engine.url.render_as_string(hide_password=False))) as maker:
        maker.execute("lock table grid_version in row exclusive mode")
        empty.execute(text("lock table building; select fill_begins()"))
        placing = "select tgenabled::text from pg_trigger where tgrelid = 'building'::regclass and tgname = 'place_new'"
        assert empty.scalar(text(placing)) == "O"


def test_a_refusal_leaves_an_empty_table_its_indexes(empty: Session, tmp_path: Path) -> None:
    before = empty.execute(text(INDEXES)).scalars().all()
    with pytest.raises(Refused):
        bring_in(empty, parquet(tmp_path, row_of_houses(7, levels_6="six")), "buildings")
    assert empty.execute(text(INDEXES)).scalars().all() == before
    assert houses_held(empty) == 0


def test_an_import_into_an_empty_table_does_not_wait_for_a_reader(
    empty_engine: Engine, empty: Session, tmp_path: Path
) -> None:
    before = empty.execute(text(INDEXES)).scalars().all()
    with psycopg.connect(conninfo(empty_engine.url.render_as_string(hide_password=False))) as reader:
        reader.execute("select from building")
        assert bring_in(empty, parquet(tmp_path, row_of_houses(7)), "buildings").merged.new == 7
    assert empty.execute(text(INDEXES)).scalars().all() == before


def test_what_somebody_writes_before_the_table_is_locked_is_never_taken_for_nothing(
    empty_engine: Engine, empty: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = merging._locked_empty
    house = rectangle(9, 9, 0.05, 0.04).wkt

    def late(connection: "psycopg.Connection[tuple[object, ...]]", table: sql.Identifier) -> bool:
        address = conninfo(empty_engine.url.render_as_string(hide_password=False))
        with psycopg.connect(address, autocommit=True) as somebody:
            insert = "insert into building (code, geometry) values ('theirs', st_multi(st_geomfromtext(%s, 4326)))"
            somebody.execute(insert, [house])
        return locked(connection, table)

    monkeypatch.setattr(merging, "_locked_empty", late)
    assert bring_in(empty, parquet(tmp_path, row_of_houses(7)), "buildings").merged.new == 7
    assert empty.scalars(text("select code from building where code = 'theirs'")).all() == ["theirs"]
    assert empty.scalars(RESTING).one() == 0
    with pytest.raises(DBAPIError, match="there are buildings"), empty.begin_nested():
        empty.execute(text("select fill_begins()"))


def test_a_row_that_somebody_else_has_added_meanwhile_is_a_conflict(session: Session, tmp_path: Path) -> None:
    path = parquet(tmp_path, row_of_houses(3))
    bring_in(session, path, "buildings")
    checked = check_rows(read_file(path, BUILDINGS, "auto").frame, BUILDINGS, ZoneInfo(Settings().timezone))
    savepoint = session.begin_nested()
    staging = Staging(session, BUILDINGS, empty=True)
    staging.fill(staging.written(checked.table))
    with pytest.raises(Conflict, match="Somebody else"):
        staging.merge(NOW)
    savepoint.rollback()
    assert houses_held(session) == 3
