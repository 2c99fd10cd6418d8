"""Keeps the files of an output within limits: the oldest go, and never one that this program did not write.

What was written is noted in a hidden file beside it, so that the next run knows its predecessor's files; one that has
changed since is somebody else's.
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
_SPARE = 1000  # lines of files that are gone before the notes are written anew

Noted = tuple[str, int, int]  # the path below the folder, bytes, when it was changed (ns)


class Keeper:
    """Of the files below `folder`; `notes`: the name of the hidden file."""

    def __init__(
        self, folder: Path, notes: str, config: PicturesConfig, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._notes, self._config, self._clock = folder, folder / notes, config, clock
        self._limited = any(v is not None for v in (config.max_files, config.max_mb, config.max_age_days))
        self._files: deque[Noted] = deque()
        self._bytes, self._lines = 0, 0
        if self._limited:
            self._load()

    def add(self, path: Path) -> None:
        """A file was written."""
        if not self._limited:
            return
        found = path.stat()
        noted = path.relative_to(self._folder).as_posix(), found.st_size, found.st_mtime_ns
        with self._notes.open("a", encoding="utf-8", errors="surrogateescape") as notes:
            notes.write(json.dumps(noted) + "\n")
        self._files.append(noted)
        self._bytes, self._lines = self._bytes + noted[1], self._lines + 1
        self.prune()

    def prune(self) -> None:
        """Deletes what is too much or too old."""
        while self._files and self._over():
            name, size, changed = self._files.popleft()
            self._bytes -= size
            path = self._folder / name
            if _is(path, size, changed):
                with suppress(OSError):  # a folder that may not be written to: the next run tries again
                    path.unlink()
                    self._tidy(path.parent)
        if self._lines > 2 * len(self._files) + _SPARE:
            self._load()

    def _over(self) -> bool:
        config = self._config
        if config.max_files is not None and len(self._files) > config.max_files:
            return True
        if config.max_mb is not None and self._bytes > config.max_mb * 1e6 and len(self._files) > 1:
            return True
        return (
            config.max_age_days is not None and self._clock() - self._files[0][2] / 1e9 > config.max_age_days * _DAY_S
        )

    def _tidy(self, folder: Path) -> None:
        """Removes the folders that the template made, once they are empty."""
        while folder != self._folder and self._folder in folder.parents:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _load(self) -> None:
        """Reads the notes, of this process and others, and writes those of files that are still there."""
        files = {noted[0]: noted for noted in self._noted() if _is(self._folder / noted[0], *noted[1:])}
        self._files = deque(sorted(files.values(), key=lambda noted: noted[2]))
        self._bytes, self._lines = sum(size for _, size, _ in self._files), len(self._files)
        if self._notes.exists():
            fresh = self._notes.with_name(f"{self._notes.name}.{os.getpid()}")
            fresh.write_text("".join(json.dumps(noted) + "\n" for noted in self._files), encoding="utf-8")
            fresh.replace(self._notes)
        self.prune()

    def _noted(self) -> Iterator[Noted]:
        if not self._notes.is_file():
            return
        for line in self._notes.read_text(encoding="utf-8", errors="replace").splitlines():
            try:  # a kill may have cut the last line
                name, size, changed = json.loads(line)
                noted = str(name), int(size), int(changed)
            except (ValueError, TypeError):
                continue
            if not os.path.isabs(noted[0]) and ".." not in Path(noted[0]).parts:
                yield noted


def _is(path: Path, size: int, changed: int) -> bool:
    """Whether the file is as it was written."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (size, changed) and path.is_file()
