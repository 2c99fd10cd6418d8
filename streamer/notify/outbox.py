"""The outbox of one target: an SQLite file of messages that are not sent yet, and of dead letters.

Several processes may use a file: all add to it, one of them sends (lease.py).
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from streamer.errors import OutputError
from streamer.notify.message import STATES, Message, Stored
from streamer.notify.queue import Counts, State

_APPLICATION, _VERSION = 0x616C7072, 1
_BUSY_S = 10.0
# What is read without the content stands first, so that it is read without its pages.
_SCHEMA = """
CREATE TABLE message (
  number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, camera TEXT NOT NULL, kind TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting', made REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  died REAL, reason TEXT NOT NULL DEFAULT '', size INTEGER NOT NULL, body TEXT NOT NULL, crop BLOB
);
CREATE INDEX message_state ON message (state, number);
CREATE TABLE unfinished (
  camera TEXT NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (camera, event)
);
CREATE TABLE count (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_COLUMNS = "number, key, camera, kind, body, crop, made, tries, reason"


class Outbox:
    """The file at `path` (see Queue for what it does); made where it is not there unless `existing`."""

    def __init__(self, path: Path, *, existing: bool = False) -> None:
        self.path = path
        with self._errors():
            if not existing:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                # Plates are for the user alone. A file that is there is not opened here: closing it would give up the
                # locks of a connection that this process has.
                with suppress(FileExistsError):
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            elif not path.is_file():
                raise OutputError(f"{path}: no such outbox: check the name (`alpr notify list`)", at=path)
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def put(self, messages: Sequence[Message], *, finished: Sequence[str] = (), now: float | None = None) -> None:
        made = time.time() if now is None else now
        with self._writing():
            for one in messages:
                body = _text(one)
                size = len(body) + len(one.crop or b"")
                how = "REPLACE" if one.kind in STATES else "IGNORE"
                self._db.execute(
                    f"INSERT OR {how} INTO message (key, camera, kind, made, size, body, crop) VALUES (?,?,?,?,?,?,?)",
                    (one.key, one.camera, one.kind, made, size, body, one.crop),
                )
            self._db.executemany("DELETE FROM unfinished WHERE event = ?", [(event,) for event in finished])

    def keep(self, camera: str, unfinished: Sequence[tuple[str, Message]]) -> None:
        with self._writing():
            self._db.execute("DELETE FROM unfinished WHERE camera = ?", (camera,))
            rows = [(camera, event, json.dumps([one.key, one.kind, _text(one)])) for event, one in unfinished]
            self._db.executemany("INSERT OR REPLACE INTO unfinished VALUES (?,?,?)", rows)

    def left(self, camera: str) -> list[tuple[str, Message]]:
        with self._errors():
            rows = self._db.execute("SELECT event, body FROM unfinished WHERE camera = ?", (camera,)).fetchall()
        found = []
        for event, text in rows:
            key, kind, body = json.loads(text)
            found.append((event, Message(key, camera, kind, json.loads(body))))
        return found

    def next(self, without: Collection[str] = ()) -> Stored | None:
        marks = ",".join("?" * len(without))
        with self._errors():
            row = self._db.execute(
                f"SELECT {_COLUMNS} FROM message WHERE state = 'waiting' AND camera NOT IN ({marks}) "
                "ORDER BY number LIMIT 1",
                tuple(without),
            ).fetchone()
        return None if row is None else _stored(row)

    def sent(self, number: int) -> None:
        with self._errors():
            self._db.execute("DELETE FROM message WHERE number = ?", (number,))

    def tried(self, number: int, reason: str, *, counts: bool = True) -> None:
        with self._errors():
            self._db.execute(
                "UPDATE message SET reason = ?, tries = tries + ? WHERE number = ?", (reason, int(counts), number)
            )

    def bury(self, number: int, reason: str, now: float | None = None) -> None:
        died = time.time() if now is None else now
        with self._errors():
            self._db.execute(
                "UPDATE message SET state = 'dead', died = ?, reason = ? WHERE number = ?", (died, reason, number)
            )

    def bury_older(self, made: float, now: float) -> int:
        with self._writing():
            states = ",".join(f"'{kind}'" for kind in STATES)
            self._db.execute(
                f"DELETE FROM message WHERE state = 'waiting' AND made < ? AND kind IN ({states})", (made,)
            )
            return self._db.execute(
                "UPDATE message SET state = 'dead', died = ?, reason = 'too old: ' || reason "
                "WHERE state = 'waiting' AND made < ?",
                (now, made),
            ).rowcount

    def trim(self, most_bytes: float, died: float) -> int:
        with self._writing():
            self._db.execute("DELETE FROM message WHERE state = 'dead' AND died < ?", (died,))
            (size,) = self._db.execute("SELECT coalesce(sum(size), 0) FROM message").fetchone()
            dropped = 0
            while size > most_bytes:
                number, state, freed = self._db.execute(
                    "SELECT number, state, size FROM message ORDER BY state = 'waiting', number LIMIT 1"
                ).fetchone()
                self._db.execute("DELETE FROM message WHERE number = ?", (number,))
                size -= freed
                dropped += state == "waiting"
            if dropped:
                self._db.execute(
                    "INSERT INTO count VALUES ('dropped', ?) ON CONFLICT (name) DO UPDATE SET value = value + ?",
                    (dropped, dropped),
                )
            return dropped

    def counts(self) -> Counts:
        with self._errors():
            states = dict(self._db.execute("SELECT state, count(*) FROM message GROUP BY state").fetchall())
            (oldest,) = self._db.execute("SELECT min(made) FROM message WHERE state = 'waiting'").fetchone()
            row = self._db.execute("SELECT value FROM count WHERE name = 'dropped'").fetchone()
        return Counts(states.get("waiting", 0), states.get("dead", 0), row[0] if row else 0, oldest)

    def listed(self, state: State, most: int = -1) -> list[Stored]:
        with self._errors():
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM message WHERE state = ? ORDER BY number LIMIT ?", (state, most)
            ).fetchall()
        return [_stored(row) for row in rows]

    def revive(self, keys: Sequence[str] | None = None, now: float | None = None) -> int:
        made = time.time() if now is None else now
        change = "UPDATE message SET state = 'waiting', died = NULL, tries = 0, made = ? WHERE state = 'dead'"
        return self._each(change, (made,), keys)

    def drop(self, state: State, keys: Sequence[str] | None = None) -> int:
        return self._each("DELETE FROM message WHERE state = ?", (state,), keys)

    def version(self) -> int:
        """A number that changes where another connection wrote."""
        with self._errors():
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self._db.close()

    def _each(self, change: str, values: tuple[Any, ...], keys: Sequence[str] | None) -> int:
        with self._writing():
            if keys is None:
                return self._db.execute(change, values).rowcount
            return sum(self._db.execute(f"{change} AND key = ?", (*values, key)).rowcount for key in keys)

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        with self._writing():
            application = self._db.execute("PRAGMA application_id").fetchone()[0]
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if application != _APPLICATION and tables:
                raise OutputError(f"{self.path}: is no outbox: give outbox: another file", at=self.path)
            if version > _VERSION:
                raise OutputError(
                    f"{self.path}: was made by a newer version of this program: install that, or give another file",
                    at=self.path,
                )
            if not tables:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, which is on the disk at its end, or did not happen."""
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(f"{self.path}: {error}: {_remedy(error)}", at=self.path) from None
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be made ({error.strerror}): give outbox: FILE where you may write", at=self.path
            ) from None


def _remedy(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorname", "") or ""
    if "FULL" in code or "IOERR" in code:
        return "free space on that disk"
    if "BUSY" in code or "LOCKED" in code:
        return "another program holds it: end that"
    if "NOTADB" in code or "CORRUPT" in code:
        return "move the file away; what waited in it is lost"
    return "give outbox: FILE where you may write"


def _text(message: Message) -> str:
    return json.dumps(message.body, ensure_ascii=False).encode("utf-8", "replace").decode()


def _stored(row: Sequence[Any]) -> Stored:
    number, key, camera, kind, body, crop, made, tries, reason = row
    return Stored(number, Message(key, camera, kind, json.loads(body), crop), made, tries, reason)
