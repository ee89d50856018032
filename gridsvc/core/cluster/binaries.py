"""The machine's PostgreSQL installations in, the one to run out; or a sentence that names what to install."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridsvc.core.errors import Unavailable

OLDEST_POSTGRES = 15
OLDEST_POSTGIS = (3, 3)
CONTRIBUTED = ("btree_gist", "pg_trgm")
# Debian and Ubuntu, the PostgreSQL project's RPMs, Homebrew on both kinds of Mac.
FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)
INSTALL = "install it (Debian/Ubuntu: apt-get install postgresql postgresql-postgis, or: make setup)"
ELSEWHERE = "or set GRIDSVC_DATABASE_URL to a database that has it"


@dataclass(frozen=True)
class Installation:
    """One PostgreSQL server on this machine; `postgis` is None where it has none."""

    major: int
    folder: Path
    postgis: tuple[int, int] | None
    missing: tuple[str, ...] = ()

    def program(self, name: str) -> str:
        """Give the path of one of its programs."""
        return str(self.folder / name)

    @property
    def fault(self) -> str | None:
        """Say why it cannot serve, with the mend; None when it can."""
        if self.major < OLDEST_POSTGRES:
            return (
                f"PostgreSQL {self.major} is too old, {OLDEST_POSTGRES} or newer is needed: {INSTALL} on a newer "
                f"release of the system (Debian 12, Ubuntu 24.04), {ELSEWHERE}"
            )
        package = f"apt-get install postgresql-{self.major}-postgis-3"
        if self.postgis is None:
            return f"PostgreSQL {self.major} has no PostGIS: {package}, {ELSEWHERE}"
        if self.postgis < OLDEST_POSTGIS:
            return (
                f"PostGIS {_dotted(self.postgis)} of PostgreSQL {self.major} is too old, "
                f"{_dotted(OLDEST_POSTGIS)} or newer is needed: {package} on a newer release of the system, {ELSEWHERE}"
            )
        if self.missing:
            return (
                f"PostgreSQL {self.major} lacks the extensions {', '.join(self.missing)}: "
                f"apt-get install postgresql-contrib, {ELSEWHERE}"
            )
        return None


def find_installation(made_by: int | None = None, folders: Iterable[Path] | None = None) -> Installation:
    """Find the server to run: the newest fit one, or the one of the major version that made the data.

    `folders` are the `bin` folders to look into; by default where systems put them.
    """
    installed = [found for folder in (folders if folders is not None else bin_folders()) if (found := inspect(folder))]
    return choose(installed, made_by)


def choose(installed: Sequence[Installation], made_by: int | None) -> Installation:
    """Choose among installations; `made_by` is the major version of existing data."""
    if not installed:
        raise Unavailable(f"There is no PostgreSQL server on this machine: {INSTALL}, {ELSEWHERE}.")
    ranked = sorted(installed, key=lambda one: one.major, reverse=True)
    if made_by is not None:
        ranked = [one for one in ranked if one.major == made_by]
        if not ranked:
            raise Unavailable(_gone(made_by, installed))
    fit = [one for one in ranked if one.fault is None]
    if not fit:
        raise Unavailable(f"{ranked[0].fault}.", folder=str(ranked[0].folder))
    return fit[0]


def bin_folders(root: Path = Path("/")) -> list[Path]:
    """List the folders that may hold a server, each once."""
    found: list[Path] = []
    if pg_config := shutil.which("pg_config"):
        found.append(Path(_first_line(pg_config, "--bindir") or "/nowhere"))
    for pattern in FOLDERS:
        found.extend(sorted(root.glob(pattern)))
    if postgres := shutil.which("postgres"):
        found.append(Path(postgres).resolve().parent)
    return list(dict.fromkeys(found))


def inspect(folder: Path) -> Installation | None:
    """Look at one `bin` folder; None when there is no server in it."""
    if not (folder / "postgres").is_file() or not (folder / "initdb").is_file():
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", _first_line(str(folder / "postgres"), "--version"))
    if not version:
        return None
    major = int(version[1])
    extensions = _share_folder(folder, major) / "extension"
    return Installation(
        major=major,
        folder=folder,
        postgis=_postgis_version(extensions / "postgis.control"),
        missing=tuple(name for name in CONTRIBUTED if not (extensions / f"{name}.control").is_file()),
    )


def _share_folder(folder: Path, major: int) -> Path:
    told = _first_line(str(folder / "pg_config"), "--sharedir") if (folder / "pg_config").is_file() else ""
    return Path(told) if told else Path(f"/usr/share/postgresql/{major}")


def _postgis_version(control: Path) -> tuple[int, int] | None:
    if not control.is_file():
        return None
    version = re.search(r"default_version\s*=\s*'(\d+)\.(\d+)", control.read_text(encoding="utf-8"))
    return (int(version[1]), int(version[2])) if version else None


def _first_line(*command: str) -> str:
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - found above
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip().partition("\n")[0]


def _gone(made_by: int, installed: Sequence[Installation]) -> str:
    there = ", ".join(str(major) for major in sorted({one.major for one in installed}))
    return (
        f"The data was made by PostgreSQL {made_by}, and only PostgreSQL {there} is installed: "
        f"apt-get install postgresql-{made_by} postgresql-{made_by}-postgis-3, or restore a backup into another --home."
    )


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
