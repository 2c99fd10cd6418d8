"""Row files: one, or several by a name template with {camera}, {date} or {hour}.

Each row is written in one call. A new file begins when the name changes or the size limit is reached.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from streamer.config.models import RowsConfig
from streamer.sink.names import Template, last_number, numbered
from streamer.sink.opening import descriptor_of, output_errors
from streamer.sink.parts import Form, Part, open_part
from streamer.sink.waiting import Row, WaitingRows, missing

_log = logging.getLogger(__name__)

FIELDS = ("camera", "date", "hour")
_MOST_OPEN = 64  # files at once


class RowFiles:
    """Writes rows by a name template, in files of the given `form`. A row that cannot be written raises OutputError;
    it may be given again (delivery.py). Files of an earlier run that are to be replaced are emptied once this run
    reads its source (`begin`), not before.
    """

    def __init__(
        self,
        path: Path,
        config: RowsConfig,
        *,
        append: bool = False,
        form: Form | None = None,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._template, self._config, self._append = Template(path, FIELDS), config, append
        self._form, self._clock = form or Form(), clock
        self._open: OrderedDict[str, Part] = OrderedDict()  # by camera; one for all where the name has none
        self._started_cameras: set[str] = set()  # those that have had a file in this run
        self._prepared: dict[Path, Callable[[bytes], bytes]] = {}
        self._started = False
        ordinary = descriptor_of(path) is None and (path.is_file() or not path.exists())
        self._stored = WaitingRows(path) if ordinary else None
        self._resumed: set[str] = set()
        with output_errors(path):
            if "camera" in self._template.fields:  # no name yet, but its folder must be writable
                path.parent.mkdir(parents=True, exist_ok=True)
            else:
                self._part("")

    def begin(self) -> None:
        """The first source is open: an earlier run's rows are replaced now, where they are to be."""
        if not self._started:
            self._started = True
            for part in self._open.values():
                part.begin()

    def write(self, camera: str, row: bytes) -> None:
        self.begin()
        self._part(camera, len(row)).write(row, sync=self._config.fsync == "row")

    def waiting(self, camera: str, rows: Sequence[Row]) -> None:
        """Stores the rows of a camera that are not final yet on disk. The first call writes those that a killed run
        left, or drops them where its rows are to be replaced."""
        if self._stored is None:
            return
        if camera not in self._resumed:
            earlier = self._stored.read(camera) if self._append else []
            if new := missing(earlier, self._part(camera).path) if earlier else []:
                _log.warning("%s: %d rows left by a killed run are added", self._template.path, len(new))
            for row in new:
                self.write(camera, row)
            self._resumed.add(camera)  # only now: where the disk is full, the next call retries
        self._stored.write(camera, rows)

    def close(self) -> None:
        for part in self._open.values():
            part.close()

    def _part(self, camera: str, more: int = 0) -> Part:
        """The open file for a camera's next row, of `more` bytes."""
        key = camera if "camera" in self._template.fields else ""
        named = self._template.filled(self._clock(), camera=camera)
        before = self._open.get(key)
        moved = before is not None and before.was_moved()
        if before is not None and moved:
            _log.warning("%s: was moved away or deleted; a new file is started", before.path)
            self._prepared.pop(before.path, None)
        same = before is not None and before.named == named
        if before is not None and same and not moved and not self._full(before, more):
            self._open.move_to_end(key)
            return before
        again = self._append or moved or (before is None and key in self._started_cameras)
        if before is not None and same:
            number = before.number if moved else before.number + 1
        else:
            number = last_number(named) if again else 1
        path = numbered(named, number)
        form = Form(self._form.header, self._prepare)
        part = open_part(named, number, path, form, append=again, started=self._started)
        if before is not None:
            before.close()
        self._open[key] = part
        self._started_cameras.add(key)
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        return part

    def _prepare(self, path: Path) -> Callable[[bytes], bytes]:
        if path not in self._prepared:  # once: it takes a while for a long file
            self._prepared[path] = self._form.prepare(path)
        return self._prepared[path]

    def _full(self, part: Part, more: int) -> bool:
        if self._config.rotate_mb is None or not part.stream.seekable():
            return False
        size = part.size()
        return size > len(self._form.header) and size + more > self._config.rotate_mb * 1e6
