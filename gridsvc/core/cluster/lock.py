"""A home folder in, the sole right to it out; the kernel gives it back when we end, however we end."""

import fcntl
import os
from pathlib import Path

from gridsvc.core.errors import Unavailable


class HomeLock:
    """One process per home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the home, or refuse at once with the process that has it."""
        if self._file is not None:
            return
        file = os.open(self._home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise Unavailable(f"{self._home} is in use by process {holder}; stop it or use another --home.") from None
        except BaseException:
            os.close(file)
            raise
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        if os.geteuid() == 0:  # so that the folder's owner can start without root next time
            owner = self._home.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)
        self._file = file

    def release(self) -> None:
        """Give the home back; again is harmless."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
