"""Signing in through an issuer of identities (OpenID Connect): who is who there, and tries that have begun."""

from gridsvc.core.schema import run_sql_file

revision = "20261127_issuer"
down_revision = "20261127_reasons"


def upgrade() -> None:
    run_sql_file("20261127_issuer.sql")
