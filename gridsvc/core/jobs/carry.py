"""The queue's own schema: a cursor in, procrastinate's tables in the form its installed version wants out.

Its SQL is read from the installed package, so none of it is kept here. The newest of the package's own steps that a
database has taken is written on its table; a new version of the package comes with a migration of ours that calls
`carry_queue` once more, and with a new `QUEUE_STEP` (a test says when).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from procrastinate.schema import SchemaManager
from psycopg import Cursor, sql

QUEUE_STEP = "03.04.00_50_post_add_retry_failed_job_procedure"
"""The newest step of the queue's schema that our migrations have carried."""


def shipped_steps() -> dict[str, str]:
    """Give the steps of the installed package's schema, oldest first: their names and SQL."""
    files = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    return {file.stem: file.read_text(encoding="utf-8") for file in files}


def missing_steps(taken: str, shipped: Iterable[str]) -> list[str]:
    """List the shipped steps that come after the last one taken; their names sort by version."""
    return sorted(step for step in shipped if step > taken)


def carry_queue(cursor: Cursor[Any]) -> None:
    """Lay the queue's tables, or bring them from the step they are at to the newest of the installed package."""
    shipped = shipped_steps()
    cursor.execute(
        "select obj_description(to_regclass('procrastinate_jobs'), 'pg_class'), to_regclass('procrastinate_jobs')"
    )
    taken, there = cursor.fetchone() or (None, None)
    scripts = [shipped[step] for step in missing_steps(taken or "", shipped)] if there else [SchemaManager.get_schema()]
    for script in scripts:
        # As bytes: the text holds many statements and percent signs, and must not be searched for parameters.
        cursor.execute(script.encode())
    newest = sql.Literal(max(shipped))
    cursor.execute(sql.SQL("comment on table procrastinate_jobs is {}").format(newest))
