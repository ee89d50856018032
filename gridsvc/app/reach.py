"""Which database a command works on: settings and a home in, one that answers out, for as long as it is needed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from gridsvc.app.console import say
from gridsvc.core.cluster import Cluster, running_url
from gridsvc.core.db import open_engine
from gridsvc.core.schema import migrate
from gridsvc.core.settings import Settings, settings


@contextmanager
def reached(home: Path | None) -> Iterator[Engine]:
    """Give an engine on the database of a command, its schema brought up to date; no home means the one that is set."""
    with reach(settings(), home or settings().home, say) as url:
        engine = open_engine(url)
        try:
            migrate(engine)
            yield engine
        finally:
            engine.dispose()


@contextmanager
def reach(settings: Settings, home: Path, say: Callable[[str], None]) -> Iterator[str]:
    """Give the address of the database: the one that is set, else that of the home.

    A home that `gridsvc up` is serving right now is used as it is; else its own PostGIS runs until the command ends.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    if (running := running_url(home)) is not None:
        yield running
        return
    with Cluster(home, log=say) as cluster:
        yield cluster.url
