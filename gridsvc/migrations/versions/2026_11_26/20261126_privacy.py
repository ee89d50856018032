"""Contacts of reporters, sealed."""

from gridsvc.core.schema import run_sql_file

revision = "20261126_privacy"
down_revision = "20261126_audit"


def upgrade() -> None:
    run_sql_file("20261126_privacy.sql")
