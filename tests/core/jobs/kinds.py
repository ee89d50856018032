"""Kinds of jobs to test with, and a worker for them as a process of its own: `python -m tests.core.jobs.kinds URL`."""

import asyncio
import os
import signal
import sys
import time
from typing import Any

from sqlalchemy import text

from gridsvc.core.errors import Invalid
from gridsvc.core.jobs.queue import Running
from gridsvc.core.jobs.worker import Pace, Worker

PACE = Pace(poll_s=0.5, sweep_s=0.4, heartbeat_s=1.0, grace_s=0.5, reconnect_s=0.2)
NOTE = text("insert into note (job, process) values (:job, :process)")


def note(running: Running) -> dict[str, Any]:
    """Write one row."""
    running.session.execute(NOTE, {"job": running.id, "process": os.getpid()})
    return {"said": running.arguments.get("say")}


def slow(running: Running) -> str:
    """Write one row, and then count for as many seconds as were asked for."""
    running.session.execute(NOTE, {"job": running.id, "process": os.getpid()})
    tenths = int(running.arguments["seconds"] * 10)
    for tenth in range(tenths):
        running.progress("counting", tenth, tenths)
        time.sleep(0.1)
    running.progress("counted", tenths, tenths)
    return "counted"


def long_statement(running: Running) -> None:
    """Write one row, and then wait in one statement, which tells no progress."""
    running.session.execute(NOTE, {"job": running.id, "process": os.getpid()})
    running.session.execute(text("select pg_sleep(:seconds)"), dict(running.arguments))


def refuse(running: Running) -> None:
    """Write one row, and refuse."""
    running.session.execute(NOTE, {"job": running.id, "process": os.getpid()})
    raise Invalid("The third row is upside down.\0", faults=[{"row": 3}])


def break_(running: Running) -> None:
    """Write one row, and fail as a mistake in a program does."""
    running.session.execute(NOTE, {"job": running.id, "process": os.getpid()})
    raise KeyError("a secret of the program")


def lose_connection(running: Running) -> str:
    """Write one row, and lose the connection the first time."""
    running.session.execute(NOTE, {"job": running.id, "process": os.getpid()})
    attempt = running.session.scalar(text("select attempts from job where id = :job"), {"job": running.id})
    if attempt == 1:
        running.session.execute(text("select pg_terminate_backend(pg_backend_pid())"))
    return f"attempt {attempt}"


KINDS = {
    "note": note,
    "slow": slow,
    "long_statement": long_statement,
    "refuse": refuse,
    "break": break_,
    "lose_connection": lose_connection,
}


async def work(url: str, at_once: int) -> None:
    """Work until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await Worker(url, KINDS, at_once=at_once, pace=PACE).run(stop)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], int(sys.argv[2])))
