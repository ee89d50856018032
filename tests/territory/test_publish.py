"""Publishing a redraw: a partition or nothing, old versions kept, lineage told, codes never used again."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gridsvc.core.db import open_engine, transaction
from gridsvc.core.errors import Conflict, Invalid
from gridsvc.territory.locate import locate
from gridsvc.territory.publish import Cell, Published, Redraw, held_cells, publish
from tests.conftest import Service, Town, copy_database
from tests.town import JIA, JIA_1, JIA_2, JIA_3, YI, YI_1, YI_2, rectangle, spot

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def redraw(session: Session, community: str, cells: Sequence[Cell], at: datetime = JUNE) -> Published:
    return publish(session, Redraw({community: cells}, at), actor="planner")


def halves_of_jia_1(session: Session) -> list[Cell]:
    rest = [cell for cell in held_cells(session, JIA) if cell.code != JIA_1]
    east = Cell(None, "甲一东", "residential", rectangle(0.5, 1, 0.5, 1))
    west = Cell(None, "甲一西", "residential", rectangle(0, 1, 0.5, 1))
    return [*rest, east, west]


def lineage(session: Session) -> list[tuple[str, str | None, str | None, float]]:
    rows = session.execute(
        text("select kind, from_grid, to_grid, round(area_share::numeric, 3)::float8 from lineage order by id")
    )
    return [tuple(row) for row in rows]


def test_a_split_gives_new_codes_from_west_to_east_and_says_where_the_ground_went(session: Session) -> None:
    done = redraw(session, JIA, halves_of_jia_1(session))
    west, east = f"{JIA}004", f"{JIA}005"
    assert sorted(done.created) == [west, east]
    assert done.retired == [JIA_1]
    assert sorted(done.unchanged) == [JIA_2, JIA_3]
    assert lineage(session) == [("split", JIA_1, west, 0.5), ("split", JIA_1, east, 0.5)]
    assert {cell.code: cell.name for cell in held_cells(session, JIA)}[west] == "甲一西"
    shares = session.execute(text("select building_share, household_share from lineage order by id")).all()
    assert [tuple(row) for row in shares] == [(0.5, 0.6), (0.5, 0.4)]  # b1 with 120 of 200 households lies west


def test_the_past_answers_as_it_did(session: Session) -> None:
    before = locate(session, *spot(0.25, 1.5), JUNE - timedelta(days=1))
    redraw(session, JIA, halves_of_jia_1(session))
    assert locate(session, *spot(0.25, 1.5), JUNE - timedelta(days=1)) == before
    assert locate(session, *spot(0.25, 1.5), JUNE).grid == f"{JIA}004"


def test_buildings_follow_the_new_border(session: Session) -> None:
    redraw(session, JIA, halves_of_jia_1(session))
    owners = session.execute(text("select code, grid from building where code in ('b1', 'b2') order by 1")).all()
    assert [tuple(row) for row in owners] == [("b1", f"{JIA}004"), ("b2", f"{JIA}005")]


def test_a_merge_into_a_grid_that_stays_is_a_merge_and_a_reshape(session: Session) -> None:
    redraw(session, YI, [Cell(YI_1, "乙一网格", "residential", rectangle(2, 1, 2, 1))])
    assert lineage(session) == [("reshape", YI_1, YI_1, 1.0), ("merge", YI_2, YI_1, 1.0)]


def test_a_new_name_is_a_rename(session: Session) -> None:
    cells = held_cells(session, YI)
    redraw(session, YI, [Cell(YI_1, "新名", "residential", cells[0].geometry), cells[1]])
    assert lineage(session) == [("rename", YI_1, YI_1, 1.0)]


def test_the_same_again_changes_nothing(session: Session) -> None:
    done = redraw(session, JIA, held_cells(session, JIA))
    assert (done.created, done.changed, done.retired) == ([], [], [])
    assert lineage(session) == []


def test_a_retired_code_never_comes_back(session: Session) -> None:
    redraw(session, JIA, halves_of_jia_1(session))
    one = [cell for cell in held_cells(session, JIA) if cell.code in (JIA_2, JIA_3)]
    done = redraw(session, JIA, [*one, Cell(None, "甲一", "residential", rectangle(0, 1))], JUNE + timedelta(days=30))
    assert done.created == [f"{JIA}006"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([], "without a grid"),
        ([Cell(YI_1, "x", "residential", rectangle(2, 1))], "owns this ground"),
        (
            [
                Cell(YI_1, "x", "residential", rectangle(2, 1)),
                Cell(YI_2, "y", "residential", rectangle(2.75, 1, 1.25, 1)),
            ],
            "overlap",
        ),
        ([Cell(YI_1, "x", "residential", rectangle(2, 0.75, 2, 1.25))], "sticks out of"),
        ([Cell(JIA_1, "x", "residential", rectangle(2, 1, 2, 1))], "do not belong to community"),
        ([Cell(YI_1, "x", "residential", shapely.box(0, 0, 1, 1).boundary)], "not a polygon"),
    ],
)
def test_what_is_no_partition_is_refused_with_the_grids_named(session: Session, cells: list[Cell], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        redraw(session, YI, cells)
    assert session.scalar(text("select count(*) from grid_version")) == 5


def test_a_redraw_drawn_on_an_older_version_is_a_conflict(session: Session) -> None:
    cells = held_cells(session, YI)
    redraw(session, YI, [Cell(YI_1, "新名", "residential", cells[0].geometry), cells[1]])
    stale = Redraw({YI: cells}, JUNE + timedelta(days=1), drawn_on={YI_1: 1, YI_2: 1})
    with pytest.raises(Conflict, match="published anew"):
        publish(session, stale, actor="planner")


def test_a_redraw_before_the_last_one_is_a_conflict(session: Session) -> None:
    cells = held_cells(session, YI)
    renamed = [Cell(YI_1, "新名", "residential", cells[0].geometry), cells[1]]
    redraw(session, YI, renamed)
    with pytest.raises(Conflict, match="begins at or after"):
        redraw(session, YI, cells, JUNE - timedelta(days=10))


def test_history_and_lineage_are_read_over_http(service: Service) -> None:
    with transaction(service.engine) as session:
        redraw(session, JIA, halves_of_jia_1(session))
    header = service.as_("viewer")
    history = service.client.get(f"/api/v1/grids/{JIA_1}/history?geometry=true", headers=header).json()["items"]
    assert [(one["version"], one["valid_to"]) for one in history] == [(1, "2026-06-01T00:00:00+00:00")]
    assert history[0]["geometry"]["type"] == "Polygon"
    descents = service.client.get(f"/api/v1/grids/{JIA}004/lineage", headers=header).json()["items"]
    assert [(one["kind"], one["from"], one["to"], one["from_version"]) for one in descents] == [
        ("split", JIA_1, f"{JIA}004", 1)
    ]
    assert service.client.get(f"/api/v1/grids/{JIA_1}", headers=header).status_code == 404
    assert service.client.get(f"/api/v1/grids/{JIA_1}?at=2026-05-01T00:00:00Z", headers=header).status_code == 200


def test_of_two_publishers_at_once_one_wins_and_one_is_told(town: Town) -> None:
    engine = open_engine(copy_database(town.url))
    with transaction(engine) as first:
        redraw(first, YI, [Cell(YI_1, "甲方", "residential", rectangle(2, 1, 2, 1))])
        with pytest.raises(Conflict, match="right now"), transaction(engine) as second:
            redraw(second, YI, [Cell(YI_2, "乙方", "residential", rectangle(2, 1, 2, 1))])
    with transaction(engine) as after:
        assert [cell.name for cell in held_cells(after, YI)] == ["甲方"]
    engine.dispose()


def random_redraw(chance: random.Random, cells: list[Cell]) -> list[Cell]:
    """Split a cell of at least two quarters across or down, or merge two cells whose union is a rectangle."""
    cells = list(cells)
    chance.shuffle(cells)
    if chance.random() < 0.5:
        for cell in cells:
            west, south, east, north = shapely.bounds(cell.geometry)
            if east - west > 0.0004:
                cut = round(west + 0.00025 * chance.randrange(1, round((east - west) / 0.00025)), 7)
                parts = [shapely.box(west, south, cut, north), shapely.box(cut, south, east, north)]
                new = [
                    Cell(None, f"{cell.name}{half}", cell.kind, quarter(part))
                    for half, part in zip("ab", parts, strict=True)
                ]
                return [other for other in cells if other is not cell] + new
    for one in cells:
        for other in cells:
            union = shapely.union(one.geometry, other.geometry)
            if one is not other and shapely.area(shapely.envelope(union)) - shapely.area(union) < 1e-12:
                merged = Cell(one.code, one.name, one.kind, quarter(shapely.box(*shapely.bounds(union))))
                return [cell for cell in cells if cell not in (one, other)] + [merged]
    return cells


def quarter(box: BaseGeometry) -> BaseGeometry:
    """Give a box of the town its vertices at every quarter of a cell."""
    west, south, east, north = (
        (value - start) / 0.001 for value, start in zip(shapely.bounds(box), (118.78, 32.04) * 2, strict=True)
    )
    return rectangle(*(round(number * 4) / 4 for number in (west, south, east - west, north - south)))


@pytest.mark.parametrize("seed", range(8))
def test_any_chain_of_redraws_keeps_the_partition_and_every_past_answer(town_engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    places = [spot(chance.uniform(0, 4), chance.uniform(0, 2)) for _ in range(15)]
    asked: list[tuple[datetime, list[str | None]]] = []
    with town_engine.connect() as connection, connection.begin() as outer, Session(connection) as session:
        for day in range(1, 9):
            at = JUNE + timedelta(days=day)
            community = chance.choice([JIA, YI])
            redraw(session, community, random_redraw(chance, held_cells(session, community)), at)
            asked.append((at, [locate(session, *place, at).grid for place in places]))
            for moment, answers in asked:
                assert [locate(session, *place, moment).grid for place in places] == answers
        outer.rollback()
