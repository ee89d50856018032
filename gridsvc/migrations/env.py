"""How Alembic runs here: one connection given by the caller, one transaction, never waiting long for a lock."""

from alembic import context
from sqlalchemy import text

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    # A migration that waits behind a long query would make everybody wait behind it: better to fail and try again.
    connection.execute(text("set local lock_timeout = '5s'"))
    context.run_migrations()
