"""Which PostgreSQL is run, and what the reader is told to install when none is fit."""

from pathlib import Path

import pytest

from gridsvc.core.cluster.binaries import Installation, bin_folders, choose, find_installation
from gridsvc.core.errors import Unavailable


def fake_server(
    root: Path, major: int, postgis: str | None, extensions: tuple[str, ...] = ("btree_gist", "pg_trgm")
) -> Path:
    folder = root / f"usr/lib/postgresql/{major}/bin"
    share = root / f"usr/share/postgresql/{major}"
    (share / "extension").mkdir(parents=True)
    folder.mkdir(parents=True)
    for name, says in (
        ("postgres", f"postgres (PostgreSQL) {major}.4 (Debian)"),
        ("initdb", ""),
        ("pg_config", str(share)),
    ):
        (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    if postgis:
        (share / "extension/postgis.control").write_text(f"default_version = '{postgis}'\n", encoding="utf-8")
    for name in extensions:
        (share / "extension" / f"{name}.control").touch()
    return folder


def test_the_newest_fit_server_is_chosen(tmp_path: Path) -> None:
    folders = [fake_server(tmp_path, 15, "3.3.2"), fake_server(tmp_path, 16, "3.4.0"), fake_server(tmp_path, 17, None)]
    assert find_installation(folders=folders) == Installation(16, folders[1], (3, 4))


def test_existing_data_keeps_its_major_version(tmp_path: Path) -> None:
    folders = [fake_server(tmp_path, 15, "3.3.2"), fake_server(tmp_path, 16, "3.4.0")]
    assert find_installation(15, folders).major == 15


def test_the_usual_folders_are_looked_into(tmp_path: Path) -> None:
    folder = fake_server(tmp_path, 16, "3.4.0")
    assert folder in bin_folders(tmp_path)


@pytest.mark.parametrize(
    ("servers", "made_by", "sentence"),
    [
        ([], None, "no PostgreSQL server on this machine: install it .*apt-get install postgresql postgresql-postgis"),
        ([(14, "3.3.2")], None, "PostgreSQL 14 is too old, 15 or newer is needed"),
        ([(15, None)], None, "PostgreSQL 15 has no PostGIS: apt-get install postgresql-15-postgis-3"),
        ([(15, "3.2.5")], None, r"PostGIS 3\.2 of PostgreSQL 15 is too old, 3\.3 or newer is needed"),
        ([(15, "3.3.2"), (16, "3.4.0")], 14, "made by PostgreSQL 14, and only PostgreSQL 15, 16 is installed: apt-get"),
        ([(15, None), (16, "3.4.0")], 15, "PostgreSQL 15 has no PostGIS"),
    ],
)
def test_a_missing_piece_is_named_with_its_mend(
    tmp_path: Path, servers: list[tuple[int, str | None]], made_by: int | None, sentence: str
) -> None:
    folders = [fake_server(tmp_path, major, postgis) for major, postgis in servers]
    with pytest.raises(Unavailable, match=sentence):
        find_installation(made_by, folders)


def test_missing_contributed_extensions_are_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="lacks the extensions btree_gist: apt-get install postgresql-contrib"):
        find_installation(folders=[fake_server(tmp_path, 15, "3.3.2", ("pg_trgm",))])


def test_a_folder_without_a_server_is_passed_over(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no PostgreSQL server"):
        find_installation(folders=[tmp_path])


def test_a_fit_twin_is_preferred_to_an_unfit_one() -> None:
    without = Installation(15, Path("/a"), None)
    with_it = Installation(15, Path("/b"), (3, 3))
    assert choose([without, with_it], None) == with_it
