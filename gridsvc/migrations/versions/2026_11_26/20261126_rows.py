"""Row security: whoever is not the owner sees only rows of the ground that the running transaction names."""

from gridsvc.core.schema import run_sql_file

revision = "20261126_rows"
down_revision = "20261126_filling"


def upgrade() -> None:
    run_sql_file("20261126_rows.sql")
