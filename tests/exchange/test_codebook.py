"""Codes found by name: sure ones are given, unsure ones left to a person, whose completed list is read again."""

import csv
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gridsvc.core.db import transaction
from gridsvc.core.errors import Invalid
from gridsvc.exchange.codebook import Codebook, Match, match, read_codebook, summary, write_mapping
from gridsvc.exchange.imports import Refused
from gridsvc.territory.topology.faults import Boundaries, find_faults, measure
from tests.app.test_commands import run
from tests.conftest import Town, copy_database
from tests.exchange.conftest import bring_in
from tests.town import rectangle

# A whole city that is not shipped; it lies beside a developer's checkout.
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
BEIJING = DATA / "beijing-streets331" / "beijing.shp"
CODES = DATA / "china-codes"
beside = pytest.mark.skipif(not BEIJING.is_file(), reason="the streets of Beijing are not beside this checkout")

LISTED = """code,name
320191,示例区
320192,示例区
320193,新设区
320191001,东街道
320191002,河西街道
320191101,大桥地区
320191102,双桥镇
320191103,山前镇
320192001,东街道
320192002,南山街道
320193001,北门街道
320193001001,北门社区
"""
"""Codes and names are invented; two counties have the same name, and the third was called 旧名县 before."""


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(LISTED, encoding="utf-8")
    return path


def found(book: Codebook, *rows: tuple[str, str]) -> list[tuple[str, str | None]]:
    """Match (county, name) rows: the status of each, and the last six digits of what it says of the street."""
    told = match(range(1, len(rows) + 1), [("", "", county) for county, _ in rows], [name for _, name in rows], book)
    return [(one.status, one.found.code[3:9] if one.found else None) for one in told]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("河西街道", ("exact", "191002")),
        ("河 西街道", ("exact", "191002")),
        ("河西街道办事处", ("normalised", "191002")),
        ("河西街道辦事處", ("normalised", "191002")),
        ("大桥镇", ("normalised", "191101")),
        ("双桥鄉", ("normalised", "191102")),
        # A town that became a street was mostly cut up: a person has to look.
        ("河西镇", ("none", None)),
        ("没有街道", ("none", None)),
        ("", ("none", None)),
    ],
)
def test_a_name_is_found_as_far_as_that_is_safe(listed: Path, name: str, expected: tuple[str, str | None]) -> None:
    assert found(read_codebook([listed]), ("示例区", name), ("示例区", "山前镇"))[0] == expected


def test_a_county_is_the_one_that_has_most_of_the_streets_of_the_file(listed: Path) -> None:
    book = read_codebook([listed])
    assert found(book, ("示例区", "东街道"), ("示例区", "南山街道")) == [("exact", "192001"), ("exact", "192002")]
    assert found(book, ("旧名县", "北门街道")) == [("exact", "193001")]
    assert found(book, ("示例区", "东街道")) == [("none", None)], "either county may be meant"
    assert found(book, ("", "东街道"), ("", "北门街道")) == [("ambiguous", None), ("exact", "193001")]


def test_a_likeness_takes_no_code_that_another_row_has_by_right(listed: Path) -> None:
    rows = [("示例区", "大桥地区"), ("示例区", "大桥镇"), ("示例区", "双桥镇")]
    assert [status for status, _ in found(read_codebook([listed]), *rows)] == ["exact", "ambiguous", "exact"]


