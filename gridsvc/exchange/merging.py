"""Clean rows in, the layer's tables brought to them, out: what was new, what changed, what was the same.

Rows go by a temporary table, where they are compared with what is held (`Staging`). Where nothing is held there is
nothing to compare, and the rows of a layer that stand in its table as they are go straight there (`Straight`).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pandas as pd
import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.errors import IntegrityError, LockNotAvailable, UniqueViolation
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.geo import SRID
from gridsvc.exchange.checks import Fault
from gridsvc.exchange.formats.pgcopy import HEAD, TAIL, encode
from gridsvc.exchange.layers import ImportLayer

MERGES = Path(__file__).resolve().parent / "merges"
COPY_ROWS = 10_000
"""So many rows are written at once: enough to be quick, and few enough to be a few megabytes."""

MANY_ROWS = 20_000
"""From here on making the indexes of an empty table afterwards is worth its lock."""

UNCOMPRESSED = """
    select set_config('wal_compression', 'off', true) where has_parameter_privilege('wal_compression', 'set')
"""
FILLED = "building"
"""The table whose triggers rest while it is filled (`fill_begins`, migrations/sql/20261127_fresh.sql)."""
OWNED = sql.SQL("select from pg_class where oid = %s::regclass and pg_has_role(relowner, 'USAGE')")
# PostgreSQL copies into no table whose policies bind the one who does so: an owner who is no superuser.
BOUND = sql.SQL("select where row_security_active(%s::regclass)")
INDEXES = sql.SQL("""
    select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
    from pg_index i
    where i.indrelid = %s::regclass and not (i.indisunique or i.indisexclusion or i.indisreplident or i.indisclustered)
        and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
    order by i.indexrelid
""")
ASKED = sql.SQL("""
    select conname, case contype when 'p' then pg_get_constraintdef(oid) else 'check (st_isvalid(geometry)) not valid' end
    from pg_constraint
    where conrelid = %s::regclass
        and (pg_get_constraintdef(oid) like 'CHECK (st_isvalid(geometry))%%' or conname = 'pk_building')
""")
"""The constraints whose word every row has given before it comes: its shape is valid, its code is its own."""


@dataclass(frozen=True)
class Merged:
    """How many rows were new, changed and the same as before."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Merged") -> "Merged":
        """Add what another piece of the same file did."""
        return Merged(self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged)


@dataclass(frozen=True)
class Copied:
    """So many rows as PostgreSQL copies them, in pieces of a few megabytes."""

    rows: int = 0
    pieces: list[bytes | memoryview] = field(default_factory=list)


@dataclass(frozen=True)
class Ready:
    """Whether a table holds nothing and may be copied into (`empty`), and whether its key is made last (`keyless`).

    Such a table was made new in this transaction (`fill_begins`): its rows are written as settled, and nobody need mark
    them so later.
    """

    empty: bool = False
    keyless: bool = False


