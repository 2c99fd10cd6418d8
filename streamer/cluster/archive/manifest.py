"""What of an archive is done: a journal of JSON lines that a killed run can be gone on from, and `_SUCCESS` at the end.

Every line is on the disk before the next begins; one that was cut off is left out. Files are named in it only after
they are complete, with their hashes. Lines of other settings are never mixed: the settings are its first line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamer.cluster.archive.files import Entry
from streamer.errors import ConfigError
from streamer.sink.opening import output_errors, write_atomically

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two runs apart there
    fcntl = None  # type: ignore[assignment]

SCHEMA = 1
_SHOWN = 4  # changed settings


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Manifest:
    """The journal of one run, or of one shard of it, in `folder`. ConfigError where another run works at it, or where
    it is of other settings."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], shard: tuple[int, int] | None = None) -> None:
        self.folder = folder
        self.part = "" if shard is None else f"-{shard[0]}-of-{shard[1]}"
        self.path = folder / f"manifest{self.part}.jsonl"
        self.files: dict[str, dict[str, Any]] = {}  # the last line of each file, by its key
        self._pieces: dict[tuple[str, str], dict[str, Any]] = {}
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._locked()
        for other in sorted(folder.glob("manifest*.jsonl")):
            self._check(other, settings)
        with output_errors(self.path):
            known = self.path.exists() and self._read()
            self._file = self.path.open("ab")
        if not known:
            self._add({"type": "settings", "schema": SCHEMA, "settings": dict(settings)})

    def _locked(self) -> Any:
        path = self.folder / f".lock{self.part}"
        with output_errors(path):
            lock = path.open("a")
        if fcntl is not None:
            try:
                fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                raise ConfigError(
                    f"--out {self.folder}: another run writes there: wait for it, or give another folder",
                    at=self.folder,
                ) from None
        return lock

    def _check(self, path: Path, settings: Mapping[str, Any]) -> None:
        """ConfigError names what is set otherwise in a journal."""
        before = next((row["settings"] for row in _rows(path) if row.get("type") == "settings"), None)
        if before is None or before == dict(settings):
            return
        keys = sorted(key for key in {*before, *settings} if before.get(key) != settings.get(key))
        told = [f"{key} was {_shown(before.get(key))}, is {_shown(settings.get(key))}" for key in keys[:_SHOWN]]
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        raise ConfigError(
            f"--out {self.folder}: has results of other settings ({'; '.join(told)}{more}): give another folder, or "
            "the same settings",
            at=self.folder,
        )

    def _read(self) -> bool:
        """Takes in the journal without a line that was cut off, which is removed; whether it has settings."""
        known = False
        for row in _rows(self.path):
            known |= row["type"] == "settings"
            if row["type"] == "file":
                self.files[row["file"]] = row
            elif row["type"] == "piece":
                self._pieces[row["file"], row["segment"]] = row
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):
            with self.path.open("r+b") as stream:
                stream.truncate(data.rfind(b"\n") + 1)
        return known

    def _add(self, row: dict[str, Any]) -> None:
        with output_errors(self.path):
            self._file.write((json.dumps(row, ensure_ascii=True) + "\n").encode())
            self._file.flush()
            os.fsync(self._file.fileno())

    def state(self, entry: Entry) -> str:
        """`done`, `failed` or empty: what the journal says of a file as it is now. Rows that are gone or altered are no
        rows."""
        row = self.files.get(entry.key)
        if row is None or (row["size"], row["stamp"]) != (entry.size, entry.stamp):
            return ""
        for name, expected in row["outputs"].items():
            path = self.folder / name
            if not path.is_file() or digest(path.read_bytes()) != expected:
                return ""
        return "failed" if row["fault"] else "done"

    def piece(self, entry: Entry, segment: str) -> Path | None:
        """The file of a segment that is done."""
        row = self._pieces.get((entry.key, segment))
        if row is None or (row["size"], row["stamp"]) != (entry.size, entry.stamp):
            return None
        path = self.folder / row["path"]
        return path if path.is_file() and digest(path.read_bytes()) == row["sha256"] else None

    def add_piece(self, entry: Entry, segment: str, data: bytes) -> Path:
        """Keeps the notes on a segment."""
        path = self.work(entry) / f"{digest(segment.encode())[:16]}.npz"
        total = write_atomically(path, data)
        row = {"type": "piece", "file": entry.key, "segment": segment, "size": entry.size, "stamp": entry.stamp,
               "path": path.relative_to(self.folder).as_posix(), "sha256": total}  # fmt: skip
        self._pieces[entry.key, segment] = row
        self._add(row)
        return path

    def work(self, entry: Entry) -> Path:
        """The folder of a file's pieces."""
        return self.folder / "work" / entry.key

    def add_file(self, entry: Entry, outputs: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
        """Writes the rows of a file, then notes it; its pieces are dropped."""
        hashes = {name: write_atomically(self.folder / name, data) for name, data in outputs.items()}
        row = {"type": "file", "file": entry.key, "source": entry.path, "name": entry.name, "size": entry.size,
               "stamp": entry.stamp, "outputs": hashes, **facts}  # fmt: skip
        self.files[entry.key] = row
        self._add(row)
        self.drop_pieces(entry)

    def drop_pieces(self, entry: Entry) -> None:
        folder = self.work(entry)
        for path in folder.glob("*") if folder.is_dir() else ():
            with suppress(OSError):
                path.unlink()
        for place in (folder, folder.parent):
            with suppress(OSError):
                place.rmdir()

    def succeed(self, entries: list[Entry], shard: tuple[int, int] | None) -> bool:
        """Writes `_SUCCESS`, with the hashes of all rows; of a shard its own, and that of all with the last of them.
        Whether everything is done by that."""
        rows = [self.files[one.key] for one in entries]
        files = {name: total for row in rows for name, total in row["outputs"].items()}
        text = {"files": len(rows), "rows": sum(row["rows"] for row in rows), "outputs": dict(sorted(files.items()))}
        write_atomically(self.folder / f"_SUCCESS{self.part}", _json(text))
        if shard is None:
            return True
        parts = [self.folder / f"_SUCCESS-{k}-of-{shard[1]}" for k in range(1, shard[1] + 1)]
        if not all(part.is_file() for part in parts):
            return False
        done = [json.loads(part.read_bytes()) for part in parts]
        every = {name: total for one in done for name, total in one["outputs"].items()}
        counts = {key: sum(one[key] for one in done) for key in ("files", "rows")}
        write_atomically(self.folder / "_SUCCESS", _json({**counts, "outputs": dict(sorted(every.items()))}))
        return True

    def undo_success(self) -> None:
        """No run of this folder is complete from now on, until it is again."""
        for name in {f"_SUCCESS{self.part}", "_SUCCESS"}:
            with suppress(OSError):
                (self.folder / name).unlink()

    def close(self) -> None:
        self._file.close()
        self._lock.close()


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a journal."""
    with output_errors(path), path.open("rb") as stream:
        for line in stream:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and "type" in row and line.endswith(b"\n"):
                yield row


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."