def test_the_nearest_are_told_with_what_has_none(listed: Path) -> None:
    (one, _) = match([1, 2], [("", "", "示例区")] * 2, ["河西镇", "大桥地区"], read_codebook([listed]))
    assert [street.name for street in one.candidates] == ["河西街道"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", "needs the columns code and name"),
        ("file_name,code\n东街道,12\n", "Row 1 of other.csv: '12' is no code of a street"),
        ("file_county,file_name,code\n甲,东街道,320191001\n甲,东街道,320191002\n", "a second code"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Invalid, match=said):
        read_codebook([path])
    with pytest.raises(Invalid, match="There is no file"):
        read_codebook([tmp_path / "missing.csv"])


def streets_file(folder: Path, *names: str) -> Path:
    path = folder / "streets.geojson"
    shapes = [rectangle(number, 0) for number in range(len(names))]
    gpd.GeoDataFrame({"县": ["示例区"] * len(names), "乡": names}, geometry=shapes, crs=4326).to_file(path)
    return path


def test_rows_without_a_code_are_refused_by_row_or_left_out(session: Session, tmp_path: Path, listed: Path) -> None:
    path = streets_file(tmp_path, "河西街道", "河西镇", "山前镇")
    book = read_codebook([listed])
    with pytest.raises(Refused) as refusal:
        bring_in(session, path, "divisions", codes=book)
    (fault,) = refusal.value.faults
    assert (fault.row, fault.reason) == (
        2,
        "there is no code for '河西镇' in 示例区; the nearest are 320191002000 河西街道",
    )
    outcome = bring_in(session, path, "divisions", codes=book, skip_bad=True)
    assert (outcome.rows, outcome.merged.new, [fault.row for fault in outcome.faults]) == (3, 2, [2])
    kept = session.execute(text("select code, name, level from division where code like '32019%' order by 1")).all()
    assert [tuple(row) for row in kept] == [
        ("320191002000", "河西街道", "street"),
        ("320191103000", "山前镇", "street"),
    ]


def test_where_no_row_has_a_code_the_file_is_refused(session: Session, tmp_path: Path, listed: Path) -> None:
    with pytest.raises(Refused, match="2 of 2 rows cannot be taken"):
        bring_in(session, streets_file(tmp_path, "甲", "乙"), "divisions", codes=read_codebook([listed]), skip_bad=True)


def test_two_rows_with_the_same_code_are_refused(session: Session, tmp_path: Path, listed: Path) -> None:
    with pytest.raises(Refused, match="row 2: the code 320191002000 already stands in row 1"):
        bring_in(session, streets_file(tmp_path, *["河西街道"] * 2), "divisions", codes=read_codebook([listed]))


def test_from_the_shell_a_person_completes_the_mapping_and_runs_again(town: Town, tmp_path: Path, listed: Path) -> None:
    url, mapping = copy_database(town.url), tmp_path / "mapping.csv"
    path = streets_file(tmp_path, "河西街道", "=河西镇", "山前镇")
    words = ("import", "divisions", str(path), "--codes", str(listed), "--mapping", str(mapping))
    refused = run(*words, GRIDSVC_DATABASE_URL=url)
    assert refused.returncode == 1
    assert "2 exact, 0 normalised, 0 given, 0 ambiguous, 1 none" in refused.stderr
    assert "row 2: there is no code for '=河西镇'" in refused.stderr
    rows = pd.read_csv(mapping, dtype=str)
    assert rows["file_name"][1] == "'=河西镇", "a spreadsheet program must not take it for a formula"
    rows.loc[1, "code"] = "320191901"
    rows.to_csv(mapping, index=False)
    done = run("import", "divisions", str(path), "--codes", str(mapping), GRIDSVC_DATABASE_URL=url)
    assert (done.returncode, "3 new" in done.stderr) == (0, True), done.stderr
    assert "3 given" in done.stderr


@beside
def test_all_of_beijing_comes_in_once_a_person_has_completed_the_mapping(empty_engine: Engine, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.csv"
    matches: list[Match] = []
    book = replace(read_codebook([CODES / "areas.csv", CODES / "streets.csv"]), tell=matches.extend)
    with pytest.raises(Refused, match="10 of 331 rows cannot be taken"), transaction(empty_engine) as session:
        bring_in(session, BEIJING, "divisions", codes=book)
    # 66 names are not those of 2023; 56 of them are a town whose area office has the list's name.
    assert summary(matches) == "265 exact, 56 normalised, 0 given, 0 ambiguous, 10 none"
    attempt = pd.read_csv(BEIJING.parent / "name_to_2023_code_attempt.csv", dtype=str).dropna()
    exact = {(one.file_county, one.file_name): one.found for one in matches if one.status == "exact"}
    assert {key: one.code[:9] for key, one in exact.items() if one} == dict(
        zip(zip(attempt["县"], attempt["乡"], strict=True), attempt["street_code_2023"], strict=True)
    )
    write_mapping(mapping, matches)
    with mapping.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    # The person's part: these ten codes are invented (…9nn).
    for number, row in enumerate(row for row in rows if not row["code"]):
        row["code"] = f"1101{8 if row['file_county'] == '密云县' else 6:02d}9{number:02d}000"
    with mapping.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    with transaction(empty_engine) as session:
        outcome = bring_in(session, BEIJING, "divisions", codes=read_codebook([mapping]))
    assert (outcome.merged.new, outcome.faults) == (331, [])
    with transaction(empty_engine) as session:
        assert bring_in(session, BEIJING, "divisions", codes=read_codebook([mapping])).merged.unchanged == 331
        kept = session.execute(text("select code, st_asbinary(geometry) from division order by 1")).all()
    shapes = shapely.from_wkb([bytes(shape) for _, shape in kept])
    assert [
        fault
        for fault in find_faults(Boundaries([code for code, _ in kept], list(shapes)))
        if fault.kind != "multipart"
    ] == []
    together = shapely.coverage_union_all(shapes)
    assert shapely.get_num_geometries(together) == 1
    assert shapely.get_num_interior_rings(shapely.get_geometry(together, 0)) == 0
    (area_m2,), _ = measure(np.array([together], dtype=object))
    assert area_m2 == pytest.approx(16_393.9e6, rel=0.001)
