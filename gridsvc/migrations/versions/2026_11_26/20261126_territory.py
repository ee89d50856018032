"""Accounts and tokens are limited to a territory; those that are there keep what they see."""

from gridsvc.core.schema import run_sql_file

revision = "20261126_territory"
down_revision = "20261126_incidents"


def upgrade() -> None:
    run_sql_file("20261126_territory.sql")
