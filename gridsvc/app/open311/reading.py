"""Incidents and the catalogue in the database in, services and requests as GeoReport v2 knows them out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import dict_row
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.errors import Invalid, NotFound

MOST_DAYS, MOST_REQUESTS = 90, 1000
OPEN, CLOSED = "open", "closed"

SERVICES = """
    select c.class as service_code, c.name as service_name, c.name_en as description, true as metadata,
        'realtime' as type, concat_ws(',', c.major, c.minor) as keywords, c.major as group
    from catalogue v join catalogue_class c on c.version = v.version where v.current order by c.class"""
CONDITIONS = """
    select d.code as key, d.text as name from catalogue v
    join catalogue_condition d on d.version = v.version where v.current and d.class = %(code)s order by d.code"""
REQUESTS = """
    select i.number as service_request_id,
        case when i.closed_at is null then 'open' else 'closed' end as status,
        (select s.reason from incident_step s where s.incident = i.id and s.after in ('closed', 'rejected', 'merged')
            order by s.number desc limit 1) as status_notes,
        c.name as service_name, i.class as service_code, nullif(i.text, '') as description,
        i.department as agency_responsible, null::text as service_notice,
        i.reported_at as requested_datetime, greatest(i.stage_since, i.reported_at) as updated_datetime,
        i.due_at as expected_datetime, null::text as address, i.grid as address_id, null::text as zipcode,
        st_y(i.geometry) as lat, st_x(i.geometry) as long, null::text as media_url,
        i.status as extended_status, i.condition as extended_condition, i.grid as extended_grid,
        i.community as extended_community, i.merged_into as extended_merged_into
    from incident i join catalogue_class c on c.version = i.catalogue and c.class = i.class
    where (%(numbers)s::text[] is null or i.number = any(%(numbers)s))
        and (%(codes)s::text[] is null or i.class = any(%(codes)s))
        and (%(start)s::timestamptz is null or i.reported_at >= %(start)s)
        and (%(end)s::timestamptz is null or i.reported_at < %(end)s)
        and (%(open)s and i.closed_at is null or %(closed)s and i.closed_at is not null)
    order by i.reported_at desc, i.id desc limit %(most)s offset %(skip)s"""
EXTENDED = "extended_"


def services(session: Session) -> list[dict[str, Any]]:
    """List the services: the classes of the current catalogue."""
    return _rows(session, SERVICES, {})


def definition(session: Session, code: str) -> dict[str, Any]:
    """Tell what a service asks for: the condition, of those of its class. Raises NotFound."""
    values = _rows(session, CONDITIONS, {"code": code})
    if not values:
        raise NotFound(f"service_code {code[:60]!r} was not found")
    attribute = {
        "variable": True,
        "code": "condition",
        "datatype": "singlevaluelist",
        "required": True,
        "datatype_description": "立案条件 · what exactly is wrong",
        "order": 1,
        "description": "具体问题",
        "values": values,
    }
    return {"service_code": code, "attributes": [attribute]}


def requests(session: Session, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """List requests, the newest first: fine states are extended attributes beside the two the specification knows."""
    found = _rows(session, REQUESTS, asked)
    for row in found:
        extended = {name.removeprefix(EXTENDED): row.pop(name) for name in list(row) if name.startswith(EXTENDED)}
        row["extended_attributes"] = extended
        for name in ("requested_datetime", "updated_datetime", "expected_datetime"):
            row[name] = row[name].isoformat(timespec="seconds").replace("+00:00", "Z") if row[name] else None
    return found


def question(given: dict[str, str], now: datetime) -> dict[str, Any]:
    """Read the parameters of a list: at most 90 days and 1,000 requests, as the specification has it.

    Raises Invalid for what makes no sense. Without ids or a span it is the last 90 days.
    """
    numbers = _listed(given.get("service_request_id"))
    start, end = _moment(given, "start_date"), _moment(given, "end_date")
    if numbers is None:
        end = end or (start + timedelta(days=MOST_DAYS) if start else now + timedelta(minutes=1))
        start = start or end - timedelta(days=MOST_DAYS)
        if end - start > timedelta(days=MOST_DAYS):
            raise Invalid(f"the span between start_date and end_date must not be over {MOST_DAYS} days")
    statuses = set(_listed(given.get("status")) or (OPEN, CLOSED))
    if statuses - {OPEN, CLOSED}:
        raise Invalid("status must be open, closed or both")
    size, page = _number(given, "page_size", 50), _number(given, "page", 1)
    return {
        "numbers": numbers,
        "codes": _listed(given.get("service_code")),
        "start": None if numbers else start,
        "end": None if numbers else end,
        "open": OPEN in statuses,
        "closed": CLOSED in statuses,
        "most": min(size, MOST_REQUESTS),
        "skip": (page - 1) * min(size, MOST_REQUESTS),
    }


def _rows(session: Session, sql: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    with driver_of(session).cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql.encode(), asked).fetchall()


def _listed(text: str | None) -> list[str] | None:
    return [one.strip() for one in text.split(",") if one.strip()][:MOST_REQUESTS] if text else None


def _moment(given: dict[str, str], name: str) -> datetime | None:
    if not given.get(name):
        return None
    try:
        moment = datetime.fromisoformat(given[name].replace(" ", "+"))
    except ValueError:
        raise Invalid(f"{name} must be written like 2026-01-31T08:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(given: dict[str, str], name: str, default: int) -> int:
    text = given.get(name) or str(default)
    if not (text.isdecimal() and text.isascii() and 1 <= int(text[:9]) <= 1_000_000 and len(text) <= 9):
        raise Invalid(f"{name} must be a whole number of at least 1")
    return int(text)
