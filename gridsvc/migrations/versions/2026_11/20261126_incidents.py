"""Incidents from a report to an honest close: catalogue, calendar, workflow log, warnings, photos and webhooks."""

from gridsvc.core.schema import run_sql_file

revision = "20261126_incidents"
down_revision = "20261125_deriving"


def upgrade() -> None:
    run_sql_file("20261126_incidents.sql")
