"""Every sentence that refuses something over HTTP is there in Chinese, whole, and is told to who reads Chinese."""

import ast
import re
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest

import gridsvc
from gridsvc.core import errors
from gridsvc.core.chinese import chinese, speaks_chinese
from tests.conftest import Service
from tests.cost import least_s

ROOT = Path(gridsvc.__file__).parent
LINES = [
    line.split("\t") for line in files("gridsvc.core.chinese").joinpath("sentences.tsv").read_text("utf-8").splitlines()
]
TABLE = dict(LINES)

ELSEWHERE = (
    # What commands alone say, or what keeps the service from starting.
    *(
        "app/commands/",
        "app/demo.py",
        "app/drawing.py",
        "cartography/",
        "core/cluster/",
        "core/schema.py",
        "access/rows.py",
    ),
    *("core/jobs/", "core/sealing.py"),
    # Open311 says its faults in English, as its specification does.
    "app/open311/",
)
PARTS = {"their ground", "community {}", "street {}", "their ground, and a repair of {} m does not help"}
"""What is put into sentences of `NoPartition`."""


def written(node: ast.expr) -> str | None:
    """Read a text as it stands in the program, `{}` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def refusals() -> set[str]:
    """Name the classes that refuse."""
    names = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.Refusal)}
    trees = [ast.parse(path.read_text("utf-8")) for path in ROOT.rglob("*.py")]
    while True:
        found = {
            node.name
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            and any(isinstance(base, ast.Name) and base.id in names for base in node.bases)
        }
        if found <= names:
            return names
        names |= found


def sentences() -> dict[str, str]:
    """Find the sentences of all refusals in the program, and where they stand."""
    names, found = refusals(), {}
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if place.startswith(ELSEWHERE):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        named = {
            target.id: text
            for node in tree.body
            if isinstance(node, ast.Assign) and (text := written(node.value))
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            at = {"problem": 2}.get(node.func.id, 0)
            if node.func.id not in {*names, "problem"} or len(node.args) <= at:
                continue
            given = node.args[at]
            options = [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]
            for option in options:
                text = named.get(option.id) if isinstance(option, ast.Name) else written(option)
                if text and text not in PARTS:
                    found[text] = f"{place}:{node.lineno}"
    return found


def test_every_sentence_is_there_in_chinese() -> None:
    found = sentences()
    assert len(found) > 250
    missing = {text: place for text, place in found.items() if text not in TABLE and text.strip("{}")}
    assert missing == {}


def test_every_line_is_whole() -> None:
    assert len(TABLE) == len(LINES)
    for english, said in LINES:
        holes = english.count("{}")
        plain, numbered = said.count("{}"), sorted(re.findall(r"\{(\d)\}", said))
        if numbered:
            assert plain == 0, english
            assert numbered == [str(number + 1) for number in range(holes)], english
        else:
            # What a validator adds to its own words may be left out.
            assert plain == holes or (english.startswith(("Input ", "List ")) and plain <= holes), english
        assert re.search(r"[\u4e00-\u9fff]", said) or said == "{}", english
        # A sentence ends as a sentence.
        assert english.endswith(".") == said.endswith("。"), english


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("There is no grid 320102003901009.", "没有网格 320102003901009。"),
        (
            "Row 7 of towns.csv: '12' is no code of a street (9 or 12 digits).",
            "towns.csv 第 7 行：'12' 不是街道编码（9 或 12 位）。",
        ),
        ("Value error, There is no grid x.", "没有网格 x。"),
        ("Input should be greater than or equal to 3", "须大于或等于 3"),
        ("Something nobody ever wrote.", "Something nobody ever wrote."),
        ("There is no grid {x}{}.", "没有网格 {x}{}。"),
    ],
)
def test_a_sentence_is_said_with_what_was_filled_in(sentence: str, said: str) -> None:
    assert chinese(sentence) == said


def test_what_somebody_typed_does_not_keep_it_long() -> None:
    """However much of a sentence is in what was filled into it: no way to fit is tried twice."""
    for english in TABLE:
        first, *others = english.split("{}")
        for hostile in (
            f"{first}{(''.join(others) or ' ') * 40}!"[:2000],
            f"{first}{' ' * 1000}!",
            f"{first}{', ' * 500}",
        ):
            assert least_s(partial(chinese, hostile), 2) < 0.05, english


def test_who_reads_chinese_is_refused_in_chinese(service: Service) -> None:
    def ask(path: str, **headers: str) -> dict[str, object]:
        answer = service.client.get(path, headers={**service.as_("viewer"), **headers})
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert "Accept-Language" in answer.headers["vary"]
        told: dict[str, object] = answer.json()
        return told

    missing = "/api/v1/grids/320102003901999"
    assert ask(missing)["detail"] == "There is no grid '320102003901999'."
    assert ask(missing, **{"Accept-Language": "en,zh"})["detail"] == "There is no grid '320102003901999'."
    assert ask(missing, **{"Accept-Language": "zh-CN,zh;q=0.9"})["detail"] == "没有网格 '320102003901999'。"
    wrong = ask("/api/v1/locate?lon=x", **{"Accept-Language": "zh"})
    assert wrong["detail"] == "lon: 须为数字; lat: 必填"
    assert wrong["faults"] == [{"field": "lon", "fault": "须为数字"}, {"field": "lat", "fault": "必填"}]
    # Before a request reaches any endpoint, too.
    answer = service.client.post(
        "/api/v1/locate", content=b"x", headers={"Content-Type": "text/plain", "Accept-Language": "zh"}
    )
    assert answer.status_code == 415
    assert str(answer.json()["detail"]).startswith("此处须发送")


@pytest.mark.parametrize(
    ("sent", "reads"), [("zh", True), ("zh-TW;q=1", True), ("en", False), ("", False), (None, False)]
)
def test_the_first_language_counts(sent: str | None, reads: bool) -> None:  # noqa: FBT001 - a case
    assert speaks_chinese(sent) is reads
