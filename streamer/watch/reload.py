"""A list of plates that is read again when its file changes. Nothing is checked but when it is asked for."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from streamer.errors import ConfigError
from streamer.watch.lists import Plates, parse_list
from streamer.watch.rows import read_bytes

_log = logging.getLogger(__name__)

_CHECK_S = 1.0
# A file system's time stamps are coarse: one that was written this short (s) before it was read may change unseen.
_FRESH_S = 2.5

_Stamp = tuple[int, int, int]


class ListFile:
    """The entries of a list. `current` looks at the file at most once a second; while it is missing or faulty the
    entries stay, and one line is logged for each faulty version. The first reading raises ConfigError."""

    def __init__(
        self, path: Path, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self.path, self._clock, self._wall = path, clock, wall
        self._stamp = _stamp(path)
        data = read_bytes(path)
        self._digest = _digest(data)
        self.plates = parse_list(path, data)
        self.version = 1
        self._checked = clock()
        self._fault = ""

    def current(self) -> Plates:
        """The entries, read again where the file has changed."""
        now = self._clock()
        if now - self._checked >= _CHECK_S:
            self._checked = now
            self._check()
        return self.plates

    def _check(self) -> None:
        stamp = _stamp(self.path)
        if stamp is not None and stamp == self._stamp and self._wall() - stamp[0] / 1e9 > _FRESH_S and not self._fault:
            return
        try:
            data = read_bytes(self.path)
            digest = _digest(data)
            if digest == self._digest:
                self._stamp = stamp
                self._mended()
                return
            plates = parse_list(self.path, data)
        except ConfigError as error:
            told = error.messages[0] if len(error.messages) == 1 else f"{error.messages[0]} (and more)"
            if told != self._fault:
                self._fault = told
                _log.error("%s; the %d plates read before stay in force", told, len(self.plates.entries))
            return
        self._stamp, self._digest, self.plates = stamp, digest, plates
        self.version += 1
        self._fault = ""
        _log.info("%s: read again, %d plates", self.path, len(plates.entries))

    def _mended(self) -> None:
        if self._fault:
            self._fault = ""
            _log.info("%s: is as it was before", self.path)


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
