"""`gridsvc work`: jobs done in the foreground until it is told to stop; and the worker that `gridsvc up` keeps beside it."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer

from gridsvc.app.console import Home, refusals_as_sentences, say
from gridsvc.core.cluster import confine, running_url
from gridsvc.core.db import open_engine
from gridsvc.core.errors import Unavailable
from gridsvc.core.schema import schema_step
from gridsvc.core.settings import Settings, settings

PATIENCE_S = 15
"""How long a worker may take to stop; it lets jobs finish for 10 s of this, and what is killed is done again."""
LATER_S = 1.0
"""How long after the service the worker of `gridsvc up` starts."""
REST_S = 2.0
"""How long that worker stays away when it died, so that one that cannot start does no harm."""


def work_only(
    home: Home = None,
    beside: Annotated[bool, typer.Option("--beside", hidden=True, help="As the worker of a running `up`")] = False,
) -> None:
    """Do jobs only: any number of these, on any machines, share one database; SIGTERM or Ctrl-C stops it.

    Jobs under way are finished within 10 s or left to another worker, which begins them anew.
    """
    chosen = settings()
    with refusals_as_sentences():
        url = _database_of(chosen, home or chosen.home)
        if not beside:
            _refuse_old_schema(url)
        asyncio.run(_work(url, chosen, tell=not beside))


@contextmanager
def worker_beside(url: str) -> Iterator[None]:
    """Keep a worker in a process of its own for as long as the block lasts; one that dies is followed by another.

    A process of its own, because a job that computes would make every request wait.
    """
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(url, over), name="worker-keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _keep(url: str, over: threading.Event) -> None:
    # The service is ready first; a worker that loads at the same time would take half of the machine from it.
    over.wait(LATER_S)
    while not over.is_set():
        worker = _start(url)
        ended = threading.Event()
        threading.Thread(target=_wait, args=(worker, ended.set), name="worker-wait", daemon=True).start()
        while not over.is_set() and not ended.wait(0.2):
            pass
        if not over.is_set():
            structlog.get_logger().warning("worker.died", exit_code=worker.returncode)
            over.wait(REST_S)
            continue
        worker.terminate()
        if not ended.wait(PATIENCE_S):
            worker.kill()
            ended.wait(PATIENCE_S)


def _wait(worker: "subprocess.Popen[bytes]", then: Callable[[], None]) -> None:
    worker.wait()
    then()


def _start(url: str) -> "subprocess.Popen[bytes]":
    # The kernel ends it (SIGINT) when the thread that starts it does, however that ends; Ctrl-C in the terminal spares it.
    script = [sys.executable, "-I", "-S", confine.__file__, str(os.getpid()), "-"]
    command = [sys.executable, "-m", "gridsvc.app.cli", "work", "--beside"]
    return subprocess.Popen(  # noqa: S603 - our own program
        [*script, *command],
        # Not on the command line, where others could read its password.
        env={**os.environ, "GRIDSVC_DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


async def _work(url: str, chosen: Settings, *, tell: bool) -> None:
    # Loaded here, after `gridsvc up` is ready: what does the jobs needs more than what takes them in.
    from gridsvc.app.jobs import CHORES, KINDS
    from gridsvc.core.jobs.worker import Worker

    # What they have to say of a database that is away, we say in one line (core/jobs/worker.py).
    for chatty in ("procrastinate", "psycopg.pool"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def leave() -> None:
        stop.set()
        for sign in (signal.SIGTERM, signal.SIGINT):
            # A second one ends the process at once, which a job survives.
            loop.remove_signal_handler(sign)
            signal.signal(sign, signal.SIG_DFL)

    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, leave)
    if tell:
        say(f"ready: a worker for jobs ({', '.join(sorted(KINDS))}), {chosen.worker_jobs} at a time")
    await Worker(url, KINDS, CHORES, at_once=chosen.worker_jobs, keep_days=chosen.job_days).run(stop)


def _database_of(chosen: Settings, home: Path) -> str:
    if chosen.database_url is not None:
        return chosen.database_url.get_secret_value()
    url = running_url(home)
    if url is None:
        raise Unavailable(f"work needs GRIDSVC_DATABASE_URL, or a home that `gridsvc up` is serving; {home} is not.")
    return url


def _refuse_old_schema(url: str) -> None:
    engine = open_engine(url)
    try:
        step, newest = schema_step(engine)
    except Exception as error:
        raise Unavailable(f"The database does not answer: {error}") from error
    finally:
        engine.dispose()
    if step != newest:
        raise Unavailable(f"The schema is at {step}, and this version needs {newest}; run `gridsvc migrate` first.")
