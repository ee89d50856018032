"""However the service comes to a database, policies bind it; where nothing would, it does not start."""

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.engine import make_url

from gridsvc.access.rows import open_for_requests
from gridsvc.core.db import Database, Seen, conninfo, looking, open_engine, transaction
from gridsvc.core.errors import Unavailable
from gridsvc.core.schema import APP_ROLE, migrate
from gridsvc.core.settings import Settings
from tests.access.rows.conftest import Wall
from tests.conftest import Town, copy_database
from tests.town import GRIDS, JIA, build_town

JIAS = sum(code.startswith(JIA) for code in GRIDS)


def silent(_: str) -> None:
    """Hear nothing."""


def asked(database: Database) -> tuple[str, int]:
    """Tell as whom the service asks, and how many grids somebody of 甲 is shown."""
    try:
        with looking(Seen(JIA, "jia")), database.sessions.begin() as session:
            user, grids = session.execute(text("select current_user, count(*) from grid")).one()
            return str(user), int(grids)
    finally:
        database.engine.dispose()


def as_user(url: str, name: str) -> str:
    return make_url(url).set(username=name).render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def roles(wall: Wall) -> None:
    """Let there be a plain role, one exempt from policies, and one that will own a database."""
    with psycopg.connect(conninfo(wall.url), autocommit=True) as connection:
        connection.execute("create role office login")
        connection.execute("create role exempt login bypassrls")
        connection.execute("create role landlord login")
        connection.execute("select let_in('office'), let_in('exempt')")


def test_with_a_database_of_the_office_the_service_becomes_the_role_that_owns_nothing(wall: Wall) -> None:
    chosen = Settings(database_url=SecretStr(wall.url))
    assert asked(open_for_requests(wall.url, chosen, silent)) == (APP_ROLE, JIAS)


@pytest.mark.usefixtures("roles")
def test_an_office_may_name_a_role_of_its_own(wall: Wall) -> None:
    address = SecretStr(as_user(wall.url, "office"))
    chosen = Settings(database_url=SecretStr(wall.url), app_database_url=address)
    assert asked(open_for_requests(wall.url, chosen, silent)) == ("office", JIAS)
    # A machine that only serves knows no other address.
    only = Settings(database_url=address)
    assert asked(open_for_requests(address.get_secret_value(), only, silent)) == ("office", JIAS)


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("user", ["gridsvc", "exempt"])
def test_a_role_that_no_policy_binds_is_refused(wall: Wall, user: str) -> None:
    address = SecretStr(as_user(wall.url, user))
    chosen = Settings(database_url=SecretStr(wall.url), app_database_url=address)
    with pytest.raises(Unavailable, match=f"signs in as {user}, whom row security does not bind"):
        open_for_requests(wall.url, chosen, silent)
    if user == "exempt":
        with pytest.raises(Unavailable, match="exempt from row security and there is no role"):
            open_for_requests(address.get_secret_value(), Settings(database_url=address), silent)


@pytest.mark.usefixtures("roles")
def test_where_nobody_may_make_a_role_the_owner_serves_and_is_bound_itself(town: Town) -> None:
    url = as_user(landlords(town.url), "landlord")
    engine = open_engine(url)
    migrate(engine)
    with transaction(engine) as session:
        build_town(session)
    engine.dispose()
    told: list[str] = []
    chosen = Settings(database_url=SecretStr(url))
    assert asked(open_for_requests(url, chosen, told.append)) == ("landlord", JIAS)
    assert "leakproof" in told[0]
    assert "landlord owns the tables and serves as well" in told[1]


def landlords(url: str) -> str:
    """Make an empty database that belongs to the landlord; only the extensions are a superuser's."""
    with psycopg.connect(conninfo(url).replace(f"/{make_url(url).database}?", "/postgres?"), autocommit=True) as server:
        server.execute("create database landlords owner landlord")
    address = make_url(url).set(database="landlords").render_as_string(hide_password=False)
    with psycopg.connect(conninfo(address), autocommit=True) as connection:
        for extension in ("postgis", "btree_gist", "pg_trgm"):
            connection.execute(f"create extension {extension}".encode())
        connection.execute("grant create on schema public to landlord")
    return address


def test_what_is_derived_anew_keeps_its_policies_and_grants(town: Town) -> None:
    url = copy_database(town.url)
    state = """
        select tablename, policyname, qual, relrowsecurity, relforcerowsecurity, relacl::text
        from pg_policies join pg_class on oid = format('%I.%I', schemaname, tablename)::regclass order by 1, 2, 6"""
    with psycopg.connect(conninfo(url), autocommit=True) as owner:
        before = owner.execute(state).fetchall()
        for derived in ("drawn", "written", "search"):
            owner.execute("select derive_later(%s, 'building', null)", [derived])
            owner.execute("select derive_due_now(%s)", [derived])
        assert owner.execute("select count(*) from derive_due").fetchone() == (0,)
        assert owner.execute(state).fetchall() == before
        assert owner.execute("select count(*), count(grid) from building_written").fetchone() == (8, 4)
