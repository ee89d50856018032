"""Small secrets in, sealed bytes out, and back; with the key of the office, which is not in the database.

AES-256-GCM; what a secret belongs to is bound into the seal, so that a sealed value moved to another row does not open.
"""

import base64
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, text

from gridsvc.core.errors import Unavailable
from gridsvc.core.settings import Settings, settings

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_FILE = "secret.key"


def seal(plain: bytes, of: str) -> bytes:
    """Seal a secret that belongs to `of` (such as `account:7 totp`)."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(office_key()).encrypt(nonce, plain, of.encode())


def unseal(sealed: bytes, of: str) -> bytes:
    """Open a sealed secret; raises Unavailable when the key is another one, or the bytes were changed or moved."""
    return _opened(office_key(), sealed, of)


def _opened(key: bytes, sealed: bytes, of: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], of.encode())
    except InvalidTag:
        raise Unavailable(
            f"{of} was sealed with another key than this office's; restore the file {KEY_FILE}."
        ) from None


@dataclass(frozen=True)
class Sealed:
    """A column of sealed values: its table, the column that names a row, and whom a value belongs to, by another column."""

    table: str
    key: str
    column: str
    by: str
    belongs: str


def renew(connection: Connection, columns: Sequence[Sealed], old: bytes, new: bytes) -> int:
    """Seal everything with another key, in the running transaction; answer how many values. Raises Unavailable."""
    done = 0
    for one in columns:
        rows = connection.execute(
            text(f"select {one.key}, {one.by}, {one.column} from {one.table} where {one.column} is not null for update")
        ).all()
        for key, by, sealed in rows:
            of = one.belongs.format(by)
            nonce = secrets.token_bytes(NONCE_BYTES)
            fresh = nonce + AESGCM(new).encrypt(nonce, _opened(old, bytes(sealed), of), of.encode())
            connection.execute(
                text(f"update {one.table} set {one.column} = :fresh where {one.key} = :key"),
                {"fresh": fresh, "key": key},
            )
        done += len(rows)
    return done


@lru_cache(maxsize=1)
def office_key() -> bytes:
    """Give the key that is set, or that of the home's file, made on first use and readable by its owner alone."""
    return read_key(settings())


def read_key(chosen: Settings) -> bytes:
    """Read the key of some settings; raises Unavailable for one that is none."""
    if chosen.secret_key is not None:
        return _decoded(chosen.secret_key.get_secret_value(), "GRIDSVC_SECRET_KEY")
    path = chosen.home / KEY_FILE
    try:
        return _decoded(path.read_text(encoding="ascii"), str(path))
    except FileNotFoundError:
        return _make_key(path)


def write_key(path: Path, key: bytes) -> None:
    """Write a key into a file that its owner alone may read."""
    path.touch(mode=0o600)
    path.write_text(base64.b64encode(key).decode() + "\n", encoding="ascii")


def _make_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    write_key(beside, secrets.token_bytes(KEY_BYTES))
    try:
        # Of two processes that make one at once, the first wins and both use it.
        path.hardlink_to(beside)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    return _decoded(path.read_text(encoding="ascii"), str(path))


def _decoded(text: str, place: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise Unavailable(f"{place} is no key: it must be {KEY_BYTES} random bytes in base64.")
    return key
