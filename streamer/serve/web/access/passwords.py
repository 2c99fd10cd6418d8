"""Passwords as scrypt hashes, which say their own parameters: `scrypt$N$R$P$SALT$HASH`."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from base64 import b64decode, b64encode

from streamer.errors import ConfigError

LEAST, MOST = 12, 1024  # characters
_N, _R, _P = 1 << 15, 8, 1
_MEMORY = 128 << 20
_BUSY = threading.BoundedSemaphore(2)  # each takes 32 MB: many logins at once must not take the machine's memory


def check_password(text: str) -> None:
    """ConfigError where it is no good password."""
    if len(text) < LEAST:
        raise ConfigError(f"the password has {len(text)} characters: expected at least {LEAST}")
    if len(text) > MOST:
        raise ConfigError(f"the password has {len(text)} characters: expected {MOST} at most")
    if len(set(text)) < 5:
        raise ConfigError("the password has fewer than five different characters: a few words are better")


def hashed(text: str) -> str:
    """The hash of a password with a new salt."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(_scrypt(text, salt, _N, _R, _P)).decode()}"


def fits(text: str, stored: str | None) -> bool:
    """Whether the password is the one of the hash; as slow where there is no hash."""
    kind, n, r, p, salt, wanted = (stored or _NOBODY).split("$")
    if kind != "scrypt" or len(text) > MOST:
        return False
    same = hmac.compare_digest(_scrypt(text, b64decode(salt), int(n), int(r), int(p)), b64decode(wanted))
    return same and stored is not None


def _scrypt(text: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    with _BUSY:
        return hashlib.scrypt(text.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY)


_NOBODY = f"scrypt${_N}${_R}${_P}${b64encode(bytes(16)).decode()}${b64encode(bytes(64)).decode()}"
