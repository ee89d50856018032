"""Clean rows in, the layer's tables brought to them, out: what was new, what changed, what was the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pandas as pd
import psycopg
import shapely
from psycopg import sql
from sqlalchemy.orm import Session

from gridsvc.core.geo import SRID
from gridsvc.exchange.checks import Fault
from gridsvc.exchange.layers import ImportLayer

MERGES = Path(__file__).resolve().parent / "merges"


@dataclass(frozen=True)
class Merged:
    """How many rows were new, changed and the same as before."""

    new: int
    changed: int
    unchanged: int


class Staging:
    """Clean rows, copied into a temporary table `staging` of the caller's transaction."""

    def __init__(self, session: Session, layer: ImportLayer, frame: pd.DataFrame) -> None:
        self._connection = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
        self._layer = layer
        self._rows = len(frame)
        with self._connection.cursor() as cursor:
            _stage(cursor, layer, frame)

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
        self._connection.execute("delete from staging where row = any(%s)", [rows])
        self._rows -= len(rows)

    def rows(self, frame: pd.DataFrame, dropped: Iterable[Fault]) -> pd.DataFrame:
        """Give the clean rows that are still in, for a layer whose domain takes them itself."""
        return frame[~frame["row"].isin([fault.row for fault in dropped])]

    def merge(self, from_: datetime) -> Merged:
        """Bring the rows into the layer's tables by the file `merges/LAYER.sql`; dated rows come into force at `from_`."""
        script = (MERGES / f"{self._layer.name}.sql").read_text(encoding="utf-8")
        with self._connection.cursor() as cursor:
            # One statement a paragraph, the last of which answers the numbers of new and changed rows.
            for statement in script.split(";\n\n"):
                cursor.execute(statement.encode(), {"from": from_})
            new, changed = cast("tuple[int, int]", cursor.fetchone())
        return Merged(new, changed, self._rows - new - changed)


def _dangling(column: str, table: str) -> sql.Composed:
    key = sql.Identifier("code")
    return sql.SQL(
        "select s.row, s.{0} from staging s where s.{0} is not null and not exists"
        " (select from {1} t where t.{2} = s.{0})"
    ).format(sql.Identifier(column), sql.Identifier(table), key)


def _stage(cursor: psycopg.Cursor[Any], layer: ImportLayer, frame: pd.DataFrame) -> None:
    columns: list[tuple[str, str]] = [("row", "integer"), *((one.name, one.kind) for one in layer.fields)]
    if layer.geometry:
        columns.append(("geometry", f"geometry({layer.geometry}, {SRID})"))
    declared = sql.SQL(", ").join(sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in columns)
    # An earlier file of the same transaction has left its temporary tables.
    cursor.execute("discard temp")
    cursor.execute(sql.SQL("create temporary table staging ({}) on commit drop").format(declared))
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    with cursor.copy(sql.SQL("copy staging ({}) from stdin").format(names)) as copy:
        for row in _rows(frame, [name for name, _ in columns]):
            copy.write_row(row)
    cursor.execute("analyze staging")


def _rows(frame: pd.DataFrame, names: list[str]) -> Iterable[tuple[Any, ...]]:
    values = [
        shapely.to_wkb(shapely.set_srid(frame[name].to_numpy(object), SRID), hex=True, include_srid=True)
        if name == "geometry"
        else frame[name].tolist()
        for name in names
    ]
    return zip(*values, strict=True)
