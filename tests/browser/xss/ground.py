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


SMALL = {"community_version": 7, "division": 7, "worker": 7, "catalogue_class": 7}
"""Tables of fewer than forty rows, and by how many payloads they are moved on from round to round."""
ROUNDS = 6
"""After so many rounds every row of a small table taken together has had all forty."""

FILL = """
    update {table} t set "{column}" = (cast(:payloads as text[]))[1 + (o.n + :shift) % :many] || :mark
    from (select ctid as at, row_number() over () as n from (select ctid from {table} order by {key}) o) o
    where t.ctid = o.at"""
KEYS = {
    "community_version": "community",
    "grid_version": "grid",
    "division": "code",
    "worker": "code",
    "catalogue_class": "class",
    "catalogue_condition": "class, code",
    "asset": "code",
    "building": "code",
    "street": "code",
    "checkpoint": "route, position",
    "incident_step": "incident, number",
}
"""What rows are counted by, where it is not their id."""
GUARDED = frozenset(
    ["catalogue_class", "catalogue_condition", "community_version", "grid_version", "incident_step", "incident"]
)


def mark(column: str) -> str:
    """Write what ends a payload in a column, so that a page tells where it came from: a comment to a script."""
    return f"//{column}"


def poison(engine: Engine, turn: int = 0) -> None:
    """Write a payload into every field of every row; in a later round, the next ones into the tables of few rows."""
    given = {"payloads": list(PAYLOADS), "many": len(PAYLOADS)}
    for table in SMALL if turn else FIELDS:
        with transaction(engine) as session:
            if table in GUARDED:
                session.execute(text("set local session_replication_role = replica"))
            for shift, column in enumerate(FIELDS[table].split()):
                sql = FILL.format(table=table, column=column, key=KEYS.get(table, "id"))
                moved = 13 * shift + turn * SMALL.get(table, 0)
                session.execute(text(sql), given | {"shift": moved, "mark": mark(f"{table}.{column}")})


def told(words: str) -> set[tuple[str, int]]:
    """Tell which payloads of which columns are written somewhere, whole."""
    return {
        (column, number)
        for column in filled()
        if mark(column) in words
        for number, payload in enumerate(PAYLOADS)
        if payload + mark(column) in words
    }


def missing(seen: set[tuple[str, int]], columns: str) -> dict[str, list[int]]:
    """List the payloads that are not among those seen, by column."""
    gaps = {name: sorted(set(range(len(PAYLOADS))) - {n for at, n in seen if at == name}) for name in columns.split()}
    return {name: gap for name, gap in gaps.items() if gap}
