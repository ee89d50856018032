"""One town with three sides for all cells of the matrix that a process asks."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from gridsvc.app.main import create_app
from gridsvc.core.db import Database, open_engine
from gridsvc.core.settings import Settings
from tests.access.matrix.ground import Ground, build
from tests.conftest import Town, copy_database, served


@pytest.fixture(scope="module")
def ground(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Run the whole service over a town with something of everything on three sides."""
    url = copy_database(town.url)
    database, engine = Database.at(served(url), Settings(pool_size=2)), open_engine(url)
    # No tile is kept: what is opened to everybody shows at once.
    settings = Settings(home=tmp_path_factory.mktemp("home"), tile_cache_mb=0, tile_features_mb=0)
    with TestClient(create_app(database, settings), raise_server_exceptions=False) as client:
        yield build(client, engine, town.tokens)
    engine.dispose()
