"""Bytes in, a file that is named by their SHA-256 out, and back; a file is whole or not there."""

import hashlib
import os
import secrets
from pathlib import Path

from gridsvc.core.errors import Unavailable
from gridsvc.core.settings import Settings


def folder_of(chosen: Settings) -> Path:
    """Give the folder photos are kept in."""
    return chosen.photo_dir or chosen.home / "photos"


def put(folder: Path, data: bytes) -> str:
    """Keep bytes and answer their name; what is there already is not written again.

    Raises Unavailable when the disk does not take them.
    """
    name = hashlib.sha256(data).hexdigest()
    path = place_of(folder, name)
    if path.is_file():
        return name
    beside = path.with_name(f".{name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            # On the disk before the database says that it is.
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Unavailable(f"The photo cannot be kept in {folder}: {error.strerror}.") from None
    return name


def take(folder: Path, name: str) -> bytes:
    """Give the bytes of a name; raises Unavailable when the file is not there."""
    try:
        return place_of(folder, name).read_bytes()
    except OSError:
        raise Unavailable(f"The photo is not in {folder}: restore that folder from the backup.") from None


def place_of(folder: Path, name: str) -> Path:
    """Tell where a name lies: in one of 256 folders, so that none gets too large."""
    return folder / name[:2] / name
