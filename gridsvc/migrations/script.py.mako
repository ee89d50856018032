"""${message}."""

from gridsvc.core.schema import run_sql_file

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else 'run_sql_file("…")'}
