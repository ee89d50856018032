"""`confine.py PARENT_PID USER|- COMMAND…` in; out: the command, run as that user, that ends when its parent does.

A script, started by `postmaster.py` with `python -I -S`: between fork and exec of a process with threads no Python may run,
so the user change and the death signal happen in a fresh interpreter that then becomes the command.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def become(name: str) -> None:
    """Give up root for the named user, for good."""
    user = pwd.getpwnam(name)
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def end_with(parent_pid: int) -> None:
    """Ask the kernel for SIGINT (PostgreSQL: a fast shutdown) when the parent ends; Linux only.

    The kernel forgets this at a change of user, so it comes after.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    if os.getppid() != parent_pid:  # it ended before we asked
        sys.exit("The process that wanted this is gone.")


def main() -> None:
    """Become the command."""
    parent_pid, user, *command = sys.argv[1:]
    os.umask(0o077)
    if user != "-":
        become(user)
    end_with(int(parent_pid))
    os.execv(command[0], command)  # noqa: S606 - the very purpose; the caller names the program by its full path


if __name__ == "__main__":
    main()
