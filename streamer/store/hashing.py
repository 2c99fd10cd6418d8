"""Plates as keyed hashes (HMAC-SHA256), whose keys change and are deleted, in a file of their own.

A hash without a key protects nothing: there are so few plates that all can be tried in minutes. Where a key is deleted,
what was hashed with it cannot be told from chance any more, and not be joined to later rows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.errors import ConfigError, OutputError
from streamer.store.rows import Record
from streamer.store.times import now

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

MARK = "#"  # begins a hash; no plate holds it
_LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")  # no pattern of a plate finds a part of one
_DAY = 86_400_000_000
_KEY = 32


def is_hashed(plate: str) -> bool:
    """Whether a plate's text is a hash."""
    return plate.startswith(MARK)


@dataclass(frozen=True)
class _Key:
    since: int
    key: bytes

    def of(self, text: str) -> str:
        found = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()[:32]
        return MARK + found.translate(_LETTERS)


class Keys:
    """The keys in a file, the newest last; made where it is not there (`create`)."""

    def __init__(
        self,
        path: str | Path,
        *,
        rotate_days: float = 30,
        remember_days: float = 90,
        create: bool = True,
        clock: Callable[[], int] = now,
    ) -> None:
        self.path, self._clock = Path(path), clock
        self._rotate, self._remember = int(rotate_days * _DAY), int(remember_days * _DAY)
        if not create and not self.path.is_file():
            raise ConfigError(f"{self.path}: no such file of keys: give that of the run's hash.keys", at=self.path)
        self._keys = self._read() if not create else self._renewed()

    def of(self, text: str) -> str:
        """The hash of a plate with the key of now."""
        if self._clock() - self._keys[-1].since >= self._rotate or self._is_over():
            self._keys = self._renewed()
        return self._keys[-1].of(text)

    def all_of(self, text: str) -> list[str]:
        """Its hashes with every key that is kept: how it may stand in the store."""
        return [key.of(text) for key in self._keys]

    def _is_over(self) -> bool:
        """Whether the oldest key is to be deleted: another one follows it, long enough ago."""
        return len(self._keys) > 1 and self._clock() - self._keys[1].since >= self._remember

    def _renewed(self) -> list[_Key]:
        """The keys with a new one where it is time, without those that are over; several processes share a file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(
                os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600), "rb"
            ) as lock:
                if fcntl is not None:
                    fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
                keys = self._read() if self.path.exists() else []
                at = self._clock()
                if not keys or at - keys[-1].since >= self._rotate:
                    keys.append(_Key(at, secrets.token_bytes(_KEY)))
                while len(keys) > 1 and at - keys[1].since >= self._remember:
                    del keys[0]
                self._write(keys)
                return keys
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be written ({error.strerror}): give the keys a file in a folder you may write to",
                at=self.path,
            ) from None

    def _read(self) -> list[_Key]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            keys = [_Key(int(one["since"]), bytes.fromhex(one["key"])) for one in content["keys"]]
            if not keys or any(len(key.key) != _KEY for key in keys):
                raise ValueError
            return keys
        except OSError as error:
            raise ConfigError(
                f"{self.path}: cannot be read ({error.strerror}): check its owner", at=self.path
            ) from None
        except (ValueError, KeyError, TypeError):
            raise ConfigError(
                f"{self.path}: is no file of keys: give another name, or its copy", at=self.path
            ) from None

    def _write(self, keys: list[_Key]) -> None:
        content = {"schema": 1, "keys": [{"since": key.since, "key": key.key.hex()} for key in keys]}
        part = self.path.with_name(self.path.name + ".part")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            json.dump(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self.path)


def hidden(record: Record, keys: Keys) -> dict[str, Any]:
    """The record with its plate as a hash, and without what would tell it or its length."""
    plate = str(record["plate"])
    hashed = plate if is_hashed(plate) else keys.of(plate)
    return {**record, "plate": hashed, "alternatives": [], "char_confidence": []}
