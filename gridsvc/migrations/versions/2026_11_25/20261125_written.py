"""Keep every building as the GeoJSON it is given out as, beside it and always in step with it."""

from gridsvc.core.schema import run_sql_file

revision = "20261125_written"
down_revision = "20261125_tiles"


def upgrade() -> None:
    run_sql_file("20261125_written.sql")
