"""A filter as CQL2 text in, the same as a CQL2 JSON tree out.

A parser of its own, in one pass and with a limit on depth: of the libraries, `cql2` hangs on 25 open parentheses and ends
the process on 2,000 of them, and `pygeofilter` does not know a property of one letter.
"""

import re
import warnings
from collections.abc import Callable
from typing import Any

import orjson
import shapely

from gridsvc.core.cql2.limits import check_count, check_depth, check_length
from gridsvc.core.cql2.tokens import Token, split
from gridsvc.core.errors import Invalid

Node = Any
"""A CQL2 JSON tree: objects with `op` and `args`, `property`, `timestamp`, …, or a plain value."""

COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
SPATIAL = tuple(
    f"S_{name}" for name in ("INTERSECTS", "EQUALS", "DISJOINT", "TOUCHES", "WITHIN", "OVERLAPS", "CROSSES", "CONTAINS")
)
TEMPORAL = {
    f"T_{name.upper()}": f"t_{name}"
    for name in (
        *("after", "before", "contains", "disjoint", "during", "equals", "finishedBy", "finishes", "intersects"),
        *("meets", "metBy", "overlappedBy", "overlaps", "startedBy", "starts"),
    )
}
SHAPES = ("POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION")


def read_text(text: str) -> Node:
    """Read a filter as CQL2 text; raise Invalid with the place of the first fault."""
    check_length(text)
    return _Reader(text).whole()


