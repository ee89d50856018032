"""A place and an installation in, a data folder that is whole, configured and nobody else's out."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gridsvc.core.cluster.binaries import Installation
from gridsvc.core.cluster.faults import FREE, refuse_start
from gridsvc.core.cluster.place import SOCKET_NAME, Place
from gridsvc.core.cluster.postmaster import run_confined
from gridsvc.core.cluster.sizing import MIB, render
from gridsvc.core.errors import Unavailable

SUPERUSER = "gridsvc"
CONFIG = "gridsvc.conf"
FREE_BYTES_MIN = 300 * MIB
# One that knows letters of every script, or trigrams of Chinese names would be empty; C.UTF-8 sorts by code point, fast.
LOCALES = ("C.UTF-8", "en_US.UTF-8", "zh_CN.UTF-8")


def made_by(data: Path) -> int | None:
    """Read which major version made the data; None when there is none yet."""
    version = data / "PG_VERSION"
    if version.is_file():
        return int(version.read_text(encoding="ascii").split(".")[0])
    if data.is_dir() and any(data.iterdir()):
        raise Unavailable(f"{data} holds something that is no database: move it away, or use another --home.")
    return None


def create(place: Place, installation: Installation) -> None:
    """Run initdb in a folder beside and rename it, so that an interrupted one leaves nothing that looks whole."""
    beside = place.data.parent
    for left_over in beside.glob("pg.new-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    if shutil.disk_usage(beside).free < FREE_BYTES_MIN:
        raise Unavailable(f"There is too little space for a database in {beside}: {FREE}.")
    fresh = Path(tempfile.mkdtemp(prefix="pg.new-", dir=beside))
    try:
        if place.account:
            place.account.own(fresh)
        _initdb(fresh, place, installation)
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as config:
            config.write(f"\ninclude '{CONFIG}'\n")
        if place.data.is_dir():  # empty: `made_by` looked
            place.data.rmdir()
        fresh.rename(place.data)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    link = place.home / "pg"
    if place.data != link and not link.exists():
        link.symlink_to(place.data)


def configure(place: Place, settings: Mapping[str, str]) -> None:
    """Write the settings in one piece."""
    fresh = place.data / f"{CONFIG}.new"
    fresh.write_text(render(settings), encoding="utf-8")
    fresh.chmod(0o600)
    if place.account:
        place.account.own(fresh)
    fresh.rename(place.data / CONFIG)


def best_locale(available: Sequence[str]) -> str:
    """Choose among what `locale -a` lists; without a list the first is tried."""
    known = {_plain(name): name for name in available}
    for wanted in LOCALES:
        if _plain(wanted) in known:
            return wanted if wanted == LOCALES[0] else known[_plain(wanted)]
    others = sorted(name for name in available if _plain(name).endswith("utf8"))
    if available and not others:
        raise Unavailable("This machine has no UTF-8 locale: apt-get install locales && locale-gen C.UTF-8.")
    return others[0] if others else LOCALES[0]


def running_postmaster(data: Path) -> int | None:
    """Find the process that serves the data now; None when the notice in the folder is stale.

    After a crash the number may belong to anyone (in a container: soon does), so on Linux the process must stand in the folder.
    """
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError, PermissionError):
        return None
    if sys.platform == "linux":
        try:
            if Path(f"/proc/{pid}/cwd").readlink() != data:
                return None
        except OSError:
            return None
    return pid


def await_predecessor(place: Place, deadline_s: float, say: Callable[[str], None]) -> None:
    """Wait until a server of an earlier owner has shut down; then take away stale notices, which may name a stranger."""
    told = False
    while pid := running_postmaster(place.data):
        if time.monotonic() > deadline_s:
            raise Unavailable(
                f"An earlier PostgreSQL, process {pid}, still runs on {place.data} and does not end: "
                f"stop it (kill -INT {pid}), or use another --home."
            )
        if not told:
            say(f"Waiting for the earlier PostgreSQL, process {pid}, to shut down.")
            told = True
        time.sleep(0.05)
    if sys.platform == "linux":  # elsewhere it cannot be told; PostgreSQL looks itself
        for notice in (place.data / "postmaster.pid", place.socket / f"{SOCKET_NAME}.lock"):
            notice.unlink(missing_ok=True)


def _initdb(fresh: Path, place: Place, installation: Installation) -> None:
    command = [
        installation.program("initdb"),
        f"--pgdata={fresh}",
        f"--username={SUPERUSER}",
        "--encoding=UTF8",
        f"--locale={best_locale(_locales())}",
        "--lc-collate=C",  # the order of bytes, which in UTF-8 is that of C.UTF-8, and much quicker told
        "--lc-messages=C",
        "--data-checksums",
        "--auth-local=trust",  # the folder of the socket is the wall: only its owner may enter
        "--auth-host=reject",
        "--no-instructions",
    ]
    done = run_confined(command, place.account)
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()][-5:]
        raise refuse_start(f"initdb could not make the database in {place.data}", lines, place.log)


def _locales() -> list[str]:
    try:
        told = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False)  # noqa: S607 - wherever it lies
    except OSError:
        return []
    return told.stdout.split()


def _plain(locale: str) -> str:
    return locale.lower().replace("-", "")
