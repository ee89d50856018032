"""How far a job is: told as often as the job likes, written a few times a second, and answered by "stop" when it must.

The job's own transaction is open all the while, so a thread beside it writes on a connection of its own: that is why
others see it. The same thread learns that the job was cancelled, or that its worker must leave, and interrupts the
statement that is running; the job then hears of it here.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg import Error as DriverError
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

TICK_S = 0.3
"""How often progress is written and a wish to cancel is looked for."""

WRITE = text("""
    update job set done = :done, total = :total, message = :step,
        step_at = case when message = :step and done <= :done then step_at else now() end
    where id = :job and state = 'running' returning cancel_asked""")
LOOK = text("select cancel_asked from job where id = :job")


class Stopped(Exception):  # noqa: N818 - it is no error of the program
    """The job must end now, with nothing written."""


class Cancelled(Stopped):
    """Somebody cancelled the job."""


class Leaving(Stopped):
    """The worker is told to stop; another will do the job."""


class Progress:
    """What a job calls with its step, how much of it is done and how much there is (0: not known).

    It costs next to nothing. Raises Cancelled or Leaving when the job must end.
    """

    def __init__(self) -> None:
        self.latest = ("", 0, 0)
        self.stop: type[Stopped] | None = None

    def __call__(self, step: str, done: int, total: int) -> None:
        """Tell of progress, and hear whether to go on."""
        self.latest = (step, done, total)
        if self.stop is not None:
            raise self.stop


@contextmanager
def watched(
    engine: Engine, job: int, own: Connection[Any], progress: Progress, leaving: Callable[[], bool]
) -> Iterator[None]:
    """Write a job's progress while it runs, and stop it when it is cancelled or `leaving` says so.

    `own` is the connection of the job's transaction, whose running statement is interrupted then. So any error may be
    what follows from that: whoever handles it looks at `progress.stop` first.
    """
    over = threading.Event()

    def watch() -> None:
        written = progress.latest
        while not over.wait(TICK_S):
            latest = progress.latest
            # The database may be away for a moment: the job's own connection will find out, not this one.
            with contextlib.suppress(SQLAlchemyError, DriverError):
                if _tell(engine, job, latest if latest != written else None):
                    progress.stop = Cancelled
                written = latest
            if leaving():
                progress.stop = progress.stop or Leaving
            if progress.stop is not None:
                with contextlib.suppress(DriverError):
                    own.cancel_safe(timeout=TICK_S * 10)

    watcher = threading.Thread(target=watch, name=f"job-{job}-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _tell(engine: Engine, job: int, latest: tuple[str, int, int] | None) -> bool:
    """Write progress, if there is any; answer whether the job was cancelled."""
    with engine.begin() as connection:
        if latest is None:
            return bool(connection.scalar(LOOK, {"job": job}))
        step, done, total = latest
        return bool(connection.scalar(WRITE, {"job": job, "step": step, "done": done, "total": total}))
