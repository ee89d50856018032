"""Filters: what CQL2 text and JSON mean, and that nothing somebody writes is ever run or ever takes long."""

from collections.abc import Callable

import orjson
import pytest

from gridsvc.core.cql2 import Column, compile_filter, read_json, read_text
from gridsvc.core.errors import Invalid
from tests.cost import least_s

COLUMNS = {
    "name": Column("b.name", "text"),
    "levels": Column("b.levels", "integer"),
    "area": Column("b.area", "number"),
    "open": Column("b.open", "boolean"),
    "since": Column("b.since", "moment"),
    "until": Column("b.until", "moment"),
    "geometry": Column("b.geometry", "geometry"),
}

READ: list[tuple[str, object]] = [
    ("name = '甲'", {"op": "=", "args": [{"property": "name"}, "甲"]}),
    ("levels<>-5", {"op": "<>", "args": [{"property": "levels"}, -5]}),
    ("area >= 1.5e3", {"op": ">=", "args": [{"property": "area"}, 1500.0]}),
    ("name = 'it''s'", {"op": "=", "args": [{"property": "name"}, "it's"]}),
    (r"name = 'it\'s'", {"op": "=", "args": [{"property": "name"}, "it's"]}),
    ('"a b" = 1', {"op": "=", "args": [{"property": "a b"}, 1]}),
    ("open = true", {"op": "=", "args": [{"property": "open"}, True]}),
    ("TRUE", True),
    ("name LIKE 'x%'", {"op": "like", "args": [{"property": "name"}, "x%"]}),
    ("name not like 'x_'", {"op": "not", "args": [{"op": "like", "args": [{"property": "name"}, "x_"]}]}),
    ("levels BETWEEN 1 AND 3", {"op": "between", "args": [{"property": "levels"}, 1, 3]}),
    ("levels in (1, 2)", {"op": "in", "args": [{"property": "levels"}, [1, 2]]}),
    ("name is not null", {"op": "not", "args": [{"op": "isNull", "args": [{"property": "name"}]}]}),
    (
        "CASEI(name) = casei('X')",
        {"op": "=", "args": [{"op": "casei", "args": [{"property": "name"}]}, {"op": "casei", "args": ["X"]}]},
    ),
    (
        "since > TIMESTAMP('2026-01-01T00:00:00Z')",
        {"op": ">", "args": [{"property": "since"}, {"timestamp": "2026-01-01T00:00:00Z"}]},
    ),
    ("t_after(since, DATE('2026-01-01'))", {"op": "t_after", "args": [{"property": "since"}, {"date": "2026-01-01"}]}),
    (
        "T_DURING(INTERVAL(since, until), INTERVAL('2026-01-01', '..'))",
        {
            "op": "t_during",
            "args": [{"interval": [{"property": "since"}, {"property": "until"}]}, {"interval": ["2026-01-01", ".."]}],
        },
    ),
    (
        "S_WITHIN(geometry, BBOX(1, 2, 3, 4))",
        {"op": "s_within", "args": [{"property": "geometry"}, {"bbox": [1, 2, 3, 4]}]},
    ),
    (
        "s_intersects(geometry, POINT(1 2))",
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": [1.0, 2.0]}]},
    ),
]


@pytest.mark.parametrize(("text", "tree"), READ, ids=[text for text, _ in READ])
def test_text_reads_as_the_json_of_the_standard(text: str, tree: object) -> None:
    assert read_text(text) == tree
    assert read_json(orjson.dumps(tree).decode()) == tree


def test_and_binds_closer_than_or_and_parentheses_closest() -> None:
    a, b, c = ({"op": "=", "args": [{"property": "levels"}, number]} for number in (1, 2, 3))
    loose = read_text("levels=1 or levels=2 and levels=3")
    assert loose == {"op": "or", "args": [a, {"op": "and", "args": [b, c]}]}
    tight = read_text("(levels=1 or levels=2) and not levels=3")
    assert tight == {"op": "and", "args": [{"op": "or", "args": [a, b]}, {"op": "not", "args": [c]}]}


