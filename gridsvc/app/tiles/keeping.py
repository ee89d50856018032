"""Tiles that are kept: a key in, the compressed tile out if it is there; in memory up to a bound, and in a folder if set."""

import os
import tempfile
from collections import OrderedDict
from hashlib import blake2b
from pathlib import Path

Key = tuple[str, str, str, int, int, int]
"""Scope of the caller, layer, data version, zoom, column, row."""

OVERHEAD_BYTES = 500
"""What an entry takes beside its bytes: key, numbers, links."""
SWEEP_TO = 0.8
"""How much of its bound a folder holds after it was swept."""


class InMemory:
    """The most recently used tiles, as many as fit into so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self.bytes = 0

    def get(self, key: Key) -> bytes | None:
        """Give a tile, or None."""
        tile = self._kept.get(key)
        if tile is not None:
            self._kept.move_to_end(key)
        return tile

    def put(self, key: Key, tile: bytes) -> None:
        """Keep a tile; those not used for longest make room."""
        before = self._kept.pop(key, None)
        if before is not None:
            self.bytes -= len(before) + OVERHEAD_BYTES
        self._kept[key] = tile
        self.bytes += len(tile) + OVERHEAD_BYTES
        while self.bytes > self._most_bytes:
            _, gone = self._kept.popitem(last=False)
            self.bytes -= len(gone) + OVERHEAD_BYTES


class InFolder:
    """Tiles as files, for this user's eyes only; the oldest go when the folder is full. What fails is as if not kept."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._written: int | None = None

    def get(self, key: Key) -> bytes | None:
        """Read a tile, or None."""
        try:
            return self._path(key).read_bytes()
        except OSError:
            return None

    def put(self, key: Key, tile: bytes) -> None:
        """Write a tile: the whole file at once, or nothing."""
        path = self._path(key)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(tile)
            Path(name).replace(path)
            self._make_room(len(tile))
        except OSError:
            return

    def _path(self, key: Key) -> Path:
        # Named by all of the key: a tile of another scope or version is another file.
        name = blake2b("\0".join(map(str, key)).encode(), digest_size=20).hexdigest()
        return self._folder / name[:2] / name

    def _make_room(self, added: int) -> None:
        if self._written is None:
            self._written = sum(path.stat().st_size for path in self._folder.glob("??/*"))
        else:
            self._written += added
        if self._written <= self._most_bytes:
            return
        files = sorted(((path.stat(), path) for path in self._folder.glob("??/*")), key=lambda file: file[0].st_mtime)
        self._written = sum(stat.st_size for stat, _ in files)
        for stat, path in files:
            if self._written <= self._most_bytes * SWEEP_TO:
                break
            path.unlink(missing_ok=True)
            self._written -= stat.st_size
