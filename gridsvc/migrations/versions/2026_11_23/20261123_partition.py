"""The partition by constraint, versions that never change, and lineage."""

from gridsvc.core.schema import run_sql_file

revision = "20261123_partition"
down_revision = "20261122_first_schema"


def upgrade() -> None:
    run_sql_file("20261123_partition.sql")
