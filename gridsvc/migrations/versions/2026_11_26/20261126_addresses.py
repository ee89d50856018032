"""Answer addresses with the building before the street, and a code before everything."""

from gridsvc.core.schema import run_sql_file

revision = "20261126_addresses"
down_revision = "20261126_tally"


def upgrade() -> None:
    run_sql_file("20261126_addresses.sql")
