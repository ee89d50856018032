"""Every text that a person or a file can put in, filled with payloads in the sample town."""

from sqlalchemy import Engine, text

from gridsvc.core.db import transaction
from gridsvc.privacy.inventory import HELD, ON_THINGS
from tests.browser.xss.payloads import PAYLOADS

FIELDS = {
    "account": "department",
    "asset": "name",
    "building": "name number address",
    "catalogue_class": "name name_en major minor",
    "catalogue_condition": "text text_en closing department",
    "checkpoint": "name",
    "community_version": "name",
    "credential": "label agent",
    "division": "name",
    "grid_version": "name",
    "incident": "text",
    "incident_step": "reason note department",
    "route": "name",
    "street": "name name_en",
    "webhook": "url",
    "worker": "name department",
}
"""Columns by table: each row gets the next payload."""

NOT_FILLED = {
    "_past": "the same text as it was, read by no page",
    "drawn.": "derived from the tables above by their triggers",
    "search_": "derived from the tables above by their triggers",
    "pinyin": "readings of characters, shown nowhere",
    "office_day": "the names of holidays, read by no page",
    "credential.address": "an address of the network, of its own type",
    "incident.department": "a department of the catalogue, by name",
    "incident.number": "given by the service",
    "catalogue.source": "told in no answer",
    "incident.source": "one of a closed list",
    "incident_step.to": "a state or a key",
}
"""Why the other columns of such a name are left as they are."""

NAMES = frozenset(
    [
        "name",
        "name_en",
        "text",
        "text_en",
        "address",
        "number",
        "department",
        "label",
        "agent",
        "reason",
        "note",
        "to",
        "closing",
        "major",
        "minor",
        "url",
        "source",
    ]
)


def spoken() -> set[str]:
    """Name every column of the schema that is called like something a person writes."""
    pairs = [(held.table, held.names) for held in HELD] + [
        (table, tuple(row.split())) for table, row in ON_THINGS.items()
    ]
    return {f"{table}.{name}" for table, names in pairs for name in names if name in NAMES}


def filled() -> set[str]:
    return {f"{table}.{name}" for table, names in FIELDS.items() for name in names.split()}


def is_left_out(column: str) -> bool:
    return any(word in column for word in NOT_FILLED)


FILL = """
    update {table} t set "{column}" = (cast(:payloads as text[]))[1 + (o.n + :shift) % :many]
    from (select ctid as at, row_number() over () as n from {table}) o where t.ctid = o.at"""


def poison(engine: Engine) -> None:
    """Write a payload into every field of every row: first as the service would, then past what forbids it."""
    given = {"payloads": list(PAYLOADS), "many": len(PAYLOADS)}
    guarded = (
        "catalogue_class",
        "catalogue_condition",
        "community_version",
        "grid_version",
        "incident_step",
        "incident",
    )
    for table, columns in FIELDS.items():
        with transaction(engine) as session:
            if table in guarded:
                session.execute(text("set local session_replication_role = replica"))
            for shift, column in enumerate(columns.split()):
                session.execute(text(FILL.format(table=table, column=column)), given | {"shift": 13 * shift})
