"""What the tests of jobs share: a database of their own, workers in it, and a look at a job from outside."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gridsvc.core.db import make_sessions, transaction
from gridsvc.core.jobs.queue import defer
from gridsvc.core.jobs.reading import read
from gridsvc.core.jobs.worker import Worker
from tests.core.jobs.kinds import KINDS, PACE

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 90
ACTOR = "somebody"


class WorkerThread(threading.Thread):
    """A worker in a thread of this process."""

    def __init__(self, url: str) -> None:
        super().__init__(name="worker", daemon=True)
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._enough = asyncio.Event()

    def run(self) -> None:
        """Work until told to stop."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(Worker(self._url, KINDS, pace=PACE).run(self._enough))

    def end(self) -> None:
        """Stop, and wait."""
        self._loop.call_soon_threadsafe(self._enough.set)
        self.join(PATIENCE_S)
        assert not self.is_alive()


class Bench:
    """A database with jobs, and the processes that work on them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.url = engine.url.render_as_string(hide_password=False)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.threads: list[WorkerThread] = []
        with engine.begin() as connection:
            connection.execute(text("create table note (job integer, process integer)"))

    def work(self) -> None:
        """Start a worker in this process."""
        self.threads.append(WorkerThread(self.url))
        self.threads[-1].start()

    def work_apart(self, at_once: int = 1) -> subprocess.Popen[bytes]:
        """Start a worker in a process of its own."""
        command = [sys.executable, "-W", "error", "-m", "tests.core.jobs.kinds", self.url, str(at_once)]
        worker = subprocess.Popen(command, cwd=ROOT)
        self.workers.append(worker)
        return worker

    def defer(self, kind: str, **arguments: Any) -> int:
        """Defer a job, and commit."""
        with transaction(self.engine) as session:
            return defer(session, kind, actor=ACTOR, **arguments)

    def read(self, job: int) -> dict[str, Any]:
        """Look at a job from outside."""
        with make_sessions(self.engine)() as session:
            return read(session, job)

    def wait(self, job: int, fits: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any]:
        """Wait until a job has ended, or looks as it should."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            seen = self.read(job)
            if fits(seen) if fits else seen["finished_at"]:
                return seen
            assert time.monotonic() < deadline, seen
            time.sleep(0.05)

    def notes(self) -> list[tuple[int, int]]:
        """Give what jobs have written: their number, and the process that did them."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text("select job, process from note order by job"))]

    def queued(self) -> int:
        """Count what the queue still holds."""
        with self.engine.connect() as connection:
            return (
                connection.scalar(text("select count(*) from procrastinate_jobs where task_name = 'gridsvc.job'")) or 0
            )


@pytest.fixture
def bench(empty_engine: Engine) -> Iterator[Bench]:
    """Give a database of the test's own for jobs; its workers are ended after the test."""
    bench = Bench(empty_engine)
    yield bench
    for thread in bench.threads:
        thread.end()
    for worker in bench.workers:
        worker.kill()
        worker.wait()
