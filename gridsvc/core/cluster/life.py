"""A home folder in; out: a running database and its URL, started, watched over and stopped with the process that owns it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from gridsvc.core.cluster import data, sizing
from gridsvc.core.cluster.binaries import find_installation
from gridsvc.core.cluster.faults import last_lines, refuse_start, told_in_sentences
from gridsvc.core.cluster.lock import HomeLock
from gridsvc.core.cluster.place import Place, data_of, remove, settle
from gridsvc.core.cluster.postmaster import Postmaster
from gridsvc.core.errors import Unavailable

DATABASE = "gridsvc"
POLL_S = 0.05
PREDECESSOR_PATIENCE_S = 30
# Children of a killed server hold its memory until they notice that it is gone: at the latest when their query ends.
LEFTOVER_PATIENCE_S = 60
LEFTOVER_SIGN = "pre-existing shared memory block"
# Replaying the log after a power cut may take minutes; we wait as long as the server works, and say so now and then.
RECOVERY_WORD_S = 10


def _silent(_: str) -> None:
    """Say nothing."""


class Cluster:
    """The database of one home; one process at a time has it.

    `durable=False` trades safety against a power cut for speed: for tests. Safe to use from several threads.
    """

    def __init__(self, home: Path, *, log: Callable[[str], None] = _silent, durable: bool = True) -> None:
        self.home = home.resolve()
        self._say = log
        self._durable = durable
        self._lock = HomeLock(self.home)
        self._mutex = threading.RLock()
        self._place: Place | None = None
        self._postmaster: Postmaster | None = None

    def start(self) -> None:
        """Make the database when there is none, recover it when it was cut off, and wait until it accepts connections.

        Refuses with `Unavailable`: no or unfit PostgreSQL, the home in use, no space, no permission, a server that fails.
        """
        with self._mutex:
            if self._postmaster and self._postmaster.alive:
                return
            try:
                with told_in_sentences(self.home):
                    self.home.mkdir(parents=True, exist_ok=True)
                    self._lock.acquire()
                    self._launch()
                self._make_database()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Shut down fast, wait for the end and give the home back; again is harmless."""
        with self._mutex:
            if self._postmaster:
                self._postmaster.stop()
                self._postmaster = None
            self._lock.release()

    def ensure_running(self) -> bool:
        """Restart a server that died under us; tell whether it had to. A stopped cluster stays stopped."""
        with self._mutex:
            if self._postmaster is None or self._postmaster.alive:
                return False
            self._say("The database server died; it is started again.")
            self.start()
            return True

    @property
    def url(self) -> str:
        """Give the URL of the database, for psycopg; SQLAlchemy wants `postgresql+psycopg` as its scheme."""
        if self._place is None:
            raise RuntimeError("The cluster was never started.")
        return _url(self._place.socket, DATABASE)

    @property
    def pid(self) -> int:
        """Give the number of the server process; 0 when there is none."""
        return self._postmaster.pid if self._postmaster else 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self) -> None:
        place = self._place = settle(self.home, self._say)
        version = data.made_by(place.data)
        installation = find_installation(version)
        if version is None:
            self._say(f"Making a database with PostgreSQL {installation.major} in {place.data}.")
            data.create(place, installation)
        elif place.account and place.data.stat().st_uid == 0:  # copied here by root
            place.account.own(place.data)
        if place.data != self.home / "pg":
            self._say(
                f"The data lies in {place.data}: the database's user cannot reach {self.home}, or a link leads there."
            )
        settings = sizing.size(sizing.this_machine(), durable=self._durable)
        data.configure(place, settings | sizing.surroundings(place.socket, place.log))
        self._run([installation.program("postgres"), "-D", str(place.data)], place)

    def _run(self, command: list[str], place: Place) -> None:
        """Start the server; again for a while when what an earlier one left is still in the way."""
        data.await_predecessor(place, time.monotonic() + PREDECESSOR_PATIENCE_S, self._say)
        deadline_s = time.monotonic() + LEFTOVER_PATIENCE_S
        while True:
            self._postmaster = Postmaster(command, place.account, place.startup_log)
            if self._accepts(self._postmaster, place):
                return
            lines = _last_words(place)
            if time.monotonic() > deadline_s or not any(LEFTOVER_SIGN in line for line in lines):
                raise refuse_start(f"PostgreSQL did not start on {place.data}", lines, place.server_log)
            time.sleep(0.2)

    def _accepts(self, postmaster: Postmaster, place: Place) -> bool:
        """Wait until the server accepts connections; False when it ended instead."""
        word_s = time.monotonic() + RECOVERY_WORD_S
        while postmaster.alive:
            try:
                psycopg.connect(_url(place.socket, "postgres"), connect_timeout=10).close()
            except psycopg.OperationalError:
                time.sleep(POLL_S)
            else:
                return True
            if time.monotonic() > word_s:
                self._say(f"The database is recovering from an interruption (log: {place.server_log}).")
                word_s += RECOVERY_WORD_S
        return False

    def _make_database(self) -> None:
        if self._place is None:
            raise RuntimeError("The cluster was never started.")
        with psycopg.connect(_url(self._place.socket, "postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def running_url(home: Path) -> str | None:
    """Give the URL of the database that another process runs in this home now; None when there is none.

    So that a command can work beside `gridsvc up`. Who may not read the data folder is told None.
    """
    folder = data_of(home.resolve())
    try:
        if data.running_postmaster(folder) is None:
            return None
        notice = (folder / "postmaster.pid").read_text(encoding="utf-8").split("\n")
    except OSError:
        return None
    # Its lines, in PostgreSQL's words: pid, data, start, port, socket, listen, memory, status.
    *_, socket, _, _, status = [*notice, *[""] * 8][:8]
    return _url(Path(socket), DATABASE) if status.strip() == "ready" else None


def discard(home: Path) -> None:
    """Delete the database of a home for good, wherever its data lies; the home must not be in use."""
    home = home.resolve()
    lock = HomeLock(home)
    with told_in_sentences(home):
        lock.acquire()
        try:
            if pid := data.running_postmaster(data_of(home)):
                raise Unavailable(f"PostgreSQL, process {pid}, still runs in {home}: stop it first.")
            remove(home)
        finally:
            lock.release()


def _last_words(place: Place) -> list[str]:
    lines = last_lines(place.startup_log)
    if any("redirecting log output" in line for line in lines):
        lines = last_lines(place.server_log)
    return lines


def _url(socket: Path, database: str) -> str:
    return f"postgresql://gridsvc@/{database}?host={quote(str(socket))}&port=5432"
