"""A contact in, sealed into the row of its incident; who asks with a reason gets it out, until its date has come.

It is on no incident row, so that no list, tile, export or search can come upon it: this file alone reads it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg.rows import dict_row
from pydantic import SecretStr
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.errors import Gone, NotFound
from gridsvc.core.events import record
from gridsvc.core.sealing import seal, unseal

State = Literal["none", "kept", "gone"]

KEEP = "insert into incident_contact (incident, sealed) values (%s, %s)"
LOOK = """
    select i.id, i.community, i.grid, i.closed_at, c.incident is not null as was_left, c.sealed, c.deleted_at
    from incident i left join incident_contact c on c.incident = i.id
    where i.id = %(incident)s"""


@dataclass(frozen=True)
class Found:
    """What is known of the contact of an incident, without what it is; `until`: when it goes, once that is known."""

    state: State
    until: datetime | None
    sealed: bytes | None
    community: str | None
    grid: str | None


def keep(session: Session, incident: int, contact: SecretStr) -> None:
    """Seal a contact into the row of its incident; moved to another one it does not open."""
    sealed = seal(contact.get_secret_value().encode(), _of(incident))
    driver_of(session).execute(KEEP, (incident, sealed))


def look(session: Session, incident: int, now: datetime, days: int) -> Found:
    """Tell whether there is a contact; one whose date has come is gone, also before it is swept out.

    Raises NotFound for no incident.
    """
    with driver_of(session).cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(LOOK, {"incident": incident}).fetchone()
    if row is None:
        raise NotFound(f"There is no incident {incident}.")
    until = row["closed_at"] and row["closed_at"] + timedelta(days=days)
    return Found(state_of(row, until, now), until, row["sealed"], row["community"], row["grid"])


def state_of(row: dict[str, Any], until: datetime | None, now: datetime) -> State:
    """Decide what there is of a contact; pure."""
    if not row["was_left"]:
        return "none"
    is_over = until is not None and until <= now
    return "gone" if row["deleted_at"] is not None or is_over else "kept"


def reveal(session: Session, incident: int, reason: str, *, actor: str, found: Found) -> str:
    """Open a contact and write down who asked, when and why; never what it is.

    Raises NotFound where none was left, and Gone where it has been deleted.
    """
    if found.state == "none":
        raise NotFound(f"Nobody left a contact with incident {incident}.")
    if found.state == "gone" or found.sealed is None:
        raise Gone(f"The contact of incident {incident} was deleted: its date had come.")
    place = {"community": found.community, "grid": found.grid}
    # Not an event of the incident: webhooks are told those, and who was called back is nobody's business outside.
    record(session, "contact.revealed", f"incident:{incident}", actor=actor, reason=reason, **place)
    return unseal(found.sealed, _of(incident)).decode()


def _of(incident: int) -> str:
    return f"incident:{incident} contact"
