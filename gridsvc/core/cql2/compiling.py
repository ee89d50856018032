"""A CQL2 tree and the columns it may speak of in, a condition in SQL out; every value becomes a parameter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gridsvc.core.cql2.limits import DEEPEST_TREE, check_count, check_depth
from gridsvc.core.cql2.moments import RELATIONS, read_moment
from gridsvc.core.cql2.places import read_place, to_parameter
from gridsvc.core.crs import STORED, Reference
from gridsvc.core.errors import Invalid

COMPARISONS = frozenset({"=", "<>", "<", ">", "<=", ">="})
SPATIAL = frozenset(
    f"s_{name}" for name in ("intersects", "equals", "disjoint", "touches", "within", "overlaps", "crosses", "contains")
)
NUMERIC = frozenset({"integer", "number"})
LARGEST = 2**63


@dataclass(frozen=True)
class Column:
    """What a property is: its SQL, and its kind: text, integer, number, boolean, moment or geometry."""

    sql: str
    kind: str


@dataclass(frozen=True)
class Condition:
    """A predicate and the values of its parameters."""

    sql: str
    parameters: dict[str, Any] = field(default_factory=dict)


def compile_filter(tree: Any, columns: Mapping[str, Column], crs: Reference = STORED, name: str = "cql") -> Condition:
    """Write the condition of a tree; geometries in it are in `crs`, parameters are called `name` and a number."""
    writer = _Writer(columns, crs, name)
    return Condition(writer.condition(tree, 0), writer.parameters)


class _Writer:
    """Writes the parts of one condition and collects their parameters."""

    def __init__(self, columns: Mapping[str, Column], crs: Reference, name: str) -> None:
        self._columns = columns
        self._crs = crs
        self._name = name
        self._conditions = 0
        self.parameters: dict[str, Any] = {}

    def condition(self, node: Any, depth: int) -> str:
        """Write a node that is true or false."""
        check_depth(depth, DEEPEST_TREE)
        self._conditions += 1
        check_count(self._conditions)
        if isinstance(node, bool):
            return "true" if node else "false"
        op, args = _operation(node)
        if op in ("and", "or"):
            if len(args) < 2:
                raise Invalid(f"{op} needs at least two conditions.")
            return "(" + f" {op} ".join(self.condition(arg, depth + 1) for arg in args) + ")"
        if op == "not":
            return f"(not {self.condition(_only(op, args, 1)[0], depth + 1)})"
        if op in COMPARISONS:
            return self._comparison(op, _only(op, args, 2))
        if op in SPATIAL:
            return self._spatial(op, _only(op, args, 2))
        if op in RELATIONS:
            return self._temporal(op, _only(op, args, 2))
        writers = {"between": self._between, "like": self._like, "in": self._in, "isNull": self._is_null}
        if op not in writers:
            raise Invalid(f"The filter uses {op[:40]!r}, which is not known here.")
        return writers[op](args)

    def _comparison(self, op: str, args: list[Any]) -> str:
        (left, kind), (right, other) = (self._scalar(arg) for arg in args)
        _same(kind, other)
        if kind == "boolean" and op not in ("=", "<>"):
            raise Invalid("Truth values are only equal or not.")
        return f"({left} {op} {right})"

    def _between(self, args: list[Any]) -> str:
        values = [self._scalar(arg) for arg in _only("between", args, 3)]
        if any(kind not in NUMERIC for _, kind in values):
            raise Invalid("BETWEEN compares numbers.")
        return "({} between {} and {})".format(*(sql for sql, _ in values))

    def _like(self, args: list[Any]) -> str:
        (text, kind), (pattern, other) = (self._scalar(arg) for arg in _only("like", args, 2))
        written = args[1]["args"][0] if isinstance(args[1], dict) and "args" in args[1] else args[1]
        if kind != "text" or other != "text" or not isinstance(written, str):
            raise Invalid("LIKE compares a text with a pattern in quotes.")
        if (len(written) - len(written.rstrip("\\"))) % 2:
            raise Invalid("The pattern of LIKE ends with an escape that escapes nothing.")
        return rf"({text} like {pattern} escape '\')"

    def _in(self, args: list[Any]) -> str:
        node, values = _only("in", args, 2)
        if not isinstance(values, list) or not values:
            raise Invalid("IN needs a list of values.")
        sql, kind = self._scalar(node)
        if not all(isinstance(value, str | int | float) or _names(value, "timestamp", "date") for value in values):
            return "(" + " or ".join(self._comparison("=", [node, value]) for value in values) + ")"
        cast = ""
        plain = []
        for value in values:
            found, of_kind, cast_of = _value(value)
            _same(kind, of_kind)
            plain.append(found)
            cast = "float8" if "float8" in (cast, cast_of) else cast_of
        if cast == "float8":
            plain = [float(number) for number in plain]
        return f"({sql} = any({self._bind(plain, f'{cast}[]')}))"

    def _is_null(self, args: list[Any]) -> str:
        (node,) = _only("isNull", args, 1)
        if _names(node, "property"):
            return f"({self._column(node).sql} is null)"
        return f"({self._scalar(node)[0]} is null)"

    def _spatial(self, op: str, args: list[Any]) -> str:
        shapes = []
        for arg in args:
            if _names(arg, "property"):
                column = self._column(arg)
                if column.kind != "geometry":
                    raise Invalid(f"{op} compares geometries, and {arg['property']!r} is none.")
                shapes.append(column.sql)
                continue
            shape = read_place(arg, self._crs)
            if shape.geom_type == "GeometryCollection" and op not in ("s_intersects", "s_disjoint"):
                raise Invalid(f"{op} is not known of collections of geometries.")
            shapes.append(self._bind(to_parameter(shape), "geometry"))
        asked = f"st_{op.removeprefix('s_')}({shapes[0]}, {shapes[1]})"
        # Said beside it, because below row security an index is asked only what is known to tell nobody else.
        return f"({asked})" if op == "s_disjoint" else f"({shapes[0]} && {shapes[1]} and {asked})"

    def _temporal(self, op: str, args: list[Any]) -> str:
        (a0, a1), (b0, b1) = (self._span(arg) for arg in args)
        return "(" + RELATIONS[op].format(a0=a0, a1=a1, b0=b0, b1=b1) + ")"

    def _span(self, node: Any) -> tuple[str, str]:
        """Write the start and the end of an interval; open ends, also of a thing that still holds, are infinite."""
        if not _names(node, "interval"):
            moment = self._moment(node)
            return moment, moment
        ends = node["interval"]
        if not isinstance(ends, list) or len(ends) != 2:
            raise Invalid("An interval has a start and an end.")
        start, end = (
            f"'{sign}infinity'::timestamptz" if part == ".." else f"coalesce({self._moment(part)}, '{sign}infinity')"
            for part, sign in zip(ends, ("-", ""), strict=True)
        )
        return start, end

    def _moment(self, node: Any) -> str:
        if isinstance(node, str):
            return self._bind(read_moment(node), "timestamptz")
        sql, kind = self._scalar(node)
        if kind != "moment":
            raise Invalid("A relation in time compares times.")
        return sql

    def _scalar(self, node: Any) -> tuple[str, str]:
        """Write a value or a property; answer its SQL and its kind."""
        if _names(node, "property"):
            column = self._column(node)
            if column.kind == "geometry":
                raise Invalid(f"{node['property']!r} is a geometry: compare it with s_intersects and its kin.")
            return column.sql, column.kind
        if isinstance(node, dict) and node.get("op") == "casei":
            sql, kind = self._inner_text(_only("casei", _operation(node)[1], 1)[0])
            if kind != "text":
                raise Invalid("CASEI takes a text.")
            return f"lower({sql})", "text"
        value, kind, cast = _value(node)
        return self._bind(value, cast), kind

    def _inner_text(self, node: Any) -> tuple[str, str]:
        if isinstance(node, dict) and node.get("op") == "casei":
            raise Invalid("CASEI of CASEI says nothing more.")
        return self._scalar(node)

    def _column(self, node: Any) -> Column:
        name = node["property"]
        if not isinstance(name, str) or name not in self._columns:
            raise Invalid(
                f"There is no property {str(name)[:60]!r} to filter by; there are {', '.join(self._columns)}."
            )
        return self._columns[name]

    def _bind(self, value: Any, cast: str) -> str:
        name = f"{self._name}{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s::{cast}"


def _value(node: Any) -> tuple[Any, str, str]:
    """Read a plain value; answer it with its kind and its type in SQL."""
    if isinstance(node, bool):
        return node, "boolean", "bool"
    if isinstance(node, str):
        if "\x00" in node:
            raise Invalid("The filter holds a NUL character, which no text has.")
        return node, "text", "text"
    if isinstance(node, int | float):
        if float(node).is_integer() and abs(node) < LARGEST:
            return int(node), "number", "int8"
        return float(node), "number", "float8"
    for word in ("timestamp", "date"):
        if _names(node, word):
            return read_moment(node[word]), "moment", "timestamptz"
    raise Invalid(f"The filter holds {str(node)[:60]!r} where a value or a property is expected.")


def _operation(node: Any) -> tuple[str, list[Any]]:
    if not isinstance(node, dict) or not isinstance(node.get("op"), str) or not isinstance(node.get("args"), list):
        raise Invalid(f"The filter holds {str(node)[:60]!r} where a condition is expected.")
    return node["op"], node["args"]


def _only(op: str, args: list[Any], count: int) -> list[Any]:
    if len(args) != count:
        raise Invalid(f"{op} takes {count} arguments, not {len(args)}.")
    return args


def _names(node: Any, *words: str) -> bool:
    return isinstance(node, dict) and len(node) == 1 and next(iter(node)) in words


def _same(kind: str, other: str) -> None:
    if kind != other and not {kind, other} <= NUMERIC:
        raise Invalid(f"The filter compares {kind} with {other}.")
