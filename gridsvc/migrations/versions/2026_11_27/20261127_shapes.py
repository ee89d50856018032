"""Keeping the shape of a building beside the feature it is written as."""

from gridsvc.core.schema import run_sql_file

revision = "20261127_shapes"
down_revision = "20261127_redraws"


def upgrade() -> None:
    run_sql_file("20261127_shapes.sql")
