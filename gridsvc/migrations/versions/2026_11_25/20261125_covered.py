"""A community that had grids keeps some for as long as it stands; the street a community has left is proved; whoever writes."""

from gridsvc.core.schema import run_sql_file

revision = "20261125_covered"
down_revision = "20261125_search"


def upgrade() -> None:
    run_sql_file("20261125_covered.sql")
