"""An error of the system or the last lines of a log in, a refusal that names the mend out."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gridsvc.core.errors import Unavailable

FREE = "free some space on that disk, or use another --home"
LOCAL = "use a --home on a local disk with ordinary file permissions"
OF_THE_SYSTEM = {
    errno.ENOSPC: f"the disk is full: {FREE}",
    errno.EDQUOT: f"the quota is used up: {FREE}",
    errno.EROFS: "the disk is mounted read-only: mount it writable, or use another --home",
    errno.EACCES: "the permission is missing: run as the user the folder belongs to, or use another --home",
    errno.EPERM: "the permission is missing: run as the user the folder belongs to, or use another --home",
    errno.ENOTDIR: "a file lies where a folder is wanted: move it away, or use another --home",
    errno.EEXIST: "a file lies where a folder is wanted: move it away, or use another --home",
}
# What PostgreSQL writes, and what helps; the first that fits counts.
OF_POSTGRES = (
    ("No space left on device", FREE),
    ("Disk quota exceeded", FREE),
    ("Read-only file system", "mount the disk writable, or use another --home"),
    ("Cannot allocate memory", "free some memory on this machine; 512 MB are enough to start"),
    (
        "pre-existing shared memory block",
        "queries of a killed PostgreSQL still run there: try again when they have ended",
    ),
    ("has wrong ownership", LOCAL),
    ("invalid permissions", LOCAL),
    ("could not change permissions", LOCAL),
    ("could not locate a valid checkpoint", "the data is damaged: restore a backup into another --home"),
    ("invalid page", "the data is damaged: restore a backup into another --home"),
    (
        "Operation not permitted",
        "this container forbids to change the user: start it as an ordinary user instead of root",
    ),
    ("user does not exist", "give the user an entry in /etc/passwd, or start it as root"),
    ("already exists", "another PostgreSQL runs on this data: stop it, or use another --home"),
)


@contextmanager
def told_in_sentences(folder: Path) -> Iterator[None]:
    """Turn errors of the file system below `folder` into refusals."""
    try:
        yield
    except OSError as fault:
        where = fault.filename or folder
        mend = OF_THE_SYSTEM.get(fault.errno or 0, "use another --home")
        raise Unavailable(f"{where} cannot be used ({fault.strerror}): {mend}.") from fault


def refuse_start(what: str, lines: Sequence[str], log: Path) -> Unavailable:
    """Make the refusal for a program of PostgreSQL that failed; `lines` are the last it wrote."""
    text = "\n".join(lines)
    mend = next((mend for sign, mend in OF_POSTGRES if sign in text), "the log says why")
    told = " | ".join(lines) or "it wrote nothing"
    return Unavailable(f"{what}; {mend}. Its last words: {told}. Log: {log}", lines=list(lines))


def last_lines(*files: Path, count: int = 5) -> list[str]:
    """Read the last lines of the files together, in their order; missing ones are empty."""
    lines: list[str] = []
    for file in files:
        if file.is_file():
            with file.open("rb") as log:
                log.seek(max(0, file.stat().st_size - 4096))
                lines += [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-count:]
