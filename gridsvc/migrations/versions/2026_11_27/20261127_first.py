"""Passwords that an administrator has given end, and are changed at the first sign-in."""

from gridsvc.core.schema import run_sql_file

revision = "20261127_first"
down_revision = "20261127_counts"


def upgrade() -> None:
    run_sql_file("20261127_first.sql")
