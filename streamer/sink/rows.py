"""The files that rows go to: one, or as many as a name with {camera}, {date} or {hour} in it stands for.

A row is written whole and at once. A new file begins where the name changes, or where the size is reached.
"""

from __future__ import annotations

import io
import logging
import os
import re
import string
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from streamer.config import RowsConfig
from streamer.errors import ConfigError, OutputError
from streamer.sink.base import open_output, output_errors, write_whole

_log = logging.getLogger(__name__)

FIELDS = ("camera", "date", "hour")
_UNFIT = re.compile(r"[^\w.+-]+")  # in the name of a file
_MOST_WAITING = 10_000  # rows that a camera's run keeps while they cannot be written
_MOST_OPEN = 64  # files at once
_RETRY_S = 5.0


class NameTemplate:
    """A path whose name may hold {camera}, {date} (2026-01-31) and {hour} (08), by this machine's clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.fields = {name for _, name, _, _ in string.Formatter().parse(str(path)) if name is not None}
        except ValueError as error:
            raise ConfigError(f"{path}: not a name that can be filled in ({error}): write {{{{ for a brace") from None
        if unknown := sorted(self.fields - set(FIELDS)):
            raise ConfigError(f"{path}: {{{unknown[0]}}} is not known: expected {{camera}}, {{date}} or {{hour}}")

    def at(self, camera: str, now: datetime) -> Path:
        """The file for a camera's rows at that time."""
        if not self.fields:
            return Path(str(self.path).replace("{{", "{").replace("}}", "}"))
        name = _UNFIT.sub("_", camera).strip("._") or "camera"
        return Path(str(self.path).format(camera=name, date=f"{now:%Y-%m-%d}", hour=f"{now:%H}"))


class RowFiles:
    """Writes rows under a name template. `header` begins each file; `check` looks at one that is there already before
    it is appended to. `patient`: rows that cannot be written wait until they can, as a camera's do; else OutputError.
    """

    def __init__(
        self,
        path: Path,
        config: RowsConfig,
        *,
        append: bool = False,
        header: bytes = b"",
        check: Callable[[Path], None] = lambda path: None,
        patient: bool = False,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._template, self._config, self._append = NameTemplate(path), config, append
        self._header, self._check, self._patient, self._clock = header, check, patient, clock
        self._open: OrderedDict[str, _Part] = OrderedDict()  # by camera; one for all where the name has none
        self._begun: set[str] = set()  # the cameras that have had a file in this run
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._tried = 0.0
        with output_errors(path):
            if "camera" in self._template.fields:  # no name yet, but a folder to write to
                path.parent.mkdir(parents=True, exist_ok=True)
            else:
                self._part("")

    def write(self, camera: str, row: bytes) -> None:
        self._waiting.append((camera, row))
        self._flush()

    def tick(self) -> None:
        """Some time went by: rows that wait are tried again."""
        if self._waiting and time.monotonic() - self._tried >= _RETRY_S:
            self._flush()

    def close(self) -> None:
        """Closes all files; OutputError where rows still wait."""
        self._patient = False
        try:
            if self._waiting:
                self._flush()
        finally:
            for part in self._open.values():
                with output_errors(part.path):
                    part.stream.close()

    def _flush(self) -> None:
        self._tried = time.monotonic()
        waited = len(self._waiting)
        try:
            while self._waiting:
                self._put(*self._waiting[0])
                self._waiting.popleft()
        except OutputError as error:
            if not self._patient or len(self._waiting) > _MOST_WAITING:
                lost = f"; {len(self._waiting)} rows are lost" if len(self._waiting) > 1 else ""
                self._waiting.clear()
                raise OutputError(f"{error}{lost}") from None
            if len(self._waiting) == 1:
                _log.warning("%s; rows wait until it can be", error)
            return
        if waited > 1:
            _log.warning("%s: can be written again; the %d rows that waited are there", self._template.path, waited)

    def _put(self, camera: str, row: bytes) -> None:
        part = self._part(camera, len(row))
        with output_errors(part.path):
            write_whole(part.stream, row)
            if self._config.fsync == "row" and part.stream.seekable():
                os.fsync(part.stream.fileno())

    def _part(self, camera: str, more: int = 0) -> _Part:
        """The open file for a camera's next row, of `more` bytes."""
        key = camera if "camera" in self._template.fields else ""
        named = self._template.at(camera, self._clock())
        before = self._open.get(key)
        same = before is not None and before.named == named
        if before is not None and same and not self._full(before, more):
            self._open.move_to_end(key)
            return before
        again = self._append or (before is None and key in self._begun)
        number = before.number + 1 if before is not None and same else last_number(named) if again else 1
        part = self._begin(named, number, again)
        if before is not None:
            before.stream.close()
        self._open[key] = part
        self._begun.add(key)
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1].stream.close()
        return part

    def _full(self, part: _Part, more: int) -> bool:
        if self._config.rotate_mb is None or not part.stream.seekable():
            return False
        size = part.stream.tell()
        return size > len(self._header) and size + more > self._config.rotate_mb * 1e6

    def _begin(self, named: Path, number: int, append: bool) -> _Part:
        path = numbered(named, number)
        if append:
            self._check(path)
        stream = open_output(path, append=append)
        begun = append and stream.seekable() and stream.tell() > 0
        if self._header and not begun:  # what is appended to has its header already
            with output_errors(path):
                write_whole(stream, self._header)
        return _Part(named, number, path, stream)


@dataclass(frozen=True)
class _Part:
    """An open file: the name that the template gave, and which part of it this is."""

    named: Path
    number: int
    path: Path
    stream: io.FileIO


def numbered(named: Path, number: int) -> Path:
    """NAME, NAME-2, NAME-3 ..."""
    return named if number == 1 else named.with_name(f"{named.stem}-{number}{named.suffix}")


def last_number(named: Path) -> int:
    """Of the last part that is there, 1 where none is."""
    number = 1
    while numbered(named, number + 1).exists():
        number += 1
    return number
