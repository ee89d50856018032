"""How the service comes to the database: the address of the owner in, connections that see only what each request may, out.

Row security binds whoever is neither superuser nor exempt; the owner of the tables too (`force`), unless it is one.
"""

from collections.abc import Callable

import psycopg
from sqlalchemy.engine import make_url

from gridsvc.core.db import Database, conninfo
from gridsvc.core.errors import Unavailable
from gridsvc.core.schema import APP_ROLE
from gridsvc.core.settings import Settings

STANDING = """
    select current_user, r.rolsuper or r.rolbypassrls,
        exists (select from pg_class c where c.oid = to_regclass('event') and pg_has_role(c.relowner, 'USAGE')),
        exists (select from pg_roles a where a.rolname = %(role)s and pg_has_role(a.rolname, 'MEMBER'))
    from pg_roles r where r.rolname = current_user"""


def open_for_requests(url: str, chosen: Settings, tell: Callable[[str], None]) -> Database:
    """Open the database as the role that serves: the office's own, or ours by sign-in, or ours by becoming it.

    Where there is none of these and the owner itself is bound by the policies, it serves, and that is told. Raises
    Unavailable where nothing would keep rows apart.
    """
    if chosen.app_database_url is not None:
        url = chosen.app_database_url.get_secret_value()
        user, exempt, owner, _ = _standing(url)
        if exempt or owner:
            raise Unavailable(
                f"GRIDSVC_APP_DATABASE_URL signs in as {user}, whom row security does not bind; name a role that owns"
                " nothing and is neither superuser nor BYPASSRLS."
            )
        return Database.at(url, chosen)
    if chosen.database_url is None:
        # Our own PostGIS lets in, on its socket, whom the folder lets in.
        own = make_url(url).set(username=APP_ROLE).render_as_string(hide_password=False)
        return Database.at(own, chosen)
    user, exempt, owner, may_become = _standing(url)
    if (exempt or owner) and may_become:
        return Database.at(url, chosen, role=APP_ROLE)
    if exempt:
        raise Unavailable(
            f"{user} is exempt from row security and there is no role {APP_ROLE}: run `gridsvc migrate` as a role that"
            " may make it, or set GRIDSVC_APP_DATABASE_URL."
        )
    if owner:
        tell(
            f"{user} owns the tables and serves as well: the policies bind it, but it could take them off. Set"
            " GRIDSVC_APP_DATABASE_URL to a role that owns nothing."
        )
    return Database.at(url, chosen)


def _standing(url: str) -> tuple[str, bool, bool, bool]:
    try:
        with psycopg.connect(conninfo(url)) as connection:
            found = connection.execute(STANDING, {"role": APP_ROLE}).fetchone()
    except psycopg.OperationalError as error:
        raise Unavailable(f"The database does not answer: {error}") from error
    return found or ("", True, False, False)
