"""Bring the schema up: an engine in, the newest schema out, with the service's role let in; and the way a migration runs its SQL file."""

from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, ProgrammingError

from gridsvc.core.errors import Unavailable
from gridsvc.core.settings import settings

SQL_FILES = Path(__file__).resolve().parent.parent / "migrations" / "sql"
# Only one process migrates at a time; the others wait here and then find nothing left to do.
MIGRATION_LOCK = 0x6772_6964

APP_ROLE = "gridsvc_app"
"""The role the service is in the database, unless the office has given it another."""
LET_IN = """
    select case when :changed or not coalesce((
        select has_table_privilege(oid, 'event', 'select') from pg_roles where rolname = :role), false)
    then let_in(:role) end"""


def run_sql_file(name: str) -> None:
    """Run one file of `migrations/sql` inside the running migration, as one script without parameters."""
    # The driver's cursor is used directly: the text must not be searched for parameters, and holds many statements.
    cursor = op.get_bind().connection.cursor()
    cursor.execute((SQL_FILES / name).read_text(encoding="utf-8").encode())
    cursor.close()


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest step; nothing happens when it is there already.

    Raises Unavailable when the database lacks PostGIS or the right to create it.
    """
    config = _config()
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()
            try:
                before = _step(connection)
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.execute(text(LET_IN), {"changed": _step(connection) != before, "role": app_role()})
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
                connection.commit()
    except (OperationalError, ProgrammingError) as error:
        raise Unavailable(f"The schema could not be brought up: {error.orig}") from error


def schema_step(engine: Engine) -> tuple[str | None, str]:
    """Tell the step the database is at, and the newest step this program knows."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect() as connection:
        return _step(connection), str(newest)


def app_role() -> str:
    """Name the role the service is in the database: the one its own address signs in as, else `gridsvc_app`."""
    own = settings().app_database_url
    return (make_url(own.get_secret_value()).username if own else None) or APP_ROLE


def _step(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "gridsvc:migrations")
    # A path separator is named because Alembic warns when it has to guess one.
    config.set_main_option("path_separator", "os")
    # The steps lie in a folder for every day that had some.
    config.set_main_option("recursive_version_locations", "true")
    return config