class _Reader:
    """Reads tokens from left to right; each method reads one rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._coming = split(text)
        self._tokens: list[Token] = []
        self._at = 0
        self._conditions = 0

    def whole(self) -> Node:
        tree = self._either(0)
        if self._now.kind != "end":
            raise self._fault("the end of the filter")
        return tree

    @property
    def _now(self) -> Token:
        return self._token(self._at)

    def _token(self, number: int) -> Token:
        """Give a token, cutting only as much of the text as is needed: a bomb is refused long before its end."""
        while len(self._tokens) <= number:
            self._tokens.append(next(self._coming))
        return self._tokens[number]

    def _ahead(self) -> Token:
        return self._now if self._now.kind == "end" else self._token(self._at + 1)

    def _took(self, *words: str) -> bool:
        """Step over one of some keywords or signs, if it is there."""
        if self._now.says(*words):
            self._at += 1
            return True
        return False

    def _take(self, word: str) -> None:
        if not self._took(word):
            raise self._fault(word)

    def _next(self) -> Token:
        token = self._now
        self._at += token.kind != "end"
        return token

    def _fault(self, expected: str) -> Invalid:
        found = repr(self._now.text[:20]) if self._now.text else "its end"
        return Invalid(
            f"The filter cannot be read at character {self._now.start + 1}: {expected} is expected, not {found}."
        )

    def _either(self, depth: int) -> Node:
        return self._joined("OR", lambda: self._joined("AND", lambda: self._one(depth)))

    def _joined(self, word: str, read: Callable[[], Node]) -> Node:
        parts = [read()]
        while self._took(word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else {"op": word.lower(), "args": parts}

    def _one(self, depth: int) -> Node:
        check_depth(depth)
        self._conditions += 1
        check_count(self._conditions)
        if self._took("NOT"):
            return {"op": "not", "args": [self._one(depth + 1)]}
        if self._took("("):
            inner = self._either(depth + 1)
            self._take(")")
            return inner
        ahead = self._ahead()
        if self._now.says("TRUE", "FALSE") and not ahead.says(*COMPARISONS):
            return self._next().text.upper() == "TRUE"
        if self._now.says(*SPATIAL):
            return self._call(self._next().text.lower(), self._place)
        if self._now.says(*TEMPORAL):
            return self._call(TEMPORAL[self._next().text.upper()], self._moment)
        return self._comparison(depth)

    def _call(self, op: str, read: Callable[[], Node]) -> Node:
        self._take("(")
        first = read()
        self._take(",")
        second = read()
        self._take(")")
        return {"op": op, "args": [first, second]}

    def _comparison(self, depth: int) -> Node:
        left = self._scalar(depth)
        if self._now.says(*COMPARISONS):
            return {"op": self._next().text, "args": [left, self._scalar(depth)]}
        if self._took("IS"):
            negated = self._took("NOT")
            self._take("NULL")
            return _perhaps_not({"op": "isNull", "args": [left]}, negated=negated)
        negated = self._took("NOT")
        if self._took("LIKE"):
            return _perhaps_not({"op": "like", "args": [left, self._scalar(depth)]}, negated=negated)
        if self._took("BETWEEN"):
            low = self._scalar(depth)
            self._take("AND")
            return _perhaps_not({"op": "between", "args": [left, low, self._scalar(depth)]}, negated=negated)
        if self._took("IN"):
            self._take("(")
            values = [self._scalar(depth)]
            while self._took(","):
                values.append(self._scalar(depth))
            self._take(")")
            return _perhaps_not({"op": "in", "args": [left, values]}, negated=negated)
        raise self._fault("a comparison (=, <>, <, >, <=, >=, LIKE, BETWEEN, IN, IS NULL)")

    def _scalar(self, depth: int) -> Node:
        check_depth(depth)
        token = self._now
        if token.kind == "text":
            return _unquote(self._next().text)
        if token.kind == "number":
            return _number(self._next().text)
        if token.says("TRUE", "FALSE"):
            return self._next().text.upper() == "TRUE"
        if token.says("TIMESTAMP", "DATE", "INTERVAL"):
            return self._moment()
        if self._took("CASEI"):
            self._take("(")
            inner = self._scalar(depth + 1)
            self._take(")")
            return {"op": "casei", "args": [inner]}
        return self._property()

    def _property(self) -> Node:
        token = self._now
        ahead = self._ahead()
        if token.kind == "name":
            self._at += 1
            return {"property": token.text[1:-1].replace('""', '"')}
        if token.kind != "word" or token.says("AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL"):
            raise self._fault("a property or a value")
        if ahead.says("("):
            raise Invalid(f"The filter uses a function {token.text[:40]!r} that is not known here.")
        self._at += 1
        return {"property": token.text}

    def _moment(self) -> Node:
        word = self._now.text.lower()
        if self._took("TIMESTAMP", "DATE"):
            self._take("(")
            value = self._literal()
            self._take(")")
            return {word: value}
        if self._took("INTERVAL"):
            self._take("(")
            ends = [self._end()]
            self._take(",")
            ends.append(self._end())
            self._take(")")
            return {"interval": ends}
        return self._property()

    def _end(self) -> Node:
        return self._literal() if self._now.kind == "text" else self._moment()

    def _literal(self) -> str:
        if self._now.kind != "text":
            raise self._fault("a text in quotes")
        return _unquote(self._next().text)

    def _place(self) -> Node:
        if self._took("BBOX"):
            self._take("(")
            numbers = [self._numeral()]
            while self._took(","):
                numbers.append(self._numeral())
            self._take(")")
            return {"bbox": numbers}
        if self._now.says(*SHAPES):
            return self._shape()
        return self._property()

    def _numeral(self) -> float | int:
        if self._now.kind != "number":
            raise self._fault("a number")
        return _number(self._next().text)

    def _shape(self) -> Node:
        """Read WKT up to its last parenthesis, and give it as GeoJSON."""
        start, depth = self._next().start, 0
        while self._now.kind != "end":
            depth += self._now.says("(") - self._now.says(")")
            check_depth(depth)
            self._at += 1
            if depth == 0 and self._tokens[self._at - 1].says(")"):
                break
        wkt = self._text[start : self._tokens[self._at - 1].end]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                return orjson.loads(shapely.to_geojson(shapely.from_wkt(wkt)))
        except (shapely.errors.ShapelyError, ValueError, TypeError):
            raise Invalid(
                f"The geometry at character {start + 1} of the filter cannot be read: {wkt[:60]!r}."
            ) from None


def _perhaps_not(node: Node, *, negated: bool) -> Node:
    return {"op": "not", "args": [node]} if negated else node


def _unquote(text: str) -> str:
    return re.sub(r"''|\\'", "'", text[1:-1])


def _number(text: str) -> float | int:
    return int(text) if len(text) < 19 and text.lstrip("+-").isdecimal() else float(text)
