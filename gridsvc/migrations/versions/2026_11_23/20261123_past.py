"""Give buildings, assets, streets and divisions a past, and let a redraw come into force later."""

from gridsvc.core.schema import run_sql_file

revision = "20261123_past"
down_revision = "20261123_partition"


def upgrade() -> None:
    run_sql_file("20261123_past.sql")
