"""Why an incident was sent back, by a code; and reports of assets, which need no place of their own."""

from gridsvc.core.schema import run_sql_file

revision = "20261127_reasons"
down_revision = "20261127_photos"


def upgrade() -> None:
    run_sql_file("20261127_reasons.sql")
