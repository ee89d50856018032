"""A catalogue file (XLSX, CSV or JSON) in, a new version of the catalogue out; an old version is never touched.

Every form of the file becomes the same rows, one for each filing condition, and every row is checked by one table.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.events import record
from gridsvc.exchange.checks import Fault, check_rows
from gridsvc.exchange.formats.columns import renamed
from gridsvc.exchange.formats.reading import read_file
from gridsvc.exchange.imports import Refused
from gridsvc.exchange.layers import NAME, Field, ImportLayer
from gridsvc.exchange.standards.limits import read_limit
from gridsvc.incidents.tables import Catalogue, CatalogueClass, CatalogueCondition

LAYER = ImportLayer(
    "catalogue",
    (
        Field("version", also=("目录版本", "版本"), required=True),
        Field("scheme", also=("标准", "编码标准"), required=True),
        Field("kind", also=("类型",), required=True, choices={"asset": ("部件",), "matter": ("事项", "事件")}),
        Field("class_code", also=("小类代码", "类别代码", "代码", "code"), required=True, pattern=r"\d{5}"),
        Field("major", also=("大类",), default=""),
        Field("minor", also=("小类",), default=""),
        Field("name", also=("类别名称", *NAME)),
        Field("name_en", also=("类别英文名称",)),
        Field("radius_m", "double precision", also=("重复半径", "重复半径（米）"), default=30.0),
        Field("condition", also=("条件代码", "立案条件代码"), required=True),
        Field("text", also=("立案条件",), required=True),
        Field("text_en", also=("立案条件英文",)),
        Field("closing", also=("结案条件",), required=True),
        Field("limit", also=("处置时限", "时限"), required=True),
        Field("unit", also=("时限单位", "计时单位")),
        Field("department", also=("处置部门", "责任部门"), required=True),
        Field("evidence", also=("举证", "取证要求"), default=""),
    ),
)
"""What a row of a catalogue says. The names of a class stand in each of its rows, as spreadsheets have it."""

OF_CLASS = ("kind", "class_code", "major", "minor", "name", "name_en", "radius_m")
EVIDENCE = {"before": "before", "after": "after", "前": "before", "后": "after", "处置前": "before", "处置后": "after"}
MOST_RADIUS_M = 1000
LONGEST = 500

Row = Mapping[str, Any]


@dataclass(frozen=True)
class GivenCatalogue:
    """A catalogue file, checked: its version and scheme, the classes by key, and the conditions."""

    version: str
    scheme: str
    classes: list[dict[str, Any]]
    conditions: list[dict[str, Any]]
    source: str = ""


def import_catalogue(
    session: Session, path: Path, *, actor: str, constants: Mapping[str, str] | None = None
) -> tuple[str, int]:
    """Import a catalogue and make it the current one; answer its version and how many conditions it has.

    The same file again changes nothing. `constants` are values for columns the file does not have (its version and
    scheme). Raises Refused with every row that cannot be taken, Invalid for a file that is no catalogue, and Conflict
    when the version is held already with other contents.
    """
    given = read_catalogue(path, constants or {})
    held = session.get(Catalogue, given.version)
    if held is not None:
        if _held(session, given.version) != (given.scheme, given.classes, given.conditions):
            raise Conflict(f"The catalogue {given.version} is held already with other contents; give it a new version.")
    else:
        _write(session, given, actor)
        record(
            session, "catalogue.imported", f"catalogue:{given.version}", actor=actor, conditions=len(given.conditions)
        )
    session.execute(update(Catalogue).where(Catalogue.current).values(current=False))
    session.execute(update(Catalogue).where(Catalogue.version == given.version).values(current=True))
    return given.version, len(given.conditions)


def read_catalogue(path: Path, constants: Mapping[str, str]) -> GivenCatalogue:
    """Read and check a catalogue file, whatever its form."""
    frame = _rows_of_json(path) if path.name.lower().endswith(".json") else _rows_of_table(path)
    frame = frame.assign(**{name: value for name, value in constants.items() if name not in frame})
    checked = check_rows(frame, LAYER, ZoneInfo("UTC"))
    faults = {fault.row: fault.reason for fault in checked.faults}
    rows: list[dict[str, Any]] = checked.table.to_pylist()
    classes: dict[str, dict[str, Any]] = {}
    conditions: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        fault = _take(row, classes, conditions)
        if fault:
            faults[row["row"]] = fault
    if faults:
        raise Refused(path.name, [Fault(row, faults[row]) for row in sorted(faults)], len(frame))
    told = {(row["version"], row["scheme"]) for row in rows}
    if len(told) != 1:
        raise Invalid(f"{path.name} must be of one version and one scheme in all its rows.")
    version, scheme = told.pop()
    source = f"{path.name} sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    in_order = sorted(conditions)
    return GivenCatalogue(
        version, scheme, [classes[key] for key in sorted(classes)], [conditions[key] for key in in_order], source
    )


def _take(
    row: Row, classes: dict[str, dict[str, Any]], conditions: dict[tuple[str, str], dict[str, Any]]
) -> str | None:
    """Put a row to its class and condition; answer why it cannot be."""
    limit = read_limit(row["limit"], row["unit"])
    if isinstance(limit, str):
        return limit
    evidence = [EVIDENCE.get(word) for word in row["evidence"].replace("，", ",").replace("、", ",").split(",") if word]
    if None in evidence:
        return f"the evidence {row['evidence']!r} must be before, after or both"
    if not 0 <= row["radius_m"] <= MOST_RADIUS_M:
        return f"the duplicate radius must be 0 to {MOST_RADIUS_M} m, not {row['radius_m']:g}"
    if long := [name for name, value in row.items() if isinstance(value, str) and len(value) > LONGEST]:
        return f"{long[0]} is longer than {LONGEST} characters"
    name = row["name"] or row["minor"]
    if not name:
        return "the class has no name"
    key = f"{row['kind']}:{row['class_code']}"
    own = {
        "class_": key,
        "kind": row["kind"],
        "name": name,
        "name_en": row["name_en"] or name,
        "major": row["major"],
        "minor": row["minor"] or name,
        "radius_m": row["radius_m"],
    }
    if classes.setdefault(key, own) != own:
        return f"the class {key} is described differently in another row"
    if (key, row["condition"]) in conditions:
        return f"the condition {row['condition']} of class {key} is there twice"
    conditions[key, row["condition"]] = {
        "class_": key,
        "code": row["condition"],
        "text": row["text"],
        "text_en": row["text_en"] or row["text"],
        "closing": row["closing"],
        "limit_count": limit[0],
        "limit_unit": limit[1],
        "department": row["department"],
        "evidence": sorted({str(one) for one in evidence}),
    }
    return None


def _rows_of_table(path: Path) -> pd.DataFrame:
    frame = read_file(path, LAYER, "auto").frame
    return renamed(frame, {}, LAYER, path.name)


def _rows_of_json(path: Path) -> pd.DataFrame:
    """Flatten a JSON catalogue (classes with their conditions) to rows."""
    try:
        given = json.loads(path.read_text(encoding="utf-8-sig"))
        head = {"version": given.get("version"), "scheme": given.get("scheme")}
        rows: list[dict[str, Any]] = []
        for one in given["classes"]:
            kind, _, code = str(one["class"]).partition(":")
            if kind != one["kind"]:
                raise Invalid(f"{path.name}: the key {one['class']} and the kind {one['kind']} do not agree.")
            own = {**head, **{name: one.get(name) for name in OF_CLASS}, "class_code": code}
            for each in one.get("conditions") or [{}]:
                said = {**each, "condition": each.get("code"), "evidence": ",".join(each.get("evidence", []))}
                rows.append({**own, **{name: said.get(name) for name in OF_CONDITION}})
    except FileNotFoundError:
        raise Invalid(f"There is no file {path}.") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Invalid(f"{path.name} is not a catalogue: {type(error).__name__} {error}") from None
    if not rows:
        raise Invalid(f"{path.name} is not a catalogue: it has no classes.")
    frame = pd.DataFrame(rows, dtype=object)
    return frame.assign(row=range(1, len(frame) + 1))


OF_CONDITION = tuple(field.name for field in LAYER.fields if field.name not in (*OF_CLASS, "version", "scheme"))


def _write(session: Session, given: GivenCatalogue, actor: str) -> None:
    session.execute(
        insert(Catalogue).values(version=given.version, scheme=given.scheme, source=given.source, imported_by=actor)
    )
    session.execute(insert(CatalogueClass), [{"version": given.version, **one} for one in given.classes])
    session.execute(insert(CatalogueCondition), [{"version": given.version, **one} for one in given.conditions])


def _held(session: Session, version: str) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """Read what is held of a version, in the form in which a file is given."""
    scheme = session.scalar(select(Catalogue.scheme).where(Catalogue.version == version)) or ""
    return scheme, _rows_held(session, CatalogueClass, version), _rows_held(session, CatalogueCondition, version)


def _rows_held(
    session: Session, table: type[CatalogueClass | CatalogueCondition], version: str
) -> list[dict[str, Any]]:
    columns = [attribute for attribute in table.__mapper__.column_attrs if attribute.key != "version"]
    found = session.execute(
        select(*(getattr(table, attribute.key).label(attribute.key) for attribute in columns))
        .where(table.version == version)
        .order_by(*table.__table__.primary_key)
    )
    return [dict(row) for row in found.mappings()]
