"""Where the benches stand: a PostGIS of their own, with the sample town or a city of a million houses; gone at the end."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.app.demo import load_town
from gridsvc.core.cluster import Cluster, discard
from gridsvc.core.db import open_engine, transaction
from gridsvc.core.schema import migrate
from gridsvc.core.settings import Settings
from tests.bench.city import build_city


@dataclass(frozen=True)
class Ground:
    """The address of a database, the token of somebody who may read all of it, and a folder to work in."""

    url: str
    token: str
    folder: Path


@contextmanager
def town() -> Iterator[Ground]:
    """Give the sample town."""
    with empty() as ground:
        engine = open_engine(ground.url)
        with transaction(engine) as session:
            load_town(session, Settings())
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze")
        engine.dispose()
        yield ground


@contextmanager
def city(buildings: int = 1_000_000, grids: int = 20_000) -> Iterator[Ground]:
    """Give the city; it takes minutes to build."""
    with empty() as ground:
        build_city(ground.url, buildings, grids)
        yield ground


@contextmanager
def empty() -> Iterator[Ground]:
    """Give a database with nothing in it but somebody who may read."""
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-bench-"))
    # The database runs as an unprivileged user, who must be able to come here.
    folder.chmod(0o755)
    try:
        with Cluster(folder) as cluster:
            engine = open_engine(cluster.url)
            migrate(engine)
            with transaction(engine) as session:
                token = issue_token(
                    session, add_account(session, "bench", "viewer", None, actor="bench"), "", actor="bench"
                )
            engine.dispose()
            yield Ground(cluster.url, token, folder)
    finally:
        discard(folder)
        shutil.rmtree(folder, ignore_errors=True)
