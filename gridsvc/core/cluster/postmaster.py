"""A command and a user in, a child process out that cannot outlive this one and that Ctrl-C in the terminal spares."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from gridsvc.core.cluster import confine
from gridsvc.core.cluster.account import Account

# PG* variables of the shell would change what the server and initdb do.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def run_confined(command: Sequence[str], account: Account | None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as the account (None: ourselves); give its status and output."""
    return subprocess.run(  # noqa: S603 - our own programs by full path
        _confined(command, account),
        env=ENVIRONMENT,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        check=False,
    )


class Postmaster:
    """The server process, and the thread that waits for it.

    The kernel sends the death signal when the *thread* that forked ends, so a thread of its own forks, and lives as long as
    the child: whichever thread asked for the start may end.
    """

    def __init__(self, command: Sequence[str], account: Account | None, output: Path) -> None:
        self._command = _confined(command, account)
        self._output = output
        self._begun = threading.Event()
        self._gone = threading.Event()
        self._fault: OSError | None = None
        self.pid = 0
        threading.Thread(target=self._keep, name="postmaster", daemon=True).start()
        self._begun.wait()
        if self._fault:
            raise self._fault

    @property
    def alive(self) -> bool:
        """Tell whether it still runs."""
        return not self._gone.is_set()

    def stop(self, patience_s: float = 60) -> None:
        """Shut down fast (clients are cut off, nothing committed is lost), and wait; harder when that hangs."""
        for sign, wait_s in ((signal.SIGINT, patience_s), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            if not self.alive:
                return
            try:
                os.kill(self.pid, sign)
            except ProcessLookupError:
                return
            self._gone.wait(wait_s)

    def _keep(self) -> None:
        try:
            with self._output.open("wb") as output:
                child = subprocess.Popen(  # noqa: S603 - our own programs by full path
                    self._command,
                    env=ENVIRONMENT,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as fault:
            self._fault = fault
            self._gone.set()
            self._begun.set()
            return
        self.pid = child.pid
        self._begun.set()
        child.wait()
        self._gone.set()


def _confined(command: Sequence[str], account: Account | None) -> list[str]:
    user = account.name if account else "-"
    return [sys.executable, "-I", "-S", confine.__file__, str(os.getpid()), user, *command]
