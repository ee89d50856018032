"""A home folder in; out: where its data, socket and log lie, and who owns them.

All three lie in the home where the database's user can get there and the path of the socket is short enough; else under
`/var/lib/gridsvc` (root) or the system's folder for temporary files (the socket of an ordinary user).
"""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridsvc.core.cluster.account import Account, account_for, barrier
from gridsvc.core.errors import Unavailable

STATE = Path("/var/lib/gridsvc")
SOCKET_BYTES_MAX = 107
SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Place:
    """Where a cluster lives; `account` is None when it runs as ourselves."""

    home: Path
    data: Path
    socket: Path
    log: Path
    account: Account | None

    @property
    def startup_log(self) -> Path:
        """Give the file for what the server writes before its own log is open."""
        return self.log / "startup.log"

    @property
    def server_log(self) -> Path:
        """Give the log the server wrote to last."""
        logs = sorted(self.log.glob("postgresql-*.log"), key=lambda file: file.stat().st_mtime)
        return logs[-1] if logs else self.startup_log


def settle(home: Path, say: Callable[[str], None]) -> Place:
    """Choose and make the folders of a home; the data folder itself is made by initdb."""
    link = home / "pg"
    account = account_for(link)
    private = STATE / _digest(home)
    blocked = barrier(home, account)
    data = _data_folder(link, account, private, say)
    log = private / "log" if blocked else home / "log"
    _make(log, account, 0o755)
    candidates = [] if blocked else [home / "pg-socket"]
    candidates += [private / "socket"] if account else [folder / f"gridsvc-{_digest(home)}" for folder in _temporary()]
    socket = short_enough(candidates)
    _make(socket, account, 0o700)
    return Place(home, data, socket, log, account)


def data_of(home: Path) -> Path:
    """Find the data folder of a home, wherever its link leads."""
    return (home / "pg").resolve()


def short_enough(candidates: Sequence[Path]) -> Path:
    """Choose the first folder whose socket the kernel can name; a comma would make two folders of it."""
    for folder in candidates:
        if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_BYTES_MAX and not set(str(folder)) & set(',"\n'):
            return folder
    raise Unavailable(
        f"Every folder for the database's socket has too long a path ({candidates[-1]}): use a shorter --home."
    )


def remove(home: Path) -> None:
    """Delete all that the cluster of a home keeps, here and elsewhere."""
    link = home / "pg"
    data = link.resolve()
    if link.is_symlink():
        link.unlink()
    for folder in (data, home / "pg-socket", STATE / _digest(home)):
        if folder.is_dir():
            shutil.rmtree(folder)
    for folder in _temporary():
        socket = folder / f"gridsvc-{_digest(home)}"
        if socket.is_dir() and socket.lstat().st_uid == os.geteuid():
            shutil.rmtree(socket)
    for file in (home / "log").glob("*.log"):
        if file.name == "startup.log" or file.name.startswith("postgresql-"):
            file.unlink()


def _data_folder(link: Path, account: Account | None, private: Path, say: Callable[[str], None]) -> Path:
    if link.is_symlink() and not link.exists():
        raise Unavailable(
            f"{link} leads to {link.resolve()}, which is gone: put it back, or delete {link} to start empty."
        )
    if link.exists() or barrier(link.parent, account) is None:
        data = link.resolve()
        if link.exists() and account and (blocked := barrier(data.parent, account)):
            raise Unavailable(
                f"The user {account.name}, who runs the database, may not pass {blocked}: "
                f"chmod a+x {blocked}, or use another --home."
            )
        return data
    _set_aside(private / "pg", say)
    return private / "pg"


def _set_aside(data: Path, say: Callable[[str], None]) -> None:
    """Keep, once, the data of a home that was deleted: its folder here outlived it."""
    if data.exists():
        aside = data.with_name("pg.deleted-home")
        shutil.rmtree(aside, ignore_errors=True)
        data.rename(aside)
        say(f"Data of an earlier, deleted home at this path was set aside in {aside}.")


def _make(folder: Path, account: Account | None, mode: int) -> None:
    """Make a folder of the account's; one that is there must be a real folder of ours, not a stranger's trap."""
    if STATE in folder.parents:
        for parent in (STATE, folder.parent):
            parent.mkdir(parents=True, exist_ok=True)
            parent.chmod(0o711)  # whatever the umask: the account passes, others see nothing
    try:
        folder.mkdir(mode)
    except FileExistsError:
        facts = folder.lstat()
        ours = {os.geteuid(), account.uid if account else os.geteuid()}
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in ours:
            raise Unavailable(f"{folder} belongs to someone else: delete it, or use another --home.") from None
    if account:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(mode)


def _temporary() -> list[Path]:
    return list(dict.fromkeys((Path(tempfile.gettempdir()), Path("/tmp"))))  # noqa: S108 - `_make` refuses a stranger's folder


def _digest(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
