"""A report in, an incident with a number, an owner, clocks and an event out; all of it in the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy.orm import Session

from gridsvc.access.guard import Caller
from gridsvc.core.browse import item_sql
from gridsvc.core.db import driver_of, seeing_everything
from gridsvc.core.errors import Invalid, Unavailable
from gridsvc.core.events import record
from gridsvc.core.geo import snap_numbers
from gridsvc.core.settings import Settings
from gridsvc.incidents.calendar.keeping import work_calendar
from gridsvc.incidents.case import Actor, Case, Step, apply
from gridsvc.incidents.contact import keeping as contacts
from gridsvc.incidents.intake.dispatch import Chosen, Ground, choose, reasons
from gridsvc.incidents.intake.duplicates import NEAR_JSON
from gridsvc.incidents.journal import ADD, line_of, opened, projected
from gridsvc.incidents.layers import INCIDENTS
from gridsvc.incidents.schemas import Report
from gridsvc.incidents.workflow import allowed_next
from gridsvc.territory.schemas import Place

LOOK = (
    """
    select v.version as catalogue, d.department, d.limit_count, d.limit_unit, l.community, l.grid, l.grid_version, l.rule,
        l.ambiguous, r.worker as responsible, k.version as calendar, w.code as worker, a.department as own_department,
        w.code is null or l.grid is null or exists (
            select from post h where h.worker = w.code and h.grid = l.grid and h.valid @> %(at)s::timestamptz) as is_here,
        """
    + NEAR_JSON
    + """ as duplicates
    from (select st_setsrid(st_makepoint(%(lon)s, %(lat)s), 4326) as point) s
    cross join lateral locate_point(s.point, %(at)s, %(accuracy_m)s) l
    left join lateral (
        select p.worker from post p
        where p.grid = l.grid and p.role = 'responsible' and p.valid @> %(at)s::timestamptz order by p.worker limit 1
    ) r on true
    left join catalogue v on v.current
    left join catalogue_class c on c.version = v.version and c.class = %(class)s
    left join catalogue_condition d on d.version = c.version and d.class = c.class and d.code = %(condition)s
    left join calendar k on k.one
    left join account a on a.id = %(account)s
    left join worker w on w.account = a.id"""
)
"""All that a report needs to know, in one statement: what it is, whose place that is, who reports, and what lies near."""

MAKE = """
    insert into incident (number, catalogue, class, condition, status, source, text, accuracy_m, rule, community, grid,
        grid_version, queue, responsible, department, reported_at, due_at, due_uncertain, stage_since, stage_due_at,
        asset, why, version, geometry, reported_by)
    values (next_incident_number(%(day)s), %(catalogue)s, %(class)s, %(condition)s, %(status)s, %(source)s, %(text)s,
        %(accuracy_m)s, %(rule)s, %(community)s, %(grid)s, %(grid_version)s, %(queue)s, %(responsible)s, %(department)s,
        %(at)s, %(due_at)s, %(due_uncertain)s, %(stage_since)s, %(stage_due_at)s, %(asset)s, %(why)s, 1,
        st_setsrid(st_makepoint(%(lon)s, %(lat)s), 4326), %(reported_by)s)
    returning id, number"""

ASSET = "select st_x(geometry), st_y(geometry) from asset where code = %(code)s"
ADDRESS = """
    select st_x(point), st_y(point) from building where address = %(address)s or name = %(address)s order by code limit 1"""
ONE = item_sql(INCIDENTS)


@dataclass(frozen=True)
class Reporter:
    """Who reports, when, and by which settings of the office."""

    caller: Caller
    now: datetime
    settings: Settings


def report(session: Session, given: Report, by: Reporter) -> dict[str, Any]:
    """Take in a report; answer the incident as others read it, with what may be the same thing nearby.

    Never refused for its place, also not outside of the reporter's territory; outside every community it goes to the
    fallback queue. Raises Invalid for an unknown class, condition, asset or address, or when it is not said where.
    """
    place = _place(session, given)
    lon, lat = (float(number) for number in snap_numbers([place.lon, place.lat]))
    asked = {
        "class": given.class_,
        "condition": given.condition,
        "asset": given.asset,
        "lon": lon,
        "lat": lat,
        "accuracy_m": place.accuracy_m,
        "at": by.now,
        "since": by.now - timedelta(days=by.settings.duplicate_days),
        "account": by.caller.account,
        "reported_by": by.caller.username,
    }
    # Whose place it is and who is on duty there does not hang on what the reporter sees.
    with seeing_everything(session), driver_of(session).cursor(row_factory=dict_row) as cursor:
        known = cast("dict[str, Any]", cursor.execute(LOOK, asked).fetchone())
        _refuse_unknown(known, given)
        chosen, why = _chosen(known, by.settings)
        actor = Actor(by.caller.username, by.caller.role, known["worker"], known["own_department"])
        photos = tuple(dict.fromkeys(given.photos))
        step = Step("report", actor, by.now, to=chosen.department, queue=chosen.queue, evidence=photos)
        case = apply(opened(by.now, known["limit_count"], known["limit_unit"]), step)
        row = _row(session, case, known, by)
        cursor.execute(MAKE, {**known, **asked, **row, "why": Jsonb(why), "source": given.source, "text": given.text})
        made = cast("dict[str, Any]", cursor.fetchone())
        cursor.execute(ADD, line_of(made["id"], 1, step, None, case.status))
    if given.contact is not None:
        contacts.keep(session, made["id"], given.contact)
    record(
        session,
        "incident.reported",
        f"incident:{made['id']}",
        actor=by.caller.username,
        community=known["community"],
        grid=known["grid"],
        number=made["number"],
        rule=known["rule"],
        responsible=chosen.responsible,
        queue=chosen.queue,
    )
    near = visible(session, known["duplicates"], by.caller)
    return {**read_incident(session, made["id"]), "actions": allowed_next(case, actor, by.now), "duplicates": near}


def visible(session: Session, found: list[dict[str, Any]], caller: Caller) -> list[dict[str, Any]]:
    """Leave of incidents that were found those that the caller may see."""
    if caller.is_everywhere or not found:
        return found
    ids = [int(one["id"]) for one in found]
    seen = driver_of(session).execute("select id::text from incident where id = any(%(ids)s)", {"ids": ids}).fetchall()
    return [one for one in found if (one["id"],) in seen]


def read_incident(session: Session, incident: int) -> dict[str, Any]:
    """Read an incident inside the running transaction, in the shape the API answers."""
    row = driver_of(session).execute(f"select ({ONE})::json", {"key": incident}).fetchone()
    answer: dict[str, Any] = row[0] if row else {}
    return answer


def _chosen(known: dict[str, Any], chosen_settings: Settings) -> tuple[Chosen, dict[str, Any]]:
    ground = Ground(
        known["community"],
        known["grid"],
        known["rule"],
        known["responsible"],
        known["department"],
        known["ambiguous"],
    )
    chosen = choose(ground, chosen_settings.fallback_queue)
    return chosen, reasons(ground, chosen, known["duplicates"], reporter_is_here=known["is_here"])


def _row(session: Session, case: Case, known: dict[str, Any], by: Reporter) -> dict[str, Any]:
    zone = ZoneInfo(by.settings.timezone)
    return {
        **projected(case, work_calendar(session, known["calendar"]), by.settings),
        "day": by.now.astimezone(zone).date(),
    }


def _refuse_unknown(known: dict[str, Any], given: Report) -> None:
    if known["catalogue"] is None:
        raise Unavailable("There is no catalogue yet: import one with `gridsvc import catalogue FILE`.")
    if known["department"] is None:
        raise Invalid(
            f"The catalogue {known['catalogue']} has no condition {given.condition!r} of class {given.class_!r}."
        )


def _place(session: Session, given: Report) -> Place:
    if given.place and not given.asset:
        return given.place
    if given.asset:
        found = driver_of(session).execute(ASSET, {"code": given.asset}).fetchone()
        if found is None:
            raise Invalid(f"There is no asset {given.asset!r}.")
        return given.place or Place(lon=found[0], lat=found[1])
    if given.address:
        found = driver_of(session).execute(ADDRESS, {"address": given.address}).fetchone()
        if found is None:
            raise Invalid(f"No building is called or addressed {given.address!r}; point at the map instead.")
        return Place(lon=found[0], lat=found[1])
    raise Invalid("Say where it is: a place, an asset or an address.")
