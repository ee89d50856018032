"""Keep what tiles draw: Web Mercator copies with generalised forms, counts of buildings, and the data version of a layer."""

from gridsvc.core.schema import run_sql_file

revision = "20261125_tiles"
down_revision = "20261125_covered"


def upgrade() -> None:
    run_sql_file("20261125_tiles.sql")
