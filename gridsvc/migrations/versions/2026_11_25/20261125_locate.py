"""Answer "whose is this place?" from one plan, exactly even within a hair of a border."""

from gridsvc.core.schema import run_sql_file

revision = "20261125_locate"
down_revision = "20261125_jobs"


def upgrade() -> None:
    run_sql_file("20261125_locate.sql")
