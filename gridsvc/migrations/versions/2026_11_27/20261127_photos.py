"""An incident keeps the names of its photos: a list of incidents asks no other table for them."""

from gridsvc.core.schema import run_sql_file

revision = "20261127_photos"
down_revision = "20261127_fresh"


def upgrade() -> None:
    run_sql_file("20261127_photos.sql")
