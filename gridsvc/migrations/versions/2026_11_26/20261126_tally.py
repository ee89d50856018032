"""Keep how many buildings and households each grid has had, so that lists of communities and grids count nothing."""

from gridsvc.core.schema import run_sql_file

revision = "20261126_tally"
down_revision = "20261126_rows"


def upgrade() -> None:
    run_sql_file("20261126_tally.sql")
