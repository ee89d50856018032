"""The staged rows of a file and the layer's table in, what an import of them would change out, with a few examples."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of

EXAMPLES = 5


@dataclass(frozen=True)
class Some:
    """How many things there are, and the first of them by code."""

    count: int
    examples: tuple[str, ...]

    @classmethod
    def of(cls, codes: Iterable[str]) -> "Some":
        """Count codes and keep the first."""
        ordered = sorted(codes)
        return cls(len(ordered), tuple(ordered[:EXAMPLES]))

    def __str__(self) -> str:
        """Write `7 (a, b, c, d, e, …)`."""
        more = ", …" if self.count > len(self.examples) else ""
        return f"{self.count} ({', '.join(self.examples)}{more})" if self.count else "0"


@dataclass(frozen=True)
class Preview:
    """What an import changes. `missing` is held inside the scope of the file and not in it; `scope` says that scope."""

    new: Some
    changed: Some
    unchanged: Some
    missing: Some
    scope: str


class _Held(NamedTuple):
    """How the rows of a layer are known: the table, what a row is called, and when a staged row is the same thing."""

    table: str
    label: str
    same: str


HELD = {
    **{
        layer: _Held(table, "t.code", "s.code = t.code")
        for layer, table in (
            ("divisions", "division"),
            ("buildings", "building"),
            ("streets", "street"),
            ("assets", "asset"),
            ("workers", "worker"),
        )
    },
    "routes": _Held("route", "t.id", "s.code = t.id"),
    "incidents": _Held("incident", "t.number", "s.number = t.number"),
    "posts": _Held(
        "post",
        "t.grid || ' ' || t.worker || ' ' || t.role || to_char(lower(t.valid), ' YYYY-MM-DD HH24:MI')",
        "(s.grid, s.worker, s.role, s.valid_from) = (t.grid, t.worker, t.role, lower(t.valid))",
    ),
}


class Watch:
    """Looks at a layer's table before its rows are merged, and tells afterwards what became of it."""

    def __init__(self, session: Session, layer: str) -> None:
        """Remember where every row of the table is; to be called when the rows of the file are staged."""
        self._layer = layer
        self._held = HELD[layer]
        self._connection: psycopg.Connection[Any] = driver_of(session)
        # A row that is changed is written anew, at another place in the table: no column has to be compared.
        statement = "create temporary table held_before on commit drop as select t.ctid as place, {} as label from {} t"
        self._connection.execute(sql.SQL(statement).format(self._label, sql.Identifier(self._held.table)))
        self._connection.execute("analyze held_before")

    @property
    def _label(self) -> sql.SQL:
        return sql.SQL(self._held.label)

    def preview(self) -> Preview:
        """Say what the merge has changed."""
        table, same = sql.Identifier(self._held.table), sql.SQL(self._held.same)
        moved = sql.SQL(
            "select {label} as label, b.label is null as new from {table} t"
            " left join held_before at on at.place = t.ctid left join (select distinct label from held_before) b"
            " on b.label = {label} where at.place is null"
        ).format(label=self._label, table=table)
        missing = sql.SQL(
            "select b.label from held_before b join {table} t on t.ctid = b.place"
            " where not exists (select from staging s where {same})"
        ).format(table=table, same=same)
        unchanged = sql.SQL(
            "select b.label from held_before b join {table} t on t.ctid = b.place"
            " where exists (select from staging s where {same})"
        ).format(table=table, same=same)
        return Preview(
            new=self._some(sql.SQL("select label from ({}) m where new").format(moved)),
            changed=self._some(sql.SQL("select label from ({}) m where not new").format(moved)),
            unchanged=self._some(unchanged),
            missing=self._some(missing),
            scope=f"all {self._layer} held",
        )

    def _some(self, found: sql.Composed) -> Some:
        statement = sql.SQL("select count(*), (array_agg(label order by label))[1:{}] from ({}) f")
        row = self._connection.execute(statement.format(sql.Literal(EXAMPLES), found)).fetchone()
        count, examples = row or (0, None)
        return Some(count, tuple(examples or ()))
