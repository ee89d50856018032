"""What an import would change, told by code; and columns that are called otherwise."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid
from gridsvc.exchange.formats.columns import pairs_of
from gridsvc.exchange.previews import Preview
from tests.exchange.conftest import bring_in
from tests.exchange.files import csv_file, feature, geojson
from tests.town import JIA_1, JIA_2, LAMP, rectangle, spot


def seen(session: Session, path: Path, layer: str) -> Preview:
    preview = bring_in(session, path, layer, look=True).preview
    assert preview
    return preview


def test_buildings_are_told_new_changed_unchanged_and_missing(session: Session, tmp_path: Path) -> None:
    path = geojson(
        tmp_path / "b.geojson",
        *(feature(rectangle(0.01 * number, 0.3, 0.005, 0.005), code=f"n{number}") for number in range(7)),
        feature(rectangle(0.2, 1.2, 0.1, 0.1), code="b1", name="改名"),
    )
    told = seen(session, path, "buildings")
    assert (told.new.count, str(told.new)) == (7, "7 (n0, n1, n2, n3, n4, …)")
    assert told.changed.examples == ("b1",)
    assert told.missing.examples == ("b2", "b3", "b4")
    assert told.scope == "all buildings held"
    again = seen(session, path, "buildings")
    assert (str(again.new), again.changed.count, again.unchanged.count) == ("0", 0, 8)


@pytest.mark.parametrize(
    ("layer", "lines", "new", "changed", "unchanged", "missing"),
    [
        ("workers", ("code,name,phone", "W1,改名,10000000001", "W9,示例,"), "W9", "W1", None, "W2"),
        (
            "assets",
            (f"code,class,lon,lat\na1,{LAMP},118.7805,32.0415\na2,{LAMP},118.78,32.04",),
            "a2",
            None,
            "a1",
            None,
        ),
        (
            "posts",
            (
                "grid,worker,role,valid_from,valid_to",
                f"{JIA_1},W1,responsible,2026-01-01T00:00:00Z,",
                f"{JIA_2},W1,responsible,2026-01-01T00:00:00Z,2026-09-01T00:00:00Z",
                f"{JIA_2},W3,assistant,2026-01-01T00:00:00Z,",
            ),
            f"{JIA_2} W3 assistant 2026-01-01 00:00",
            f"{JIA_2} W1 responsible 2026-01-01 00:00",
            f"{JIA_1} W1 responsible 2026-01-01 00:00",
            f"{JIA_1} W2 backup 2026-01-01 00:00",
        ),
        (
            "routes",
            (f'code,name,grid,geometry\nr2,示例,{JIA_1},"LINESTRING (118.78 32.041, 118.781 32.041)"',),
            "r2",
            None,
            None,
            "r1",
        ),
        ("divisions", ("code,name,level\n320102003000,新名,street",), None, "320102003000", None, None),
        ("streets", ('code,geometry\ns2,"LINESTRING (118.78 32.041, 118.781 32.041)"',), "s2", None, None, "s1"),
    ],
)
def test_every_other_layer_is_told_by_its_own_key(
    session: Session,
    tmp_path: Path,
    layer: str,
    lines: tuple[str, ...],
    new: str | None,
    changed: str | None,
    unchanged: str | None,
    missing: str | None,
) -> None:
    told = seen(session, csv_file(tmp_path / "file.csv", *lines), layer)
    for some, first in ((told.new, new), (told.changed, changed), (told.unchanged, unchanged), (told.missing, missing)):
        assert (some.examples or (None,))[0] == first


def test_incidents_are_told_by_their_numbers(session: Session, tmp_path: Path) -> None:
    lon, lat = spot(0.5, 1.5)
    path = csv_file(
        tmp_path / "i.csv",
        "number,class,condition,lon,lat,source,reported_at",
        f"20260501-000007,{LAMP},01,{lon},{lat},worker,2026-05-01",
        f",{LAMP},01,{lon},{lat},worker,2026-05-01",
    )
    told = seen(session, path, "incidents")
    # What has no number goes on after the highest of its day, also one that comes with it.
    assert told.new.examples == ("20260501-000007", "20260501-000008")
    alone = csv_file(
        tmp_path / "i.csv",
        "number,class,condition,lon,lat,source,reported_at",
        f"20260501-000007,{LAMP},01,{lon},{lat},worker,2026-05-01",
    )
    told = seen(session, alone, "incidents")
    assert (told.new.count, told.unchanged.count, told.missing.examples) == (0, 1, ("20260501-000008",))


def test_a_column_is_taken_for_the_field_it_is_mapped_to_and_hides_one_of_that_name(
    session: Session, tmp_path: Path
) -> None:
    shape = rectangle(0.4, 1.4, 0.05, 0.05)
    path = geojson(tmp_path / "b.geojson", feature(shape, BSM="n1", MC="图书馆", name="wrong", hu=12))
    bring_in(session, path, "buildings", names={"BSM": "code", "MC": "name", "hu": "households"})
    row = session.execute(text("select name, households from building where code = 'n1'")).one()
    assert row == ("图书馆", 12)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"bsm": "code"}, r"has no column 'bsm' to map; it has BSM, MC"),
        ({"BSM": "residents"}, r"buildings have no field 'residents' to map to; they have address, code"),
        ({"BSM": "name", "MC": "name"}, "mapped to one field"),
    ],
)
def test_a_mapping_that_names_what_is_not_there_is_a_sentence(
    session: Session, tmp_path: Path, names: dict[str, str], said: str
) -> None:
    path = geojson(tmp_path / "b.geojson", feature(rectangle(0.4, 1.4, 0.05, 0.05), BSM="n1", MC="图书馆"))
    with pytest.raises(Invalid, match=said):
        bring_in(session, path, "buildings", names=names)


def test_pairs_are_read_once_each() -> None:
    assert pairs_of(["a=b", "c=d=e"], "map") == {"a": "b", "c": "d=e"}
    with pytest.raises(Invalid, match="needs column=value, not 'a'"):
        pairs_of(["a"], "map")
    with pytest.raises(Invalid, match="--set a is given twice"):
        pairs_of(["a=b", "a=c"], "set")
