"""Which database a command works on: settings and a home in, an address that answers out, for as long as it is needed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gridsvc.core.cluster import Cluster, running_url
from gridsvc.core.settings import Settings


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
