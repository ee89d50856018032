"""The catalogue comes in from a spreadsheet, a CSV or JSON; every row is checked, and no old version is ever lost."""

import csv
import json
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.settings import shipped_data
from gridsvc.exchange.imports import Refused
from gridsvc.exchange.standards.catalogue import import_catalogue, read_catalogue
from gridsvc.exchange.standards.limits import read_limit
from tests.town import LAMP

EXAMPLE = shipped_data() / "catalogue" / "example.json"
HEADER = [
    "目录版本",
    "标准",
    "类型",
    "小类代码",
    "大类",
    "小类",
    "条件代码",
    "立案条件",
    "结案条件",
    "处置时限",
    "处置部门",
]
ROWS = [
    ["v2", "GB/T 47678", "部件", "01037", "公用设施", "路灯", "01", "单灯不亮", "恢复照明", "2工作日", "路灯所"],
    ["v2", "GB/T 47678", "部件", "01037", "公用设施", "路灯", "02", "灯杆倾斜", "扶正", "1 紧急工作日", "路灯所"],
    ["v2", "GB/T 47678", "事项", "06010", "市容环境", "暴露垃圾", "01", "垃圾暴露", "清除", "4工作时", "环卫"],
]


def write(path: Path, rows: list[list[str]]) -> Path:
    """Write the rows as CSV or XLSX, as the name says."""
    if path.suffix == ".xlsx":
        with xlsxwriter.Workbook(path) as book:
            page = book.add_worksheet()
            for line, row in enumerate([HEADER, *rows]):
                page.write_row(line, 0, row)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
    return path


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_spreadsheet_in_chinese_is_a_catalogue(session: Session, tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"catalogue.{kind}", ROWS)
    assert import_catalogue(session, path, actor="admin") == ("v2", 3)
    lamps = session.execute(
        text(
            "select d.code, limit_count, limit_unit, major from catalogue_condition d"
            " join catalogue_class c using (version, class) where version = 'v2' and class = :lamp order by 1"
        ),
        {"lamp": LAMP},
    ).all()
    assert lamps == [("01", 2, "working_day", "公用设施"), ("02", 1, "urgent_day", "公用设施")]
    source, who, current = session.execute(
        text("select source, imported_by, current from catalogue where version = 'v2'")
    ).one()
    assert source.startswith(f"{path.name} sha256:")
    assert (who, current) == ("admin", True)


def test_a_limit_that_cannot_be_read_is_refused_by_its_row_and_nothing_is_written(
    session: Session, tmp_path: Path
) -> None:
    rows = [list(row) for row in ROWS]
    rows[0][9], rows[2][9] = "尽快", "4天"
    with pytest.raises(Refused) as refused:
        import_catalogue(session, write(tmp_path / "bad.csv", rows), actor="admin")
    assert [fault.row for fault in refused.value.faults] == [1, 3]
    assert "尽快" in refused.value.faults[0].reason
    assert session.scalar(text("select count(*) from catalogue")) == 1


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (2, "人员", "kind"),
        (3, "1037", "class_code"),
        (4, "别的大类", "described differently"),
        (6, "01", "twice"),
        (9, "0工作日", "between 1 and"),
        (10, "", "department"),
    ],
)
def test_every_row_is_checked(session: Session, tmp_path: Path, column: int, value: str, said: str) -> None:
    rows = [list(row) for row in ROWS]
    rows[1][column] = value
    with pytest.raises(Refused) as refused:
        import_catalogue(session, write(tmp_path / "bad.csv", rows), actor="admin")
    assert [(fault.row, said in fault.reason) for fault in refused.value.faults] == [(2, True)]


@pytest.mark.parametrize(
    ("limit", "unit", "read"),
    [
        ("4", "working_hour", (4, "working_hour")),
        ("4.0", "工作时", (4, "working_hour")),
        ("2个紧急工作时", None, (2, "urgent_hour")),
        ("3 urgent days", None, (3, "urgent_day")),
        ("15工作日", "working_day", (15, "working_day")),
    ],
)
def test_a_limit_is_read_as_people_write_it(limit: str, unit: str | None, read: tuple[int, str]) -> None:
    assert read_limit(limit, unit) == read


@pytest.mark.parametrize(
    ("limit", "unit"), [("四", "工作时"), ("4", None), ("-1", "工作日"), ("1.5", "工作日"), ("2工作日", "工作时")]
)
def test_a_limit_in_doubt_is_none(limit: str, unit: str | None) -> None:
    assert isinstance(read_limit(limit, unit), str)


def test_a_version_is_the_same_for_ever(session: Session, tmp_path: Path) -> None:
    import_catalogue(session, write(tmp_path / "one.csv", ROWS), actor="admin")
    assert import_catalogue(session, write(tmp_path / "again.xlsx", ROWS), actor="admin") == ("v2", 3)
    with pytest.raises(Conflict, match="held already"):
        import_catalogue(session, write(tmp_path / "less.csv", ROWS[:2]), actor="admin")
    for statement in (
        "delete from catalogue_condition where version = 'town'",
        "update catalogue_condition set limit_count = 99 where version = 'town'",
        "delete from catalogue where version = 'town'",
    ):
        with pytest.raises(IntegrityError, match="never changed nor deleted"), session.begin_nested():
            session.execute(text(statement))


def test_the_shipped_example_is_a_catalogue_that_says_it_is_one() -> None:
    given = read_catalogue(EXAMPLE, {})
    assert len(given.conditions) >= 60
    assert "example" in given.version
    said = json.loads(EXAMPLE.read_text(encoding="utf-8"))["note"]
    assert "example, local values" in said
    assert all(one["major"] and one["minor"] and 0 < one["radius_m"] <= 100 for one in given.classes)


@pytest.mark.parametrize("content", ["", "[]", '{"classes": 3}', '{"version": "v", "scheme": "s", "classes": []}'])
def test_a_file_that_is_no_catalogue_is_a_sentence(session: Session, tmp_path: Path, content: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Invalid, match="is not a catalogue"):
        import_catalogue(session, path, actor="admin")