class Staging:
    """A temporary table `staging` of the caller's transaction, for the clean rows of a file or of a piece of it."""

    def __init__(self, session: Session, layer: ImportLayer, *, empty: bool = False) -> None:
        """Make the table; `empty` says that the layer's own table holds nothing but what this import has added."""
        self._connection: psycopg.Connection[Any] = driver_of(session)
        self._layer = layer
        self._empty = empty
        self._rows = 0
        self._kinds: dict[str, str] = {"row": "integer"} | {one.name: one.kind for one in layer.fields}
        columns = dict(self._kinds)
        if layer.geometry:
            columns["geometry"] = f"geometry({layer.geometry}, {SRID})"
            self._kinds["geometry"] = "geometry"
        declared = [sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in columns.items()]
        # An earlier file of the same transaction has left its temporary tables.
        self._connection.execute("discard temp")
        self._connection.execute(
            sql.SQL("create temporary table staging ({}) on commit drop").format(sql.SQL(", ").join(declared))
        )

    def written(self, table: pa.Table) -> Copied:
        """Write rows as they are copied; any thread may."""
        pieces = [encode(table.slice(begin, COPY_ROWS), self._kinds) for begin in range(0, len(table), COPY_ROWS)]
        return Copied(len(table), [HEAD, *pieces, TAIL])

    def fill(self, copied: Copied) -> None:
        """Hold these rows, and no others any more."""
        first = not self._rows
        self._rows = copied.rows
        self._connection.execute("truncate staging")
        _copy(self._connection, "staging", copied, self._kinds)
        if first and not self._empty:
            # Later pieces are like the first, and where nothing is held there is nothing to plan.
            self._connection.execute("analyze staging")

    def faults(self) -> list[Fault]:
        """Find the rows that contradict what the database holds: by the layer's references, and by its own check."""
        found: dict[int, str] = {}
        with self._connection.cursor() as cursor:
            for one in self._layer.fields:
                if one.refers_to:
                    cursor.execute(_dangling(one.name, one.refers_to))
                    found.update({row: f"there is no {one.refers_to} {key}" for row, key in cursor})
            own = MERGES / f"{self._layer.name}.check.sql"
            if own.is_file():
                cursor.execute(own.read_bytes())
                found.update({row: reason for row, reason in cursor if row not in found})
        return [Fault(row, found[row]) for row in sorted(found)]

    def drop(self, faults: Iterable[Fault]) -> None:
        """Take rows out again."""
        rows = [fault.row for fault in faults]
        if rows:
            self._connection.execute("delete from staging where row = any(%s)", [rows])
            self._rows -= len(rows)

    def rows(self, frame: pd.DataFrame, dropped: Iterable[Fault]) -> pd.DataFrame:
        """Give the clean rows that are still in, for a layer whose domain takes them itself."""
        return frame[~frame["row"].isin([fault.row for fault in dropped])]

    def merge(self, from_: datetime) -> Merged:
        """Bring the rows into the layer's tables by the file `merges/LAYER.sql`; dated rows come into force at `from_`.

        Raises Conflict when somebody else has added one of the rows meanwhile, and Invalid when a row breaks a rule
        that only the table itself knows; the caller's savepoint must then be rolled back.
        """
        script = (MERGES / f"{self._layer.name}.sql").read_text(encoding="utf-8")
        counts = {"INSERT": 0, "UPDATE": 0}
        with _told(self._layer), self._connection.cursor() as cursor:
            # One statement a paragraph. The last answers the numbers of new and changed rows, where these are not
            # simply what the statements have inserted and updated.
            for statement in script.split(";\n\n"):
                cursor.execute(statement.encode(), {"from": from_, "empty": self._empty})
                counts[str(cursor.statusmessage).split()[0]] = cursor.rowcount
            told = cursor.fetchone() if cursor.description else (counts["INSERT"], counts["UPDATE"])
            new, changed = cast("tuple[int, int]", told)
        return Merged(new, changed, self._rows - new - changed)


class Straight(Staging):
    """The layer's own table, which held nothing before this import, for clean rows that are its rows as they stand."""

    def __init__(self, session: Session, layer: ImportLayer, *, fresh: bool) -> None:
        """Take the connection of the caller's transaction; `fresh` says that the table was made new by it."""
        self._connection = driver_of(session)
        self._fresh = fresh
        self._layer = layer
        self._kinds = {one.name: one.kind for one in layer.fields} | (
            {"geometry": "geometry"} if layer.geometry else {}
        )

    def fill(self, copied: Copied) -> None:
        """Hold these rows, and no others any more."""
        self._copied = copied

    def faults(self) -> list[Fault]:
        """Find nothing: such a layer refers to nothing, and there is nothing that it could contradict."""
        return []

    def merge(self, from_: datetime) -> Merged:  # noqa: ARG002 - they hold since the transaction says so
        """Write the rows into the table; raises as `Staging.merge` does."""
        with _told(self._layer):
            _copy(self._connection, str(self._layer.table), self._copied, self._kinds, freeze=self._fresh)
        return Merged(new=self._copied.rows)


