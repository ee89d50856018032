"""Contacts of reporters, sealed; what people said to the notice before tracking; and erasing in the log of incidents."""

from gridsvc.core.schema import run_sql_file

revision = "20261126_privacy"
down_revision = "20261126_addresses"


def upgrade() -> None:
    run_sql_file("20261126_privacy.sql")
