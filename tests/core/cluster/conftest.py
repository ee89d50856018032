"""Homes for clusters: in the open, where the database's user can go, and behind a closed door; both gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridsvc.core.cluster import Cluster, discard


def _home(mode: int) -> Iterator[Path]:
    # A short path of our own: pytest's tmp_path is closed to others and grows with the test's name.
    above = Path(tempfile.mkdtemp(prefix="gs-"))
    above.chmod(mode)
    home = above / "home"
    yield home
    if home.exists():
        discard(home)
    shutil.rmtree(above)


@pytest.fixture
def home() -> Iterator[Path]:
    yield from _home(0o755)


@pytest.fixture
def closed_home() -> Iterator[Path]:
    yield from _home(0o700)


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    for home in _home(0o755):
        with Cluster(home, durable=False) as cluster:
            yield cluster
