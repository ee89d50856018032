"""Jobs, their files, and the queue that brings them to the workers; what a change of many rows leaves to be derived."""

from typing import Any, cast

from alembic import op
from psycopg import Cursor

from gridsvc.core.schema import run_sql_file

revision = "20261125_jobs"
down_revision = "20261125_access"


def upgrade() -> None:
    # Every start reads every step, and the queue's own package takes half a second to load.
    from gridsvc.core.jobs.carry import carry_queue

    run_sql_file("20261125_jobs.sql")
    carry_queue(cast("Cursor[Any]", op.get_bind().connection.cursor()))
    run_sql_file("20261125_due.sql")
