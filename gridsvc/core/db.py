"""The database: an address in, engines, sessions and the mapped base of all tables out; and whose rows they see.

The service connects as a role that sees no row by itself. Each of its transactions says for whom it is (`Seen`), in
settings that end with it, and the policies of the tables go by them (migrations/sql/20261126_rows.sql). What connects as
the owner, commands and job workers, sees everything.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, LiteralString, TypeVar, cast

from psycopg import AsyncConnection, Connection, OperationalError
from psycopg.errors import UndefinedFunction
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Connection as EngineConnection
from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from gridsvc.core.settings import Settings

# Constraint names are written down so that a migration can always name what it changes.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

WARMING = """
    select st_asmvt(feature) from (
        select st_asmvtgeom(st_transform(st_point(118, 32, 4326), 3857), st_makeenvelope(0, 0, 1, 1, 3857)) as geom
    ) feature"""


@dataclass(frozen=True)
class Seen:
    """Whose rows a transaction sees: `all`, or prefixes of codes with commas between; and who looks, by name."""

    scope: str
    actor: str = ""

    @property
    def everything(self) -> bool:
        """Tell whether no row is hidden."""
        return self.scope == "all"

    @property
    def few(self) -> bool:
        """Tell whether little enough is seen to be gathered first: streets, communities or grids, and nothing larger."""
        return not self.everything and all(len(one) >= FEW_DIGITS for one in self.scope.split(",") if one)


T = TypeVar("T")
FEW_DIGITS = 9
EVERYTHING = Seen("all")
SEE = "select set_config('gridsvc.scope', %s, true), set_config('gridsvc.actor', %s, true)"
PLAN_ANEW: LiteralString = f"{SEE}, set_config('plan_cache_mode', 'auto', true)"
"""For whom, and that the best plan depends on the values. Else the pool plans a statement once for all of them: left to
itself PostgreSQL may plan it each time, because rows that are hidden make it look dearer than it is."""
SEE_FIRST = (
    b"""
    select case when set_config('gridsvc.scope', %(seen_scope)s, true) is not null
        and set_config('gridsvc.actor', %(seen_actor)s, true) is not null then (""",
    b") end",
)
"""To say for whom and ask for one value in a single statement: the arms of a CASE are evaluated in order, and should they
ever not be, nothing would be seen."""
_seen: ContextVar[Seen | None] = ContextVar("seen", default=None)


def look_as(seen: Seen | None) -> None:
    """Say for whom this request, or thread, asks from now on; for nobody (None), no row is seen."""
    _seen.set(seen)


def seen_now() -> Seen:
    """Tell for whom this request asks; for nobody it is as for who sees nothing."""
    return _seen.get() or Seen("")


def sees_few() -> bool:
    """Tell whether who asks sees so little that it is gathered first."""
    seen = _seen.get()
    return seen is not None and seen.few


@contextmanager
def looking(seen: Seen) -> Iterator[None]:
    """Ask for somebody as long as the block lasts, in transactions that begin in it."""
    before = _seen.set(seen)
    try:
        yield
    finally:
        _seen.reset(before)


class Base(DeclarativeBase):
    """The base of every table; each domain declares its own in its `tables.py`."""

    metadata = MetaData(naming_convention=NAMING)


def open_engine(url: str, *, pool_size: int = 8) -> Engine:
    """Make the pooled engine for `url` (any `postgresql…://` form; the driver is always psycopg 3) that sees everything.

    Connections speak UTC and are checked before use, so a restarted PostGIS is met by a new connection, not an error.
    """
    return _engine(url, pool_size, "-c timezone=UTC -c gridsvc.scope=all")


def _engine(url: str, pool_size: int, options: str) -> Engine:
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={"options": options},
    )


def conninfo(url: str) -> str:
    """Turn any accepted address into the form psycopg itself reads."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Make the session factory: nothing expires at commit, because an answer is shaped after it."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Run one unit of work: commit at the end, roll everything back on any error."""
    with make_sessions(engine).begin() as session:
        yield session


def driver_of(session: Session) -> Connection[Any]:
    """Give the psycopg connection of a session's own transaction, for what only the driver can (COPY, server cursors)."""
    return cast("Connection[Any]", session.connection().connection.driver_connection)


@contextmanager
def seeing_everything(session: Session) -> Iterator[None]:
    """Let the running transaction of a request see every row as long as the block lasts, then the caller's again.

    After an error it is left to be rolled back as it is.
    """
    seen = _seen.get()
    if seen is None or seen.everything:
        yield
        return
    connection = driver_of(session)
    connection.execute(SEE, (EVERYTHING.scope, seen.actor))
    yield
    connection.execute(SEE, (seen.scope, seen.actor))


def _say_for_whom(connection: EngineConnection) -> None:
    """Say at the beginning of a transaction for whom it is; by the driver, because it is on the way of every request."""
    if (seen := _seen.get()) is not None:
        cast("Connection[Any]", connection.connection.driver_connection).execute(SEE, (seen.scope, seen.actor))


async def _warm(connection: AsyncConnection[TupleRow]) -> None:
    """Have a new connection load PostGIS before anybody waits for it; a database without has nothing to load."""
    with suppress(UndefinedFunction):
        await connection.execute(WARMING)


@dataclass
class Database:
    """The two ways into one database: ORM sessions for writes, an async pool for the hot reads."""

    engine: Engine
    sessions: sessionmaker[Session]
    pool: AsyncConnectionPool[AsyncConnection[TupleRow]]

    @classmethod
    def at(cls, url: str, settings: Settings, role: str | None = None) -> "Database":
        """Describe both ways; no connection is made before the first use (the pool is opened by the app).

        `role` is what connections become that the address itself does not sign in as.
        """
        options = f"-c timezone=UTC -c statement_timeout={settings.statement_timeout_s}s"
        if role is not None:
            options += f" -c role={role}"
        engine = _engine(url, settings.pool_size, options)
        event.listen(engine, "begin", _say_for_whom)
        pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            conninfo(url),
            # All from the start: what a new connection learns for its first statement costs more than fifty of them.
            min_size=settings.pool_size,
            max_size=settings.pool_size,
            open=False,
            timeout=5,
            configure=_warm,
            kwargs={
                "autocommit": True,
                # A second process for one statement takes longer to start than these statements take to run, and
                # compiling one takes longer than running it; so does planning it, where the plan is always the same.
                "options": f"{options} -c max_parallel_workers_per_gather=0 -c jit=off"
                " -c plan_cache_mode=force_generic_plan",
            },
        )
        return cls(engine, make_sessions(engine), pool)

    async def rows(
        self,
        sql: LiteralString | bytes,
        parameters: dict[str, Any],
        *,
        binary: bool = False,
        prepare: bool | None = None,
        seen: Seen | None = None,
        one_plan: bool = False,
    ) -> list[TupleRow]:
        """Run one reading statement on the pool; statements repeated on a connection are prepared by the driver.

        It sees the rows of whom the request is for, or of `seen`. `binary` hands bytes over as they are; `prepare=False`
        plans anew for each set of values, which pays where the best plan depends on them; `one_plan` says that it never does.

        Connections are not tried before use, which would double the way to the database. Instead a statement that
        finds its connection gone (PostGIS was restarted) is run once more on one that lives.
        """
        seen = seen or _seen.get()

        async def ask(connection: AsyncConnection[TupleRow]) -> list[TupleRow]:
            # Both in one round trip, and one transaction: what is set ends with it.
            async with connection.pipeline():
                if seen is not None:
                    await connection.execute(SEE if one_plan else PLAN_ANEW, (seen.scope, seen.actor), prepare=True)
                cursor = await connection.execute(sql, parameters, prepare=prepare, binary=binary)
            return await cursor.fetchall()

        return await self._on_one_that_lives(ask)

    async def value(self, sql: bytes, parameters: dict[str, Any], seen: Seen) -> Any:
        """Run one statement that gives one value, as it is in binary, and sees what `seen` sees: the quickest way there is."""
        statement = _asking_first(sql)
        named = {**parameters, "seen_scope": seen.scope, "seen_actor": seen.actor}

        async def ask(connection: AsyncConnection[TupleRow]) -> Any:
            cursor = await connection.execute(statement, named, prepare=True, binary=True)
            row = await cursor.fetchone()
            return row and row[0]

        return await self._on_one_that_lives(ask)

    async def _on_one_that_lives(self, ask: "Callable[[AsyncConnection[TupleRow]], Awaitable[T]]") -> T:
        for last in (False, True):
            async with self.pool.connection() as connection:
                try:
                    return await ask(connection)
                except OperationalError:
                    if last or not connection.broken:
                        raise
            # The others of the pool are as dead as this one was.
            await self.pool.check()
        raise AssertionError("unreachable")


@lru_cache(maxsize=200)
def _asking_first(sql: bytes) -> bytes:
    return SEE_FIRST[0] + sql + SEE_FIRST[1]