BOMBS = {
    "parentheses": "(" * 3000 + "levels=1" + ")" * 3000,
    "open parentheses": "(" * 30_000,
    "a few open parentheses": "(" * 40,
    "parentheses and nots": "not(" * 3000 + "levels=1" + ")" * 3000,
    "nots": "not " * 7000 + "levels=1",
    "functions": "casei(" * 3000 + "name" + ")" * 3000,
    "collections": "s_intersects(geometry, " + "GEOMETRYCOLLECTION(" * 1000 + "POINT(1 2)" + ")" * 1001,
    "quotes": "name = '" + "\\'" * 15_000,
    "ten megabytes": "name = '" + "x" * 10_000_000 + "'",
    "conditions": " or ".join(["levels=1"] * 2600),
    "numbers": "levels = " + "1" * 31_000 + "x",
}


def refused(read: Callable[[str], object], written: str) -> None:
    with pytest.raises(Invalid):
        compile_filter(read(written), COLUMNS)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_a_bomb_is_refused_at_once(bomb: str) -> None:
    assert least_s(lambda: refused(read_text, bomb)) < 0.05


@pytest.mark.parametrize("depth", [50, 150, 900, 5000])
def test_a_bomb_of_json_is_refused_at_once(depth: int) -> None:
    bomb = '{"op":"not","args":[' * depth * 2 + "true" + "]}" * depth * 2
    assert least_s(lambda: refused(read_json, bomb)) < 0.05


REFUSED = {
    "colour = 1": "no property 'colour'",
    "pg_sleep(10) = 1": "not known here",
    "levels = 1; drop table building": "cannot be read",
    "name": "comparison",
    "name = 1": "compares text with number",
    "levels like 'a%'": "LIKE compares a text",
    r"name like 'a\'": "cannot be read",
    "geometry = 'x'": "is a geometry",
    "s_intersects(name, POINT(1 2))": "is none",
    "s_intersects(geometry, POINT(200 2))": "outside the world",
    "s_intersects(geometry, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))": "not valid",
    "s_intersects(geometry, BBOX(3, 2, 1, 4))": "inverted",
    "s_within(geometry, GEOMETRYCOLLECTION(POINT(1 2)))": "collections of geometries",
    "since > TIMESTAMP('yesterday')": "is no time",
    "since > TIMESTAMP('2026-01-01T00:00:00')": "names no zone",
    "open > true": "only equal or not",
    "levels in ()": "expected",
    "levels in (1, 'a')": "compares",
    "name = 'a": "cannot be read",
    "": "expected",
}


@pytest.mark.parametrize(("text", "why"), REFUSED.items(), ids=list(REFUSED))
def test_what_makes_no_sense_is_refused_with_a_sentence(text: str, why: str) -> None:
    with pytest.raises(Invalid) as refusal:
        compile_filter(read_text(text), COLUMNS)
    assert why in refusal.value.sentence


TREES: list[object] = [
    None,
    [],
    "levels",
    1,
    {},
    {"op": "=", "args": "levels"},
    {"op": ["="], "args": []},
    {"op": "=", "args": [{"property": ["levels"]}, 1]},
    {"op": "=", "args": [{"property": "levels"}]},
    {"op": "and", "args": [True]},
    {"op": "in", "args": [{"property": "levels"}, 3]},
    {"op": "between", "args": [{"property": "levels"}, {"x": 1}, 2]},
    {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": "x"}]},
    {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [1, 2, "3", 4]}]},
    {"op": "s_intersects", "args": [{"property": "geometry"}, None]},
    {"op": "t_after", "args": [{"property": "since"}, {"interval": ["..", 3]}]},
    {"op": "=", "args": [{"property": "name"}, "a\x00b"]},
    {"op": "select 1", "args": []},
    {"op": "like", "args": [{"property": "name"}, "a\\"]},
]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_json_that_is_no_filter_is_refused(tree: object) -> None:
    with pytest.raises(Invalid):
        compile_filter(tree, COLUMNS)


@pytest.mark.parametrize(
    "evil", ["' or 1=1 --", "'; drop table building; --", "%(cql0)s", "$$", "x\\", '"', "{0}", "); select pg_sleep(9)"]
)
def test_a_value_never_becomes_part_of_the_statement(evil: str) -> None:
    tree = {"op": "or", "args": [{"op": "=", "args": [{"property": "name"}, evil]}, _in(evil)]}
    condition = compile_filter(tree, COLUMNS)
    assert condition.sql == "((b.name = %(cql0)s::text) or (b.name = any(%(cql1)s::text[])))"
    assert condition.parameters == {"cql0": evil, "cql1": [evil, "a"]}


def _in(value: str) -> dict[str, object]:
    return {"op": "in", "args": [{"property": "name"}, [value, "a"]]}
