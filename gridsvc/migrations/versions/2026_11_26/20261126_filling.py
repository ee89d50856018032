"""A first import of many buildings does once what triggers would do for each of its statements."""

from gridsvc.core.schema import run_sql_file

revision = "20261126_filling"
down_revision = "20261126_audit"


def upgrade() -> None:
    run_sql_file("20261126_filling.sql")
