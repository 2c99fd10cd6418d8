"""Keeps the files of an output within limits: deletes the oldest, and only files that this program wrote.

A hidden index file in the folder lists them, so that the next run knows those of earlier runs; a file that has changed
since is left alone.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from streamer.config.models import PicturesConfig

_DAY_S = 86400.0
_SPARE = 1000  # index lines of deleted files before the index is rewritten

Entry = tuple[str, int, int]  # path below the folder, bytes, modification time (ns)


class Keeper:
    """Limits the files below `folder`; `index`: the name of the index file."""

    def __init__(
        self, folder: Path, index: str, config: PicturesConfig, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._index, self._config, self._clock = folder, folder / index, config, clock
        self._limited = any(v is not None for v in (config.max_files, config.max_mb, config.max_age_days))
        self._files: deque[Entry] = deque()
        self._bytes, self._lines = 0, 0
        if self._limited:
            self._load()

    def add(self, path: Path) -> None:
        """Adds a file that was written."""
        if not self._limited:
            return
        found = path.stat()
        entry = path.relative_to(self._folder).as_posix(), found.st_size, found.st_mtime_ns
        with self._index.open("a", encoding="utf-8", errors="surrogateescape") as index:
            index.write(json.dumps(entry) + "\n")
        self._files.append(entry)
        self._bytes, self._lines = self._bytes + entry[1], self._lines + 1
        self.prune()

    def prune(self) -> None:
        """Deletes files beyond the limits."""
        while self._files and self._exceeded():
            name, size, changed = self._files.popleft()
            self._bytes -= size
            path = self._folder / name
            if _unchanged(path, size, changed):
                with suppress(OSError):  # a read-only folder: the next run tries again
                    path.unlink()
                    self._remove_empty(path.parent)
        if self._lines > 2 * len(self._files) + _SPARE:
            self._load()

    def _exceeded(self) -> bool:
        config = self._config
        if config.max_files is not None and len(self._files) > config.max_files:
            return True
        if config.max_mb is not None and self._bytes > config.max_mb * 1e6 and len(self._files) > 1:
            return True
        return (
            config.max_age_days is not None and self._clock() - self._files[0][2] / 1e9 > config.max_age_days * _DAY_S
        )

    def _remove_empty(self, folder: Path) -> None:
        """Removes folders that the name template created, once they are empty."""
        while folder != self._folder and self._folder in folder.parents:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _load(self) -> None:
        """Reads the index, of this process and others, and rewrites it for the files that still exist."""
        files = {entry[0]: entry for entry in self._entries() if _unchanged(self._folder / entry[0], *entry[1:])}
        self._files = deque(sorted(files.values(), key=lambda entry: entry[2]))
        self._bytes, self._lines = sum(size for _, size, _ in self._files), len(self._files)
        if self._index.exists():
            fresh = self._index.with_name(f"{self._index.name}.{os.getpid()}")
            fresh.write_text("".join(json.dumps(entry) + "\n" for entry in self._files), encoding="utf-8")
            fresh.replace(self._index)
        self.prune()

    def _entries(self) -> Iterator[Entry]:
        if not self._index.is_file():
            return
        for line in self._index.read_text(encoding="utf-8", errors="replace").splitlines():
            try:  # the last line may be cut off
                name, size, changed = json.loads(line)
                entry = str(name), int(size), int(changed)
            except (ValueError, TypeError):
                continue
            if not os.path.isabs(entry[0]) and ".." not in Path(entry[0]).parts:
                yield entry


def _unchanged(path: Path, size: int, changed: int) -> bool:
    """Whether the file is unchanged since it was written."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (size, changed) and path.is_file()
