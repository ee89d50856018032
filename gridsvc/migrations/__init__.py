"""The schema, as a sum of dated steps (Alembic)."""
