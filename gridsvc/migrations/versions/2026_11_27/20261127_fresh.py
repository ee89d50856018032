"""A first import of buildings fills new pages, whose rows are settled from the beginning."""

from gridsvc.core.schema import run_sql_file

revision = "20261127_fresh"
down_revision = "20261126_privacy"


def upgrade() -> None:
    run_sql_file("20261127_fresh.sql")
