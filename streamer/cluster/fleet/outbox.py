"""The outbox of a shard: what it has read and the store does not have yet, in an SQLite file on the node's disk.

Every shard writes a file of its own, and holds a lock on it while it lives. What a shard that died has left is sent by
whichever shard of the same machine gets the lock.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from streamer.errors import OutputError
from streamer.store.inbox import Entry, Kind
from streamer.store.leases import Lease

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".rows"
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, camera TEXT NOT "
    "NULL, token INTEGER NOT NULL, holder TEXT NOT NULL, granted_at INTEGER NOT NULL, at INTEGER NOT NULL, made REAL "
    "NOT NULL, body TEXT NOT NULL)"
)


class Outbox:
    """An open outbox; may be used from several threads. OutputError where its disk does not take it."""

    def __init__(self, path: Path, lock: IO[bytes] | None) -> None:
        self.path, self.name, self._lock = path, path.stem, lock
        self._using = threading.Lock()
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", _SCHEMA):
                self._db.execute(statement)
        except sqlite3.Error as error:
            raise OutputError(f"{path}: {error}: free space, or give state: FOLDER on a local disk", at=path) from None

    def put(self, kind: Kind, lease: Lease, at: int, body: dict[str, Any]) -> None:
        """Keeps an entry: it is on the disk when this returns."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()
        values = (kind, lease.camera, lease.token, lease.holder, lease.granted_at, at, time.time(), text)
        with self._open() as db:
            db.execute(
                "INSERT INTO entry (kind, camera, token, holder, granted_at, at, made, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

    def next(self, most: int = 200) -> list[Entry]:
        """The oldest entries."""
        with self._open() as db:
            rows = db.execute(
                "SELECT number, kind, camera, token, holder, granted_at, at, body FROM entry ORDER BY number LIMIT ?",
                (most,),
            ).fetchall()
        return [
            Entry(number, kind, Lease(camera, token, holder, granted), at, json.loads(body))
            for number, kind, camera, token, holder, granted, at, body in rows
        ]

    def done(self, entries: Sequence[Entry]) -> None:
        """The store has these."""
        with self._open() as db:
            db.execute("DELETE FROM entry WHERE number <= ?", (entries[-1].number,))

    @property
    def graveyard(self) -> Path:
        """The file of entries that the store does not take, as JSON lines with the reason."""
        return self.path.with_suffix(".dead.jsonl")

    def bury(self, entry: Entry, reason: str) -> None:
        """Takes an entry out of the way of those after it."""
        try:
            with self.graveyard.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"reason": reason, **asdict(entry)}, ensure_ascii=False) + "\n")
        except OSError as error:
            raise OutputError(f"{self.graveyard}: {error.strerror}: free space on that disk", at=self.path) from None
        self.done([entry])

    def waiting(self) -> tuple[int, float]:
        """How many entries wait, and when the oldest was made (0 for none)."""
        with self._open() as db:
            count, oldest = db.execute("SELECT count(*), min(made) FROM entry").fetchone()
        return count, oldest or 0.0

    def close(self, *, remove: bool = False) -> None:
        """Gives it up; `remove`: it is empty and not needed any more."""
        with self._using:
            self._db.close()
            if remove:
                for suffix in (_SUFFIX, f"{_SUFFIX}-wal", f"{_SUFFIX}-shm", ".lock"):
                    with suppress(OSError):
                        self.path.with_suffix(suffix).unlink()
            if self._lock is not None:
                self._lock.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._using:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise OutputError(f"{self.path}: {error}: free space on that disk", at=self.path) from None


def new_outbox(folder: Path) -> Outbox:
    """An outbox of its own for a shard that starts."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be made ({error.strerror}): give state: FOLDER where every node may write", at=folder
        ) from None
    path = folder / f"{secrets.token_hex(8)}{_SUFFIX}"
    lock = _locked(path)
    assert lock is not None or fcntl is None
    return Outbox(path, lock)


def left_behind(folder: Path) -> Iterator[Outbox]:
    """The outboxes of shards that have died, one after the other, locked."""
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        lock = _locked(path)
        if lock is not None:
            if path.exists():
                yield Outbox(path, lock)
            else:
                lock.close()


def _locked(path: Path) -> IO[bytes] | None:
    """The lock beside an outbox; None where another process holds it, or locks are not known here."""
    if fcntl is None:
        return None
    lock = path.with_suffix(".lock")
    try:
        stream = lock.open("ab")
    except OSError as error:
        raise OutputError(f"{lock}: cannot be opened ({os.strerror(error.errno or 0)})", at=lock) from None
    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.close()
        return None
    return stream
