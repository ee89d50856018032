"""How the service comes to the database: the address of the owner in, connections that see only what each request may, out.

Row security binds whoever is neither superuser nor exempt; the owner of the tables too (`force`), unless it is one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row
from sqlalchemy.engine import make_url

from gridsvc.core.db import Database, conninfo
from gridsvc.core.errors import Unavailable
from gridsvc.core.schema import APP_ROLE
from gridsvc.core.settings import Settings

STANDING = """
    select current_user as user, r.rolsuper or r.rolbypassrls as exempt,
        exists (select from pg_class c where c.oid = to_regclass('event') and pg_has_role(c.relowner, 'USAGE'))
            as owner,
        exists (select from pg_roles a where a.rolname = %(role)s and pg_has_role(a.rolname, 'MEMBER'))
            as may_become,
        (select proleakproof from pg_proc where oid = to_regprocedure('geometry_overlaps(geometry, geometry)'))
            as leakproof
    from pg_roles r where r.rolname = current_user"""


@dataclass(frozen=True)
class Standing:
    """Who an address signs in as, what they are to the policies, and whether an index may be asked `&&` below those."""

    user: str
    exempt: bool
    owner: bool
    may_become: bool
    leakproof: bool | None


def open_for_requests(url: str, chosen: Settings, tell: Callable[[str], None]) -> Database:
    """Open the database as the role that serves: the office's own, or ours by sign-in, or ours by becoming it.

    Where there is none of these and the owner itself is bound by the policies, it serves, and that is told. Raises
    Unavailable where nothing would keep rows apart.
    """
    if chosen.app_database_url is not None:
        url = chosen.app_database_url.get_secret_value()
        standing = _standing(url, tell)
        if standing.exempt or standing.owner:
            raise Unavailable(
                f"GRIDSVC_APP_DATABASE_URL signs in as {standing.user}, whom row security does not bind; name a role that"
                " owns nothing and is neither superuser nor BYPASSRLS."
            )
        return Database.at(url, chosen)
    if chosen.database_url is None:
        # Our own PostGIS lets in, on its socket, whom the folder lets in.
        own = make_url(url).set(username=APP_ROLE).render_as_string(hide_password=False)
        return Database.at(own, chosen)
    standing = _standing(url, tell)
    if (standing.exempt or standing.owner) and standing.may_become:
        return Database.at(url, chosen, role=APP_ROLE)
    if standing.exempt:
        raise Unavailable(
            f"{standing.user} is exempt from row security and there is no role {APP_ROLE}: run `gridsvc migrate` as a"
            " role that may make it, or set GRIDSVC_APP_DATABASE_URL."
        )
    if standing.owner:
        tell(
            f"{standing.user} owns the tables and serves as well: the policies bind it, but it could take them off. Set"
            " GRIDSVC_APP_DATABASE_URL to a role that owns nothing."
        )
    return Database.at(url, chosen)


def _standing(url: str, tell: Callable[[str], None]) -> Standing:
    try:
        with psycopg.connect(conninfo(url)) as connection, connection.cursor(row_factory=class_row(Standing)) as cursor:
            standing = cursor.execute(STANDING, {"role": APP_ROLE}).fetchone()
    except psycopg.OperationalError as error:
        raise Unavailable(f"The database does not answer: {error}") from error
    if standing is None:
        raise Unavailable("The database does not know who signed in.")
    if standing.leakproof is False:
        tell(
            "Maps are slow for who does not see everything, until a superuser has said in this database:"
            " alter function geometry_overlaps(geometry, geometry) leakproof"
        )
    return standing
