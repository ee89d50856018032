"""Reading when the picture last changed by an index, whoever asks."""

from gridsvc.core.schema import run_sql_file

revision = "20261127_redraws"
down_revision = "20261127_issuer"


def upgrade() -> None:
    run_sql_file("20261127_redraws.sql")
