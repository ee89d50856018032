"""A tile of a layer of small polygons in, its bytes out: the piece of the map it lies in is read and drawn once, and held.

Who looks at one tile looks at its neighbours. So what is drawn in a piece of the map, a tile of zoom 15, is read by one
question for a zoom, and serves all deeper tiles in it. A piece is of one scope and one data version, as tiles are, so
that nobody is shown what only somebody else may see, or what is no more.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import lru_cache

from gridsvc.app.tiles.keeping import Key
from gridsvc.app.tiles.pieces.drawing import Drawn, draw
from gridsvc.app.tiles.pieces.encoding import encode
from gridsvc.app.tiles.pieces.reading import question, read_shapes
from gridsvc.core.db import Database, Seen
from gridsvc.core.mvt import EXTENT, Band, TileLayer, tile_parameters

HELD_ZOOM = 15
"""The zoom of the pieces: some hundred houses of a dense town, read and drawn in two milliseconds."""
OVERHEAD_BYTES = 1000
"""What is held takes beside its arrays."""

Join = Callable[[Key, Callable[[], Awaitable[Drawn | None]]], Awaitable[Drawn | None]]


class Pieces:
    """The pieces used last, as many as fit into so many bytes; `join` runs one piece of work for all who want it."""

    def __init__(self, database: Database, most_bytes: int, join: Join) -> None:
        self._database = database
        self._most_bytes = most_bytes
        self._join = join
        self._held: OrderedDict[Key, Drawn | None] = OrderedDict()
        self.bytes = 0

    def at_once(self, layer: TileLayer, band: Band, key: Key) -> bytes | None:
        """Make a tile, uncompressed, of a piece that is held; nothing where nothing is drawn, None when it is not held."""
        piece_key, corner = self._of(key)
        if piece_key not in self._held:
            return None
        drawn = self._held[piece_key]
        self._held.move_to_end(piece_key)
        return encode(drawn, layer.name, list(band.properties), corner, band.buffer_units) if drawn else b""

    async def tile(self, layer: TileLayer, band: Band, key: Key) -> bytes:
        """Make a tile, uncompressed, reading its piece; nothing where nothing is drawn."""
        piece_key, corner = self._of(key)
        drawn = await self._join(piece_key, lambda: self._read(band, piece_key, key[3] - self._zoom(key)))
        return encode(drawn, layer.name, list(band.properties), corner, band.buffer_units) if drawn else b""

    def _zoom(self, key: Key) -> int:
        return min(key[3], HELD_ZOOM) if self._most_bytes else key[3]

    def _of(self, key: Key) -> tuple[Key, tuple[int, int]]:
        """Name the piece a tile lies in, and the tile's corner in it."""
        scope, name, version, z, x, y = key
        up = z - self._zoom(key)
        return (scope, name, version, z, x >> up, y >> up), (
            (x - (x >> up << up)) * EXTENT,
            (y - (y >> up << up)) * EXTENT,
        )

    async def _read(self, band: Band, key: Key, up: int) -> Drawn | None:
        scope, _, _, z, x, y = key
        piece = tile_parameters(z - up, x, y, band.buffer_units)
        rows = await self._database.rows(_question(band), piece, binary=True, prepare=True, seen=Seen(scope))
        # Drawn in the units of the tiles it is for.
        piece["scale"] *= 2**up
        shapes = read_shapes(rows[0])
        drawn = draw(shapes, piece) if shapes else None
        if up:
            self._hold(key, drawn)
        return drawn

    def _hold(self, key: Key, drawn: Drawn | None) -> None:
        self._held[key] = drawn
        self.bytes += _bytes(drawn)
        while self.bytes > self._most_bytes:
            _, gone = self._held.popitem(last=False)
            self.bytes -= _bytes(gone)


def _bytes(drawn: Drawn | None) -> int:
    return OVERHEAD_BYTES + (drawn.bytes if drawn else 0)


@lru_cache(maxsize=100)
def _question(band: Band) -> bytes:
    return question(band)