@contextmanager
def indexes_last(session: Session, table: str | None, rows: int) -> Iterator[Ready]:
    """Tell whether a table is there, empty and may be copied into; if so, its indexes wait for many rows that are to come.

    An index made over all rows takes a fifth of the time of one that grows row by row; so does the key of buildings, to
    which nothing refers. Other constraints and triggers hold for every row as ever, but that a shape is valid has been
    asked of every row, and PostgreSQL asks it again when the map is derived; and what the triggers of buildings do for
    the rows of a statement is done once for all (`fill_ends`). It is all one transaction, so nobody ever sees the table
    without them; but from here to its end the table, in which there is nothing to read, is locked against everybody.
    Where that lock is not to be had at once, the table is not ours, or somebody has written into it before we had it, the
    rows come in without. An error leaves the indexes to the caller's savepoint.
    """
    connection = driver_of(session)
    name = sql.Identifier(table or "")
    if table is None or _any(connection, BOUND, [table]) or _any(connection, sql.SQL("select from {}").format(name)):
        yield Ready()
        return
    later: list[str] = []
    keyless = False
    if rows >= MANY_ROWS and _any(connection, OWNED, [table]) and _locked_empty(connection, name):
        for index, definition in connection.execute(INDEXES, [table]).fetchall():
            connection.execute(f"drop index {index}".encode())
            later.append(definition)
        for constraint, definition in connection.execute(ASKED, [table]).fetchall():
            connection.execute(f"alter table {table} drop constraint {constraint}".encode())
            later.append(f"alter table {table} add constraint {constraint} {definition}")
            keyless |= definition.startswith("PRIMARY KEY")
        # Pages of a new index are all written to the log whole; to compress them takes longer than to make them.
        connection.execute(UNCOMPRESSED)
        if table == FILLED:
            connection.execute("select fill_begins()")
            later.append("select fill_ends()")
    yield Ready(empty=True, keyless=keyless)
    for definition in later:
        connection.execute(definition.encode())


def _copy(
    connection: psycopg.Connection[Any], target: str, copied: Copied, kinds: dict[str, str], *, freeze: bool = False
) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, kinds))
    how = sql.SQL("format binary, freeze true" if freeze else "format binary")
    command = sql.SQL("copy {} ({}) from stdin ({})").format(sql.Identifier(target), names, how)
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for piece in copied.pieces:
            copy.write(piece)


@contextmanager
def _told(layer: ImportLayer) -> Iterator[None]:
    """Turn what the database refuses into a sentence."""
    try:
        yield
    except UniqueViolation as error:
        raise Conflict(f"Somebody else is writing the same {layer.name}: {_first_line(error)}.") from None
    except IntegrityError as error:
        raise Invalid(f"The {layer.name} cannot be taken: {_first_line(error)}.") from None


def _any(connection: psycopg.Connection[Any], query: sql.Composable, values: list[str] | None = None) -> bool:
    row = connection.execute(sql.SQL("select exists ({})").format(query), values).fetchone()
    return bool(row and row[0])


def _locked_empty(connection: psycopg.Connection[Any], table: sql.Identifier) -> bool:
    """Lock a table that holds nothing: what others wrote until then shows only now, and must not be taken for nothing."""
    empty = False
    try:
        with connection.transaction() as savepoint:
            connection.execute(sql.SQL("lock table {} in access exclusive mode nowait").format(table))
            empty = not _any(connection, sql.SQL("select from {}").format(table))
            if not empty:
                raise psycopg.Rollback(savepoint)  # gives the lock back
    except LockNotAvailable:
        return False
    return empty


def _dangling(column: str, table: str) -> sql.Composed:
    key = sql.Identifier("code")
    return sql.SQL(
        "select s.row, s.{0} from staging s where s.{0} is not null and not exists"
        " (select from {1} t where t.{2} = s.{0})"
    ).format(sql.Identifier(column), sql.Identifier(table), key)


def _first_line(error: psycopg.Error) -> str:
    return str(error).splitlines()[0]
