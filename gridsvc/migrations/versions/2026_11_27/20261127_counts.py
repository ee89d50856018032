"""Counting the open incidents of a grid in an index alone, whoever asks."""

from gridsvc.core.schema import run_sql_file

revision = "20261127_counts"
down_revision = "20261127_shapes"


def upgrade() -> None:
    run_sql_file("20261127_counts.sql")
