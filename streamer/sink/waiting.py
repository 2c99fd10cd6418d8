"""Rows that wait for --rejoin are stored on disk, so that the next run writes those of a killed run."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from streamer.sink.file_names import file_name

_log = logging.getLogger(__name__)

_MOST = 1000  # stored rows per camera
_TAIL = 1 << 20  # bytes at the end of the row file that are searched for rows already written

Row = tuple[str, bytes]  # the event's id and the row itself


class WaitingRows:
    """A small file per camera beside the row file, `.NAME.CAMERA.waiting`, which exists only while rows wait."""

    def __init__(self, rows: Path) -> None:
        parts = rows.parts
        fixed = next((k for k, part in enumerate(parts[:-1]) if "{" in part), len(parts) - 1)
        self._folder = Path(*parts[:fixed])
        self._name = "_".join(parts[fixed:]).replace("{", "").replace("}", "")
        self._writable = True

    def path(self, camera: str) -> Path:
        return self._folder / f".{self._name}.{file_name(camera)}.waiting"

    def read(self, camera: str) -> list[Row]:
        """The rows that an earlier run left when it was killed."""
        try:
            kept = json.loads(self.path(camera).read_text(encoding="utf-8"))
            return [(str(event), str(row).encode("utf-8", "replace")) for event, row in kept]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            _log.warning("%s: cannot be read (%s): rows of a killed run are lost", self.path(camera), error)
            return []

    def write(self, camera: str, rows: Sequence[Row]) -> None:
        """Stores these rows in place of those before; removes the file for none."""
        path = self.path(camera)
        try:
            if not rows:
                path.unlink(missing_ok=True)
            elif self._writable:
                new = path.with_name(path.name + ".new")
                text = json.dumps([[event, row.decode("utf-8", "replace")] for event, row in rows[-_MOST:]])
                new.write_text(text, encoding="utf-8")
                new.replace(path)
        except OSError as error:
            if self._writable:
                _log.warning("%s: cannot be written (%s): a killed run loses waiting rows", path, error)
            self._writable = False


def missing(rows: Sequence[Row], file: Path) -> list[bytes]:
    """The rows among `rows` that the end of `file` does not contain."""
    tail = b""
    with contextlib.suppress(OSError), file.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
        tail = stream.read()
    return [row for event, row in rows if row.rstrip() not in tail and not (event and event.encode() in tail)]
