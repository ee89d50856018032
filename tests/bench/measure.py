"""How a figure is taken: two pieces of work in, run in turn so that a noisy machine is noisy for both, medians out."""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

Case = TypeVar("Case")


@dataclass(frozen=True)
class Figure:
    """Our way and the peer's, in milliseconds unless it says otherwise, and the largest ratio that is still good.

    For what shall be large (answers a second) the bar is the smallest ratio: `at_least`.
    """

    work: str
    ours_ms: float
    peer: str
    peer_ms: float
    bar: float
    unit: str = "ms"
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """Tell how many times as long as the peer we take."""
        return self.ours_ms / self.peer_ms

    @property
    def kept(self) -> bool:
        """Tell whether the promise is kept."""
        return self.ratio >= self.bar if self.at_least else self.ratio <= self.bar


def in_turn(
    cases: Iterable[Case], ours: Callable[[Case], object], peer: Callable[[Case], object]
) -> tuple[list[float], list[float]]:
    """Run both on every case, one after the other; answer the times in milliseconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for case in cases:
        for work, taken in zip((ours, peer), times, strict=True):
            began = time.perf_counter()
            work(case)
            taken.append((time.perf_counter() - began) * 1000)
    return times


def compare(work: str, taken: tuple[list[float], list[float]], peer: str, bar: float) -> Figure:
    """Make a figure of the medians."""
    ours, theirs = (statistics.median(times) for times in taken)
    return Figure(work, ours, peer, theirs, bar)
