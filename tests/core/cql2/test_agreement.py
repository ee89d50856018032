"""Random filters: written as text, read, compiled and run by PostGIS, they find what plain Python finds."""

from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from gridsvc.core.cql2 import Column, compile_filter, read_json, read_text
from gridsvc.core.db import driver_of

Row = dict[str, Any]

ROWS: list[Row] = [
    {"name": "甲楼", "levels": 6, "area": 10.5, "open": True, "at": "2026-01-01T00:00:00Z", "x": 0.0},
    {"name": "it's", "levels": None, "area": 0.0, "open": False, "at": "2026-02-01T00:00:00Z", "x": 1.0},
    {"name": None, "levels": -3, "area": None, "open": None, "at": None, "x": 2.0},
    {"name": "a%b_c", "levels": 30, "area": -2.25, "open": True, "at": "2026-03-01T12:30:00Z", "x": 3.0},
    {"name": "A%B_C", "levels": 0, "area": 1e6, "open": False, "at": "2026-03-01T12:30:01Z", "x": 4.0},
    {"name": "", "levels": 6, "area": 10.5, "open": True, "at": "2025-12-31T23:59:59Z", "x": 5.0},
]
TABLE = (
    "(values "
    + ",".join(
        "({}, {}::text, {}::int, {}::float8, {}::bool, {}::timestamptz, st_setsrid(st_makepoint({}, 0), 4326))".format(
            number,
            *(
                "null" if row[key] is None else "'" + str(row[key]).replace("'", "''") + "'"
                for key in ("name", "levels", "area", "open", "at", "x")
            ),
        ).replace("%", "%%")
        for number, row in enumerate(ROWS)
    )
    + ") b (number, name, levels, area, open, at, geometry)"
)
COLUMNS = {
    "name": Column("b.name", "text"),
    "levels": Column("b.levels", "integer"),
    "area": Column("b.area", "number"),
    "open": Column("b.open", "boolean"),
    "at": Column("b.at", "moment"),
    "geometry": Column("b.geometry", "geometry"),
}
TEXTS = st.sampled_from(["甲楼", "it's", "a%b_c", "", "x", "' or 1=1 --"])
NUMBERS = st.one_of(st.sampled_from([6, -3, 0, 10.5, 30, 1e6]), st.integers(-50, 50), st.floats(-99, 99, width=32))
MOMENTS = st.sampled_from([row["at"] for row in ROWS if row["at"]]).map(lambda at: {"timestamp": at})
SIGNS = st.sampled_from(["=", "<>", "<", ">", "<=", ">="])


def property_(name: str) -> dict[str, str]:
    return {"property": name}


def comparison(name: str, values: st.SearchStrategy[Any], signs: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.builds(lambda sign, value: {"op": sign, "args": [property_(name), value]}, signs, values)


EQUAL = st.sampled_from(["=", "<>"])
LEAVES = st.one_of(
    st.booleans(),
    comparison("name", TEXTS, EQUAL),
    comparison("levels", NUMBERS, SIGNS),
    comparison("area", NUMBERS, SIGNS),
    comparison("open", st.booleans(), EQUAL),
    comparison("at", MOMENTS, SIGNS),
    st.builds(lambda name: {"op": "isNull", "args": [property_(name)]}, st.sampled_from(list(COLUMNS))),
    st.builds(lambda a, b: {"op": "between", "args": [property_("levels"), a, b]}, NUMBERS, NUMBERS),
    st.builds(
        lambda values: {"op": "in", "args": [property_("levels"), values]}, st.lists(NUMBERS, min_size=1, max_size=4)
    ),
    st.builds(
        lambda values: {"op": "in", "args": [property_("name"), values]}, st.lists(TEXTS, min_size=1, max_size=4)
    ),
    st.builds(
        lambda pattern: {"op": "like", "args": [property_("name"), pattern]},
        st.sampled_from(["%", "a%", "_%", r"a\%b\_c", "%楼", "it's", "____", ""]),
    ),
    st.builds(
        lambda text: {
            "op": "=",
            "args": [{"op": "casei", "args": [property_("name")]}, {"op": "casei", "args": [text]}],
        },
        TEXTS,
    ),
    st.builds(
        lambda op, at: {"op": op, "args": [property_("at"), at]},
        st.sampled_from(["t_after", "t_before", "t_equals", "t_disjoint", "t_intersects"]),
        MOMENTS,
    ),
    st.builds(
        lambda op, west, width: {"op": op, "args": [property_("geometry"), {"bbox": [west, -1, west + width, 1]}]},
        st.sampled_from(["s_intersects", "s_disjoint"]),
        st.integers(-1, 5),
        st.integers(1, 3),
    ),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda op, args: {"op": op, "args": args},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=3),
        ),
        st.builds(lambda arg: {"op": "not", "args": [arg]}, inner),
    ),
    max_leaves=8,
)


