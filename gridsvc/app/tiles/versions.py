"""The data version of each layer: what transactions have left in `drawn.change` in, a short text per layer out."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import event

from gridsvc.core.db import EVERYTHING, Database
from gridsvc.core.mvt import TileLayer

TRUSTED_S = 0.1
"""How long a version is trusted without asking: the longest another process's change stays unseen. A change of this
process is seen at once."""
FOLD_AT = 500
"""Marks of changes from which they are folded into one a layer."""

STATE = """
    select drawn.last_redraw(%(at)s), array_agg(layer), array_agg(mark), sum(marks)::int
    from (select layer, bit_xor(mark) as mark, count(*) as marks from drawn.change group by layer) sums"""


class Versions:
    """Knows the version of every layer, asking the database at most once in a moment."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._marks: dict[str, int] = {}
        self._names: dict[str, str] = {}  # of the layers' versions, as long as marks and moment are the same
        self._redraw: datetime | None = None
        self._trusted_until = -1.0
        self._commits = 0
        self._asking: asyncio.Task[tuple[dict[str, int], datetime | None]] | None = None
        self._asked_after = 0
        event.listen(database.sessions, "after_commit", self._distrust)

    def _distrust(self, _: object) -> None:
        # Called in the thread of the request that has committed.
        self._commits += 1
        self._trusted_until = -1.0

    def known(self, layer: TileLayer) -> str | None:
        """Tell the version of a layer if it is known for sure right now, asking nobody."""
        if self._clock() >= self._trusted_until:
            return None
        name = self._names.get(layer.name)
        if name is None:
            name = self._names[layer.name] = self._named(layer, self._marks, self._redraw)
        return name

    async def read(self, layer: TileLayer, *, fresh: bool = False) -> str:
        """Tell the version of a layer now; `fresh` trusts nothing that was read before."""
        known = None if fresh else self.known(layer)
        if known is not None:
            return known
        # Many ask when a version has just run out; those who may trust one share the asking.
        task = self._asking if not fresh and self._asked_after == self._commits else None
        if task is None or task.done():
            task = self._asking = asyncio.ensure_future(self._refresh())
            self._asked_after = self._commits
            # Looked at, so that nobody complains about a fault whose askers have all left.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._named(layer, *await asyncio.shield(task))

    async def _refresh(self) -> tuple[dict[str, int], datetime | None]:
        commits, began = self._commits, self._clock()
        marks, redraw = await self._ask(datetime.now(UTC))
        # A commit in between may have come after the reading.
        if commits == self._commits:
            if (marks, redraw) != (self._marks, self._redraw):
                self._names = {}
            self._marks, self._redraw, self._trusted_until = marks, redraw, began + TRUSTED_S
        return marks, redraw

    async def read_at(self, layer: TileLayer, at: datetime) -> str:
        """Tell the version of a dated layer as of a moment; the same for all moments between two redraws."""
        return "at-" + self._named(layer, *await self._ask(at))

    async def _ask(self, at: datetime) -> tuple[dict[str, int], datetime | None]:
        # The same for all: a version is of the data, whoever sees how much of it.
        redraw, layers, sums, marks = (await self._database.rows(STATE, {"at": at}, seen=EVERYTHING))[0]
        if (marks or 0) > FOLD_AT:
            await self._database.rows("select drawn.fold_changes()", {})
        return dict(zip(layers or (), sums or (), strict=True)), redraw

    @staticmethod
    def _named(layer: TileLayer, marks: dict[str, int], redraw: datetime | None) -> str:
        parts = [f"{marks.get(table, 0) % 2**64:x}" for table in layer.tables]
        if layer.dated and redraw is not None:
            parts.append(f"{int(redraw.timestamp() * 1_000_000):x}")
        return "-".join(parts)
