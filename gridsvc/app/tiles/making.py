"""One tile for a caller: layer, numbers and moment in; the compressed tile and its tag out, made once however many ask."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Generic, TypeVar

from isal import isal_zlib

from gridsvc.app.tiles.keeping import InFolder, InMemory, Key
from gridsvc.app.tiles.pieces.drawing import Drawn
from gridsvc.app.tiles.pieces.held import Pieces
from gridsvc.app.tiles.versions import Versions
from gridsvc.core.db import Database, Seen
from gridsvc.core.errors import Invalid
from gridsvc.core.mvt import Band, TileLayer, check_tile, tile_parameters
from gridsvc.core.settings import Settings

OFF_THE_LOOP_BYTES = 50_000
"""From this size a tile is compressed in a thread: it would hold everybody up for longer than a thread costs."""
MEGABYTE = 1_000_000
T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """A tile that is on the map, of a layer that exists, for one scope; `at` None is now, and follows the data."""

    layer: TileLayer
    z: int
    x: int
    y: int
    row_scope: str
    at: datetime | None = None

    def __post_init__(self) -> None:
        check_tile(self.z, self.x, self.y)
        if self.at is not None and not self.layer.dated:
            raise Invalid(f"The layer {self.layer.name} has no tiles of another moment; leave `at` out.")

    def key(self, version: str) -> Key:
        """Name the tile in one version."""
        return (self.row_scope, self.layer.name, f"{version}-{self.layer.edition}", self.z, self.x, self.y)


@lru_cache(maxsize=200)
def tag_of(row_scope: str, layer: TileLayer, version: str) -> str:
    """Name what a caller's tiles of a layer are made of. Weak, because compressed and plain are the same tile."""
    text = "\0".join((row_scope, layer.name, version, layer.edition))
    return f'W/"{blake2b(text.encode(), digest_size=12).hexdigest()}"'


class Flights(Generic[T]):
    """One piece of work for all who want it; it belongs to none of them, so that who leaves takes nothing away."""

    def __init__(self) -> None:
        self._under_way: dict[Key, asyncio.Task[T]] = {}

    async def join(self, key: Key, work: Callable[[], Awaitable[T]]) -> T:
        """Wait for the work under way for a key, or begin it."""
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.ensure_future(work())
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._land(key, done))
        return await asyncio.shield(task)

    def _land(self, key: Key, done: "asyncio.Task[T]") -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            # Looked at, so that nobody complains about a fault whose askers have all left.
            done.exception()


class Tiles:
    """All tiles of one database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self.versions = Versions(database)
        self.memory = InMemory(settings.tile_cache_mb * MEGABYTE)
        folder = settings.tile_cache_dir
        self.folder = InFolder(folder, settings.tile_cache_dir_mb * MEGABYTE) if folder else None
        self._flights: Flights[bytes] = Flights()
        readings: Flights[Drawn | None] = Flights()
        self.pieces = Pieces(database, settings.tile_features_mb * MEGABYTE, readings.join)

    async def version(self, wanted: Wanted, *, fresh: bool = False) -> str:
        """Tell the data version a tile is wanted in."""
        if wanted.at is None:
            return await self.versions.read(wanted.layer, fresh=fresh)
        return await self.versions.read_at(wanted.layer, wanted.at)

    def at_once(self, wanted: Wanted, version: str) -> bytes | None:
        """Give a tile compressed by gzip if nothing must be waited for: it is kept, or made of what is held."""
        key = wanted.key(version)
        tile = self.memory.get(key)
        if tile is None:
            band = wanted.layer.band(wanted.z)
            plain = self.pieces.at_once(wanted.layer, band, key) if band and band.held else None
            if plain is not None:
                tile = compress(plain)
                self.memory.put(key, tile)
        return tile

    async def get(self, wanted: Wanted, version: str) -> bytes:
        """Give a tile compressed by gzip; no bytes where nothing is drawn."""
        tile = self.at_once(wanted, version)
        if tile is None:
            key = wanted.key(version)
            tile = await self._flights.join(key, lambda: self._fetch(key, wanted))
        return tile

    async def _fetch(self, key: Key, wanted: Wanted) -> bytes:
        tile = await asyncio.to_thread(self.folder.get, key) if self.folder else None
        if tile is None:
            tile = await self._make(key, wanted)
            if self.folder:
                await asyncio.to_thread(self.folder.put, key, tile)
        self.memory.put(key, tile)
        return tile

    async def _make(self, key: Key, wanted: Wanted) -> bytes:
        band = wanted.layer.band(wanted.z)
        if band is None:
            return b""
        tile = await (self.pieces.tile(wanted.layer, band, key) if band.held else self._ask(wanted, band))
        if len(tile) < OFF_THE_LOOP_BYTES:
            return compress(tile)
        return await asyncio.to_thread(compress, tile)

    async def _ask(self, wanted: Wanted, band: Band) -> bytes:
        parameters = {
            **tile_parameters(wanted.z, wanted.x, wanted.y, band.buffer_units),
            "at": wanted.at or datetime.now(UTC),
            "live": wanted.at is None,
        }
        # For the scope alone and not for who asks, because whoever has the same scope gets the same tile.
        tile: bytes = await self._database.value(wanted.layer.statements[wanted.z], parameters, Seen(wanted.row_scope))
        return tile


def compress(tile: bytes) -> bytes:
    """Compress by gzip, once for all who will get the tile; nothing stays nothing."""
    if not tile:
        return b""
    # As small as zlib's first level, in a fifth of its time.
    packer = isal_zlib.compressobj(2, isal_zlib.DEFLATED, 31)
    return packer.compress(tile) + packer.flush()


def decompress(tile: bytes) -> bytes:
    """Give the plain tile, for a client that does not know gzip."""
    return zlib.decompress(tile, 31)
