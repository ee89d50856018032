"""Incidents from a report to an honest close: catalogue, calendar, workflow log, warnings, photos and webhooks."""

from alembic import op

from gridsvc.core.schema import run_sql_file

revision = "20261126_incidents"
down_revision = "20261125_deriving"


def upgrade() -> None:
    # Alembic loads every step at each start, and the holidays of the world are many.
    from gridsvc.incidents.calendar.seeding import announced_days, known_until

    run_sql_file("20261126_incidents.sql")
    days = announced_days()
    cursor = op.get_bind().connection.cursor()
    cursor.executemany(
        "insert into office_day (day, worked, name, source) values (%s, %s, %s, %s)",
        [(one.day, one.worked, one.name, one.source) for one in days],
    )
    cursor.execute("update calendar set known_until = %s", [known_until(days)])
    cursor.close()
