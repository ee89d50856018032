"""What an action costs on the processor, on a machine that does other things as well."""

import gc
import time
from collections.abc import Callable


def least_s(action: Callable[[], object], tries: int = 5, clock: Callable[[], float] = time.thread_time) -> float:
    """Measure `action` some times and return the least: by default the time of this thread alone; no collection of waste in between.

    The least of some is what the work itself costs; a machine that is busy, or a large heap looked through at the wrong moment, only adds.

    Returns:
        Seconds of the clock.
    """
    taken = []
    collects = gc.isenabled()
    gc.disable()
    try:
        for _ in range(tries):
            began = clock()
            action()
            taken.append(clock() - began)
    finally:
        if collects:
            gc.enable()
    return min(taken)
