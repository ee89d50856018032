"""A report in, an incident with a number, an owner and an event out; all of it in the caller's transaction."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from geoalchemy2 import WKTElement
from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from gridsvc.core.browse import item_sql
from gridsvc.core.errors import Invalid, Unavailable
from gridsvc.core.events import record
from gridsvc.core.geo import SRID, snap_numbers
from gridsvc.core.settings import settings
from gridsvc.incidents.layers import INCIDENTS
from gridsvc.incidents.schemas import Report
from gridsvc.incidents.tables import Catalogue, CatalogueCondition, Incident
from gridsvc.territory.locate import locate
from gridsvc.territory.schemas import Place
from gridsvc.territory.tables import Asset, Building
from gridsvc.workforce.duty import responsible_for


def report(session: Session, given: Report, *, actor: str, now: datetime) -> dict[str, Any]:
    """Take in a report; answer the incident as others read it.

    Never refused for its place: outside every community it goes to the fallback queue. Raises Invalid for an unknown
    class, condition, asset or address, or when it is not said where.
    """
    condition = _condition(session, given.class_, given.condition)
    place = _place(session, given)
    located = locate(session, place.lon, place.lat, now, place.accuracy_m)
    lon, lat = snap_numbers([place.lon, place.lat])
    incident = Incident(
        catalogue=condition.version,
        class_=given.class_,
        condition=given.condition,
        status="reported",
        source=given.source,
        text=given.text,
        accuracy_m=place.accuracy_m,
        rule=located.rule,
        community=located.community,
        grid=located.grid,
        grid_version=located.grid_version,
        queue=settings().fallback_queue if located.community is None else None,
        responsible=responsible_for(session, located.grid, now) if located.grid else None,
        department=condition.department,
        reported_at=now,
        geometry=WKTElement(f"POINT({lon!s} {lat!s})", srid=SRID),
        # Last, because its row lock makes every other report of the day wait until this one is committed.
        number=next_number(session, now.astimezone(ZoneInfo(settings().timezone)).date()),
    )
    session.add(incident)
    session.flush()
    record(
        session,
        "incident.reported",
        f"incident:{incident.id}",
        actor=actor,
        community=incident.community,
        grid=incident.grid,
        number=incident.number,
        rule=incident.rule,
        responsible=incident.responsible,
        queue=incident.queue,
    )
    return read_incident(session, incident.id)


def next_number(session: Session, day: date) -> str:
    """Give the next number of an office day, as YYYYMMDD-NNNNNN; each is given once, whoever asks at the same time."""
    last = session.scalar(
        text(
            "insert into incident_day (day, last) values (:day, 1)"
            " on conflict (day) do update set last = incident_day.last + 1 returning last"
        ),
        {"day": day},
    )
    return f"{day:%Y%m%d}-{last:06d}"


def read_incident(session: Session, incident: int) -> dict[str, Any]:
    """Read an incident inside the running transaction, in the shape the API answers."""
    answer: dict[str, Any] = session.scalar(
        text("select (" + item_sql(INCIDENTS).replace("%(key)s", ":key") + ")::jsonb"), {"key": incident}
    )
    return answer


def _condition(session: Session, class_: str, condition: str) -> CatalogueCondition:
    version = session.scalar(select(Catalogue.version).where(Catalogue.current))
    if version is None:
        raise Unavailable("There is no catalogue yet: import one with `gridsvc import catalogue FILE`.")
    found = session.get(CatalogueCondition, (version, class_, condition))
    if found is None:
        raise Invalid(f"The catalogue {version} has no condition {condition!r} of class {class_!r}.")
    return found


def _place(session: Session, given: Report) -> Place:
    if given.place:
        return given.place
    if given.asset:
        found = session.execute(
            select(func.st_x(Asset.geometry), func.st_y(Asset.geometry)).where(Asset.code == given.asset)
        ).first()
        if found is None:
            raise Invalid(f"There is no asset {given.asset!r}.")
        return Place(lon=found[0], lat=found[1])
    if given.address:
        found = session.execute(
            select(func.st_x(Building.point), func.st_y(Building.point))
            .where(or_(Building.address == given.address, Building.name == given.address))
            .order_by(Building.code)
        ).first()
        if found is None:
            raise Invalid(f"No building is called or addressed {given.address!r}; point at the map instead.")
        return Place(lon=found[0], lat=found[1])
    raise Invalid("Say where it is: a place, an asset or an address.")