def write(node: Any) -> str:  # noqa: C901 - a line for each kind of node
    """Write a tree as CQL2 text."""
    if isinstance(node, bool):
        return "TRUE" if node else "FALSE"
    if isinstance(node, str):
        return "'" + node.replace("'", "''") + "'"
    if isinstance(node, int | float):
        return repr(node)
    if "property" in node:
        return f'"{node["property"]}"'
    if "timestamp" in node:
        return f"TIMESTAMP('{node['timestamp']}')"
    if "bbox" in node:
        return f"BBOX({', '.join(map(repr, node['bbox']))})"
    op, args = node["op"], node["args"]
    if op in ("and", "or"):
        return "(" + f" {op.upper()} ".join(map(write, args)) + ")"
    if op == "not":
        return f"NOT ({write(args[0])})"
    if op == "isNull":
        return f"{write(args[0])} IS NULL"
    if op == "between":
        return "{} BETWEEN {} AND {}".format(*map(write, args))
    if op == "in":
        return f"{write(args[0])} IN ({', '.join(map(write, args[1]))})"
    if op in ("like", "=", "<>", "<", ">", "<=", ">="):
        return f"{write(args[0])} {op} {write(args[1])}"
    return f"{op}({', '.join(map(write, args))})"


def matches(text: str, pattern: str) -> bool:
    """Match LIKE the slow and plain way."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(matches(text[cut:], pattern[1:]) for cut in range(len(text) + 1))
    if pattern[0] == "\\":
        return text[:1] == pattern[1] and matches(text[1:], pattern[2:])
    return bool(text) and pattern[0] in ("_", text[0]) and matches(text[1:], pattern[1:])


COMPARED: dict[str, Callable[..., bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "t_after": lambda a, b: a > b,
    "t_before": lambda a, b: a < b,
    "t_equals": lambda a, b: a == b,
    "t_intersects": lambda a, b: a == b,
    "t_disjoint": lambda a, b: a != b,
    "between": lambda a, low, high: low <= a <= high,
    "like": matches,
}


def value(node: Any, row: Row) -> Any:
    """Give the value of a scalar for a row; None is unknown. Times are texts of one form, which sort as they should."""
    if isinstance(node, dict) and node.get("op") == "casei":
        inner = value(node["args"][0], row)
        return inner if inner is None else inner.lower()
    if isinstance(node, dict):
        return row[node["property"]] if "property" in node else node["timestamp"]
    return node


def truth(node: Any, row: Row) -> bool | None:
    """Tell whether a tree holds for a row, by the three-valued logic of SQL."""
    if isinstance(node, bool):
        return node
    op, args = node["op"], node["args"]
    if op == "not":
        inner = truth(args[0], row)
        return None if inner is None else not inner
    if op in ("and", "or"):
        inner_truths = [truth(arg, row) for arg in args]
        decides: bool = op == "or"
        if decides in inner_truths:
            return bool(decides)
        return None if None in inner_truths else not decides
    if op == "isNull":
        return bool("x" not in row if args[0]["property"] == "geometry" else row[args[0]["property"]] is None)
    if op in ("s_intersects", "s_disjoint"):
        west, _, east, _ = args[1]["bbox"]
        wanted: bool = op == "s_intersects"
        return (west <= row["x"] <= east) is wanted
    if op == "in":
        found, among = value(args[0], row), list(args[1])
        return None if found is None else among.count(found) > 0
    values = [value(arg, row) for arg in args]
    return None if None in values else bool(COMPARED[op](*values))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES)
def test_a_filter_finds_in_postgis_what_it_finds_in_python(session: Session, tree: Any) -> None:
    text = write(tree)
    read = read_text(text)
    expected = [number for number, row in enumerate(ROWS) if truth(tree, row)]
    for form in (read, read_json(orjson.dumps(tree).decode())):
        condition = compile_filter(form, COLUMNS)
        statement = f"select number from {TABLE} where {condition.sql} order by number"
        found = driver_of(session).execute(statement.encode(), condition.parameters).fetchall()
        assert [number for (number,) in found] == expected, text
