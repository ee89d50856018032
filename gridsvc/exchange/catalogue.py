"""A catalogue file (JSON) in, a new version of the catalogue out; an old version is never touched."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.events import record
from gridsvc.incidents.tables import Catalogue, CatalogueClass, CatalogueCondition

Words = Annotated[str, Field(min_length=1, max_length=500)]


class GivenCondition(BaseModel):
    """A condition of the file."""

    code: Words
    text: Words
    text_en: Words
    closing: Words
    limit: Annotated[int, Field(gt=0, le=10_000)]
    unit: Literal["urgent_hour", "urgent_day", "working_hour", "working_day"]
    department: Words


class GivenClass(BaseModel):
    """A class of the file; its key is its kind and its code."""

    model_config = ConfigDict(populate_by_name=True)

    class_: Annotated[str, Field(alias="class", pattern=r"^(asset|matter):\d{5}$")]
    kind: Literal["asset", "matter"]
    name: Words
    name_en: Words
    conditions: Annotated[list[GivenCondition], Field(min_length=1)]


class GivenCatalogue(BaseModel):
    """A catalogue file."""

    version: Words
    scheme: Words
    classes: Annotated[list[GivenClass], Field(min_length=1)]


def import_catalogue(session: Session, path: Path, *, actor: str) -> tuple[str, int]:
    """Import a catalogue and make it the current one; answer its version and how many conditions it has.

    The same file again changes nothing. Raises Invalid for a file that is no catalogue (naming each place in it), and
    Conflict when the version is held already with other contents.
    """
    given = read_catalogue(path)
    conditions = sum(len(one.conditions) for one in given.classes)
    held = session.get(Catalogue, given.version)
    if held is not None:
        if _contents(session, given.version) != _given_contents(given):
            raise Conflict(f"The catalogue {given.version} is held already with other contents; give it a new version.")
    else:
        _write(session, given)
        record(session, "catalogue.imported", f"catalogue:{given.version}", actor=actor, conditions=conditions)
    session.execute(update(Catalogue).where(Catalogue.current).values(current=False))
    session.execute(update(Catalogue).where(Catalogue.version == given.version).values(current=True))
    return given.version, conditions


def read_catalogue(path: Path) -> GivenCatalogue:
    """Read and check a catalogue file."""
    try:
        given = GivenCatalogue.model_validate(json.loads(path.read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        raise Invalid(f"There is no file {path}.") from None
    except (ValueError, ValidationError) as error:
        faults = (
            "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
            if isinstance(error, ValidationError)
            else str(error)
        )
        raise Invalid(f"{path.name} is not a catalogue: {faults}") from None
    keys = [(one.class_, each.code) for one in given.classes for each in one.conditions]
    twice = sorted({f"{class_} {code}" for class_, code in keys if keys.count((class_, code)) > 1})
    if twice or len({one.class_ for one in given.classes}) != len(given.classes):
        raise Invalid(f"{path.name} names a class or condition twice{': ' + ', '.join(twice) if twice else ''}.")
    wrong = [one.class_ for one in given.classes if one.class_.split(":")[0] != one.kind]
    if wrong:
        raise Invalid(f"{path.name}: the key and the kind of {', '.join(wrong)} do not agree.")
    return given


def _write(session: Session, given: GivenCatalogue) -> None:
    session.add(Catalogue(version=given.version, scheme=given.scheme))
    session.flush()
    for one in given.classes:
        session.add(
            CatalogueClass(version=given.version, class_=one.class_, kind=one.kind, name=one.name, name_en=one.name_en)
        )
    session.flush()
    for one in given.classes:
        for each in one.conditions:
            session.add(
                CatalogueCondition(
                    version=given.version,
                    class_=one.class_,
                    limit_count=each.limit,
                    limit_unit=each.unit,
                    **each.model_dump(exclude={"limit", "unit"}),
                )
            )
    session.flush()


def _contents(session: Session, version: str) -> set[tuple[object, ...]]:
    table = CatalogueCondition
    rows = session.execute(
        select(
            table.class_,
            CatalogueClass.name,
            table.code,
            table.text,
            table.closing,
            table.limit_count,
            table.limit_unit,
            table.department,
        )
        .join(CatalogueClass, (CatalogueClass.version == table.version) & (CatalogueClass.class_ == table.class_))
        .where(table.version == version)
    )
    return {tuple(row) for row in rows}


def _given_contents(given: GivenCatalogue) -> set[tuple[object, ...]]:
    return {
        (one.class_, one.name, each.code, each.text, each.closing, each.limit, each.unit, each.department)
        for one in given.classes
        for each in one.conditions
    }
