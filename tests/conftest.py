"""A real, migrated PostGIS for each test process, the small town in it, and the service over it."""

import base64
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from gridsvc.app.main import create_app
from gridsvc.core.cluster import Cluster, discard
from gridsvc.core.db import Database, conninfo, open_engine, transaction
from gridsvc.core.schema import APP_ROLE, migrate
from gridsvc.core.settings import Settings
from tests.town import build_town

_numbers = count()

# A key of the tests' own: none is made in the home of whoever runs them.
os.environ["GRIDSVC_SECRET_KEY"] = base64.b64encode(b"t" * 32).decode()
# The tests ask more often than people do; tests/app/edge looks at these limits.
for kind in ("READS", "WRITES", "STRANGERS", "SIGN_INS"):
    os.environ[f"GRIDSVC_RATE_{kind}"] = "0"

CHROMIUM: dict[str, object] = {
    "executable_path": "/usr/bin/chromium",
    "args": [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
}


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """Run the browser tests (pytest-playwright) in Debian's Chromium, which may look for no updates."""
    return CHROMIUM


@dataclass(frozen=True)
class Town:
    """The database that holds the town, and a token for each role."""

    url: str
    tokens: dict[str, str]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Run a PostGIS for this test process; nothing of it is left behind."""
    home = Path(tempfile.mkdtemp(prefix="gridsvc-test-"))
    # The database runs as an unprivileged user, who must be able to come here.
    home.chmod(0o755)
    try:
        with Cluster(home, durable=False) as running:
            yield running
        discard(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def empty_url(cluster: Cluster) -> str:
    """Give a migrated database with nothing in it, to be copied and never written to."""
    engine = open_engine(cluster.url)
    migrate(engine)
    engine.dispose()
    return cluster.url


@pytest.fixture(scope="session")
def town(empty_url: str) -> Town:
    """Give a database with the small town, to be copied and never written to."""
    url = copy_database(empty_url)
    engine = open_engine(url)
    with transaction(engine) as session:
        tokens = build_town(session)
    engine.dispose()
    return Town(url, tokens)


def copy_database(url: str) -> str:
    """Copy a database that nobody is connected to; answer the address of the copy."""
    source = make_url(url)
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(conninfo(url).replace(f"/{source.database}?", "/postgres?"), autocommit=True) as connection:
        connection.execute(
            # File by file: through the log it takes five times as long.
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(str(source.database))
            )
        )
    return source.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def town_engine(town: Town) -> Iterator[Engine]:
    """Give an engine on a copy of the town, for tests that leave nothing behind."""
    engine = open_engine(copy_database(town.url))
    yield engine
    engine.dispose()


@pytest.fixture
def session(town_engine: Engine) -> Iterator[Session]:
    """Give a session in the town; all that a test writes is taken back after it."""
    with town_engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            yield session
        outer.rollback()


@pytest.fixture
def empty_engine(empty_url: str) -> Iterator[Engine]:
    """Give an engine on an empty database of the test's own."""
    engine = open_engine(copy_database(empty_url))
    yield engine
    engine.dispose()


@dataclass(frozen=True)
class Service:
    """The service over a town of its own, an engine of the owner, and what to send to be somebody in it."""

    client: TestClient
    engine: Engine
    tokens: dict[str, str]

    def as_(self, role: str) -> dict[str, str]:
        """Give the header of somebody of a role."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}


@pytest.fixture
def service(town: Town) -> Iterator[Service]:
    """Run the whole service, as the role that serves, over a copy of the town that is the test's own."""
    url = copy_database(town.url)
    database, engine = Database.at(served(url), Settings(pool_size=2)), open_engine(url)
    with TestClient(create_app(database, Settings()), raise_server_exceptions=False) as client:
        yield Service(client, engine, town.tokens)
    engine.dispose()


def served(url: str) -> str:
    """Give the address by which the role that serves comes to the same database."""
    return make_url(url).set(username=APP_ROLE).render_as_string(hide_password=False)


def early_in_a_step() -> None:
    """Wait until the code of a phone, which changes every 30 seconds, stays the same for a while."""
    left_s = 30 - time.time() % 30
    if left_s < 6:
        time.sleep(left_s + 0.1)
