"""The database: an address in, engines, sessions and the mapped base of all tables out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Engine, MetaData, create_engine
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


class Base(DeclarativeBase):
    """The base of every table; each domain declares its own in its `tables.py`."""

    metadata = MetaData(naming_convention=NAMING)


def open_engine(url: str, *, pool_size: int = 8, statement_timeout_s: int | None = None) -> Engine:
    """Make the pooled engine for `url` (any `postgresql…://` form; the driver is always psycopg 3).

    Connections speak UTC and are checked before use, so a restarted PostGIS is met by a new connection, not an error.
    """
    options = "-c timezone=UTC"
    if statement_timeout_s is not None:
        options += f" -c statement_timeout={statement_timeout_s}s"
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


@dataclass
class Database:
    """The two ways into one database: ORM sessions for writes, an async pool for the hot reads."""

    engine: Engine
    sessions: sessionmaker[Session]
    pool: AsyncConnectionPool[AsyncConnection[TupleRow]]

    @classmethod
    def at(cls, url: str, settings: Settings) -> "Database":
        """Describe both ways; no connection is made before the first use (the pool is opened by the app)."""
        engine = open_engine(url, pool_size=settings.pool_size, statement_timeout_s=settings.statement_timeout_s)
        pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            conninfo(url),
            min_size=1,
            max_size=settings.pool_size,
            open=False,
            timeout=5,
            kwargs={
                "autocommit": True,
                "options": f"-c timezone=UTC -c statement_timeout={settings.statement_timeout_s}s",
            },
        )
        return cls(engine, make_sessions(engine), pool)

    async def rows(self, sql: LiteralString | bytes, parameters: dict[str, Any]) -> list[TupleRow]:
        """Run one reading statement on the pool; statements repeated on a connection are prepared by the driver.

        Connections are not tried before use, which would double the way to the database. Instead a statement that
        finds its connection gone (PostGIS was restarted) is run once more on one that lives.
        """
        for last in (False, True):
            async with self.pool.connection() as connection:
                try:
                    cursor = await connection.execute(sql, parameters)
                    return await cursor.fetchall()
                except OperationalError:
                    if last or not connection.broken:
                        raise
            # The others of the pool are as dead as this one was.
            await self.pool.check()
        raise AssertionError("unreachable")
