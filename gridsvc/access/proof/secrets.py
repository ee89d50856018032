"""Passwords and tokens: a secret in, the hash that may be kept out, and back again only as yes or no."""

import hashlib
import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# argon2id with the parameters of RFC 9106's second recommendation (64 MiB), the library's default.
_hasher = PasswordHasher()


def new_token() -> str:
    """Make a secret of 256 random bits that can stand in a header, a cookie or a URL."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Hash a token for keeping. SHA-256 is enough: 256 random bits cannot be guessed, whatever the hash costs."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def password_hash(password: str) -> str:
    """Hash a password with argon2id; the answer holds its salt and parameters."""
    return _hasher.hash(password)


def password_fits(password: str, kept: str | None) -> bool:
    """Check a password against the kept hash; without one, take the same time and say no."""
    # Made in either case, so that the first answer of a process does not tell by its time.
    nobody = _nobody()
    try:
        return _hasher.verify(kept or nobody, password.encode("utf-8", "surrogatepass")) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobody() -> str:
    """Give what is checked when there is no such account, so that an unknown name takes as long as a wrong password."""
    return _hasher.hash(secrets.token_urlsafe(16))
