"""The first schema: every domain's tables, and the spatial functions they share."""

from gridsvc.core.schema import run_sql_file

revision = "20261122_first_schema"
down_revision = None


def upgrade() -> None:
    run_sql_file("20261122_first_schema.sql")
    run_sql_file("20261122_first_functions.sql")
