"""Sign-ins and tokens that can be ended one by one, second factors, lock-out."""

from gridsvc.core.schema import run_sql_file

revision = "20261125_access"
down_revision = "20261123_past"


def upgrade() -> None:
    run_sql_file("20261125_access.sql")
