"""The files that rows go to: one, or as many as a name with {camera}, {date} or {hour} in it stands for.

A row is written whole and at once. A new file begins where the name changes, or where the size is reached.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from streamer.config.models import RowsConfig
from streamer.errors import OutputError
from streamer.sink.base import descriptor_of, output_errors
from streamer.sink.names import Template, last_number, numbered
from streamer.sink.parts import Form, Part, open_part
from streamer.sink.waiting import Row, WaitingRows, missing

_log = logging.getLogger(__name__)

FIELDS = ("camera", "date", "hour")
_MOST_WAITING = 10_000  # rows that a camera's run keeps while they cannot be written
_MOST_OPEN = 64  # files at once
_RETRY_S, _TELL_S = 5.0, 60.0


class RowFiles:
    """Writes rows under a name template, in files of the given `form`. `patient`: rows that cannot be written wait
    until they can, as a camera's do; else OutputError. Files of an earlier run that are to be replaced are emptied when
    this run has begun to read (`begin`), not before.
    """

    def __init__(
        self,
        path: Path,
        config: RowsConfig,
        *,
        append: bool = False,
        form: Form | None = None,
        patient: bool = False,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._template, self._config, self._append = Template(path, FIELDS), config, append
        self._form, self._patient, self._clock = form or Form(), patient, clock
        self._open: OrderedDict[str, Part] = OrderedDict()  # by camera; one for all where the name has none
        self._begun: set[str] = set()  # the cameras that have had a file in this run
        self._looked_at: dict[Path, Callable[[bytes], bytes]] = {}
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._lost, self._told_s = 0, -_TELL_S
        self._started = False
        self._tried = 0.0
        ordinary = descriptor_of(path) is None and (path.is_file() or not path.exists())
        self._kept = WaitingRows(path) if ordinary else None
        self._resumed: set[str] = set()
        with output_errors(path):
            if "camera" in self._template.fields:  # no name yet, but a folder to write to
                path.parent.mkdir(parents=True, exist_ok=True)
            else:
                self._part("")

    def begin(self) -> None:
        """The first source is open: what an earlier run wrote is replaced now, where it is to be."""
        if not self._started:
            self._started = True
            for part in self._open.values():
                part.begin()

    def write(self, camera: str, row: bytes) -> None:
        self.begin()
        self._waiting.append((camera, row))
        self._flush()

    def tick(self) -> None:
        """Some time went by: rows that wait are tried again."""
        if self._waiting and time.monotonic() - self._tried >= _RETRY_S:
            self._flush()

    def waiting(self, camera: str, rows: Sequence[Row]) -> None:
        """The rows of a camera that are not final yet: they are kept on the disk. At the first call what a run that was
        killed had kept is written, or is dropped where its rows are to be replaced."""
        if self._kept is None:
            return
        if camera not in self._resumed:
            earlier = self._kept.read(camera) if self._append else []
            if new := missing(earlier, self._part(camera).path) if earlier else []:
                _log.warning("%s: %d rows left by a killed run are added", self._template.path, len(new))
            for row in new:
                self.write(camera, row)
            self._resumed.add(camera)  # not before: a disk that is full is tried again
        self._kept.write(camera, rows)

    def close(self) -> None:
        """Closes all files; OutputError where rows still wait."""
        self._patient = False
        try:
            if self._waiting:
                self._flush()
        finally:
            for part in self._open.values():
                part.close()

    def _flush(self) -> None:
        self._tried = time.monotonic()
        waited = len(self._waiting)
        try:
            while self._waiting:
                self._put(*self._waiting[0])
                self._waiting.popleft()
        except OutputError as error:
            if not self._patient:
                many = len(self._waiting) + self._lost
                self._waiting.clear()
                raise OutputError(f"{error}{f'; {many} rows are lost' if many > 1 else ''}") from None
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popleft()
                self._lost += 1
            self._tell(error)
            return
        except BaseException:
            self._waiting.clear()  # nobody reads them, or this is a bug: close must not meet it again
            raise
        if waited > 1:
            _log.warning("%s: can be written again; the %d rows that waited are there", self._template.path, waited)
        if self._lost:
            _log.error("%s: %d rows found no room and are lost", self._template.path, self._lost)
        self._lost, self._told_s = 0, -_TELL_S

    def _tell(self, error: OutputError) -> None:
        """Says at first, and once a minute, that rows wait, and how many were lost."""
        now = time.monotonic()
        if now - self._told_s >= _TELL_S:
            self._told_s = now
            lost = f"; the oldest {self._lost} are lost" if self._lost else ""
            _log.warning("%s; rows wait until it can be (%d now%s)", error, len(self._waiting), lost)

    def _put(self, camera: str, row: bytes) -> None:
        self._part(camera, len(row)).write(row, sync=self._config.fsync == "row")

    def _part(self, camera: str, more: int = 0) -> Part:
        """The open file for a camera's next row, of `more` bytes."""
        key = camera if "camera" in self._template.fields else ""
        named = self._template.filled(self._clock(), camera=camera)
        before = self._open.get(key)
        moved = before is not None and before.gone()
        if before is not None and moved:
            _log.warning("%s: was moved away or deleted; a new file is started", before.path)
            self._looked_at.pop(before.path, None)
        same = before is not None and before.named == named
        if before is not None and same and not moved and not self._full(before, more):
            self._open.move_to_end(key)
            return before
        again = self._append or moved or (before is None and key in self._begun)
        if before is not None and same:
            number = before.number if moved else before.number + 1
        else:
            number = last_number(named) if again else 1
        path = numbered(named, number)
        form = Form(self._form.header, self._look)
        part = open_part(named, number, path, form, append=again, started=self._started)
        if before is not None:
            before.close()
        self._open[key] = part
        self._begun.add(key)
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        return part

    def _look(self, path: Path) -> Callable[[bytes], bytes]:
        if path not in self._looked_at:  # once: a long file takes a while
            self._looked_at[path] = self._form.look(path)
        return self._looked_at[path]

    def _full(self, part: Part, more: int) -> bool:
        if self._config.rotate_mb is None or not part.stream.seekable():
            return False
        size = part.size()
        return size > len(self._form.header) and size + more > self._config.rotate_mb * 1e6
