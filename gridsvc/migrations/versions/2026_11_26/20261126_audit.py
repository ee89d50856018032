"""Events that can only be added, and the chain of hashes that shows whether somebody did otherwise."""

from gridsvc.core.schema import run_sql_file

revision = "20261126_audit"
down_revision = "20261126_territory"


def upgrade() -> None:
    run_sql_file("20261126_audit.sql")
