"""Let a change of many rows be derived after it: what is due is noted with the change, and brought to the truth at once."""

from gridsvc.core.schema import run_sql_file

revision = "20261125_deriving"
down_revision = "20261125_written"


def upgrade() -> None:
    run_sql_file("20261125_deriving.sql")
