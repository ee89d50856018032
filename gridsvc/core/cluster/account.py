"""Who starts us and who owns the data in, the user the database runs as out: PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gridsvc.core.errors import Unavailable

SYSTEM_USER = "postgres"
OWN_USER = "gridsvc"


@dataclass(frozen=True)
class Account:
    """An unprivileged user of this machine."""

    name: str
    uid: int
    gid: int

    @property
    def groups(self) -> frozenset[int]:
        """Give every group the user is in."""
        return frozenset(os.getgrouplist(self.name, self.gid))

    def own(self, path: Path) -> None:
        """Hand a file or folder with all it holds to the user."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)
        if path.is_dir() and not path.is_symlink():
            for inner in path.iterdir():
                self.own(inner)


def account_for(data: Path) -> Account | None:
    """Choose the user: None (ourselves) unless we are root; then the owner of existing data, else a system user."""
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    if owner != 0:
        try:
            return _account(pwd.getpwuid(owner))
        except KeyError:
            raise Unavailable(
                f"{data} belongs to user number {owner}, whom this machine does not know: "
                f"chown -R {SYSTEM_USER} {data}, or use another --home."
            ) from None
    return _named(SYSTEM_USER) or _named(OWN_USER) or _created(OWN_USER)


def barrier(folder: Path, account: Account | None) -> Path | None:
    """Find the first folder on the way to (and including) `folder` that the account may not pass; None if none."""
    if account is None:
        return None
    groups = account.groups
    for step in (*reversed(folder.parents), folder):
        facts = step.stat()
        shift = 6 if facts.st_uid == account.uid else 3 if facts.st_gid in groups else 0
        if not (facts.st_mode >> shift) & 1:
            return step
    return None


def _named(name: str) -> Account | None:
    try:
        return _account(pwd.getpwnam(name))
    except KeyError:
        return None


def _created(name: str) -> Account:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")
    made = None
    if useradd:
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
        made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - all of it is ours
    account = _named(name)
    if account is None:
        why = made.stderr.strip() if made else "there is no useradd"
        raise Unavailable(
            f"PostgreSQL does not run as root, and the user {name} could not be made ({why}): "
            f"make a user of that name, or start gridsvc as an ordinary user."
        )
    return account


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
