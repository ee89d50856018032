"""A story told with tiles over a database: an address and what happens in, its end out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from gridsvc.app.tiles.making import Tiles
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings

Of = TypeVar("Of", bound=Database)


def tell(kind: type[Of], url: str, story: Callable[[Of, Tiles], Awaitable[None]], **settings: Any) -> None:
    """Tell a story with tiles over a database of some kind."""

    async def told() -> None:
        chosen = Settings(pool_size=2, **settings)
        database = kind.at(url, chosen)
        assert isinstance(database, kind)
        await database.pool.open()
        try:
            await story(database, Tiles(database, chosen))
        finally:
            await database.pool.close()
            database.engine.dispose()

    asyncio.run(told())
