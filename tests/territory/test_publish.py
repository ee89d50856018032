"""Publishing a redraw: a partition or nothing, old versions kept, lineage told, codes never used again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.db import open_engine, transaction
from gridsvc.core.errors import Conflict, Invalid
from gridsvc.territory.locate import locate
from gridsvc.territory.publish import Cell, Published, Redraw, held_cells, publish
from gridsvc.territory.versions import Outline
from tests.conftest import Service, Town, copy_database
from tests.town import FOUNDED, JIA, JIA_1, JIA_2, JIA_3, STREET, YI, YI_1, YI_2, rectangle, spot

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


def owners(session: Session, at: datetime, *codes: str) -> list[str]:
    statement = text(
        "select b.code, p.grid from belonging p join building b on b.code = p.code"
        " where p.kind = 'building' and p.code = any(:codes) and p.since <= :at and p.until > :at order by 1"
    )
    return [grid for _, grid in session.execute(statement, {"codes": list(codes), "at": at})]


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


def test_a_building_on_the_new_border_is_counted_once(session: Session) -> None:
    # The inner point of b1 lies on the new border: the lowest code owns it, in lineage too.
    cells = [cell for cell in held_cells(session, JIA) if cell.code != JIA_1]
    for column, width in ((0, 0.25), (0.25, 0.75)):
        cells.append(Cell(None, "甲一", "residential", rectangle(column, 1, width, 1)))
    redraw(session, JIA, cells)
    shares = session.execute(text("select building_share, household_share from lineage order by to_grid")).all()
    assert [tuple(row) for row in shares] == [(0.5, 0.6), (0.5, 0.4)]


def test_the_past_answers_as_it_did(session: Session) -> None:
    before = locate(session, *spot(0.25, 1.5), JUNE - timedelta(days=1))
    redraw(session, JIA, halves_of_jia_1(session))
    assert locate(session, *spot(0.25, 1.5), JUNE - timedelta(days=1)) == before
    assert locate(session, *spot(0.25, 1.5), JUNE).grid == f"{JIA}004"


def test_buildings_follow_the_new_border(session: Session) -> None:
    redraw(session, JIA, halves_of_jia_1(session))
    assert owners(session, JUNE, "b1", "b2") == [f"{JIA}004", f"{JIA}005"]
    assert owners(session, JUNE - timedelta(seconds=1), "b1", "b2") == [JIA_1, JIA_1]


def test_a_redraw_can_be_published_ahead_of_its_day(service: Service) -> None:
    day = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    with transaction(service.engine) as session:
        redraw(session, JIA, halves_of_jia_1(session), day)
        before, after = (locate(session, *spot(0.25, 1.5), day + timedelta(seconds=late)).grid for late in (-1, 0))
        assert (before, after) == (JIA_1, f"{JIA}004")
    ahead = {"at": day.isoformat()}
    header = service.as_("viewer")

    def answer(path: str, **query: str) -> Any:
        return service.client.get(f"/api/v1/{path}", params=query, headers=header).json()

    assert [answer("buildings/b1")["grid"], answer("buildings/b1", **ahead)["grid"]] == [JIA_1, f"{JIA}004"]
    assert [answer("assets/a1")["grid"], answer("assets/a1", **ahead)["grid"]] == [JIA_1, f"{JIA}004"]
    assert [one["code"] for one in answer("buildings", grid=JIA_1)["items"]] == ["b1", "b2"]
    assert answer("buildings", grid=JIA_1, **ahead)["items"] == []
    assert [one["code"] for one in answer("buildings", grid=f"{JIA}004", **ahead)["items"]] == ["b1"]
    assert [(one["code"][-1], one["households"]) for one in answer("grids", community=JIA)["items"]] == [
        ("1", 200), ("2", 60), ("3", 0)
    ]  # fmt: skip
    assert [(one["code"][-1], one["households"]) for one in answer("grids", community=JIA, **ahead)["items"]] == [
        ("2", 60), ("3", 0), ("4", 120), ("5", 80)
    ]  # fmt: skip


def test_a_redraw_cannot_come_before_one_that_is_already_published_ahead(session: Session) -> None:
    redraw(session, JIA, halves_of_jia_1(session), datetime(2040, 1, 1, tzinfo=UTC))
    renamed = [Cell(cell.code, "新名", cell.kind, cell.geometry) for cell in held_cells(session, JIA)]
    with pytest.raises(Conflict, match="begins at or after"):
        redraw(session, JIA, renamed)


def test_a_community_and_its_grids_are_redrawn_at_one_instant(session: Session) -> None:
    # 乙 gets new ground to the south, and a grid for it; 甲 stays as it is.
    outlines = [Outline(JIA, "甲社区", rectangle(0, 0, 2, 2)), Outline(YI, "乙社区", rectangle(2, 0, 2, 2))]
    cells = held_cells(session, YI)
    done = publish(
        session,
        Redraw({YI: [*cells, Cell(None, "乙三网格", "residential", rectangle(2, 0, 2, 1))]}, JUNE, outlines=outlines),
        actor="planner",
    )
    assert (done.communities.changed, done.communities.unchanged, done.created) == ([YI], [JIA], [f"{YI}003"])
    assert locate(session, *spot(3, 0.5), JUNE).grid == f"{YI}003"
    assert locate(session, *spot(3, 0.5), JUNE - timedelta(days=1)).community is None
    assert lineage(session) == [("create", None, f"{YI}003", 1.0)]


def test_ground_that_goes_to_another_community_is_traced(session: Session) -> None:
    west, east = rectangle(0, 0, 1, 2), rectangle(1, 0, 3, 2)
    outlines = [Outline(JIA, "甲社区", west), Outline(YI, "乙社区", shapely.difference(east, rectangle(2, 0, 2, 1)))]
    cells = {
        JIA: [
            Cell(JIA_1, "甲一网格", "residential", rectangle(0, 1)),
            Cell(JIA_3, "甲三网格", "dedicated", rectangle(0, 0)),
        ],
        YI: [*held_cells(session, YI), Cell(None, "乙三", "residential", rectangle(1, 0, 1, 2))],
    }
    publish(session, Redraw(cells, JUNE, outlines=outlines), actor="planner")
    assert lineage(session) == [
        ("merge", JIA_2, f"{YI}003", 1.0),
        ("reshape", JIA_3, JIA_3, 0.5),
        ("merge", JIA_3, f"{YI}003", 0.5),
    ]


def test_a_new_outline_that_leaves_its_grids_behind_is_refused(session: Session) -> None:
    wider = Redraw({}, JUNE, outlines=[Outline(YI, "乙社区", rectangle(2, 0, 2, 2))])
    with pytest.raises(Invalid, match="owns this ground"):
        publish(session, wider, actor="planner")


def test_communities_partition_their_street_where_its_outline_is_known(session: Session) -> None:
    session.execute(
        text("update division set geometry = st_multi(st_geomfromtext(:shape, 4326)) where code = :code"),
        {"shape": shapely.union(rectangle(0, 0, 2, 2), rectangle(2, 1, 2, 1)).wkt, "code": STREET},
    )
    session.execute(text("set constraints all immediate"))
    outlines = [Outline(YI, "乙社区", rectangle(2, 0, 2, 2))]
    cells = {YI: [*held_cells(session, YI), Cell(None, "乙三", "residential", rectangle(2, 0, 2, 1))]}
    with pytest.raises(Invalid, match=f"of street {STREET}.*sticks out"):
        publish(session, Redraw(cells, JUNE, outlines=outlines), actor="planner")


def test_a_new_border_through_a_building_is_told(session: Session) -> None:
    cells = [
        Cell(None, "乙东", "residential", rectangle(2.45, 1, 1.55, 1)),
        Cell(None, "乙西", "residential", rectangle(2, 1, 0.45, 1)),
    ]
    assert redraw(session, YI, cells).cut == ["b4"]


def test_a_merge_into_a_grid_that_stays_is_a_merge_and_a_reshape(session: Session) -> None:
    redraw(session, YI, [Cell(YI_1, "乙一网格", "residential", rectangle(2, 1, 2, 1))])
    assert lineage(session) == [("reshape", YI_1, YI_1, 1.0), ("merge", YI_2, YI_1, 1.0)]


def test_a_new_name_is_a_rename(session: Session) -> None:
    cells = held_cells(session, YI)
    redraw(session, YI, [Cell(YI_1, "新名", "residential", cells[0].geometry), cells[1]])
    assert lineage(session) == [("rename", YI_1, YI_1, 1.0)]


def test_the_same_again_changes_nothing_whatever_its_date(session: Session) -> None:
    events = session.scalar(text("select count(*) from event"))
    for at in (JUNE, FOUNDED, FOUNDED - timedelta(days=30)):
        assert redraw(session, JIA, held_cells(session, JIA), at).touched == set()
    assert lineage(session) == []
    assert session.scalar(text("select count(*) from event")) == events


def test_a_retired_code_that_is_given_again_is_a_conflict(session: Session) -> None:
    cells = held_cells(session, JIA)
    redraw(session, JIA, halves_of_jia_1(session))
    with pytest.raises(Conflict, match=f"{JIA_1} were retired"):
        redraw(session, JIA, cells, JUNE + timedelta(days=1))


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
