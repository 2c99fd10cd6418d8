"""Rows that wait for --rejoin are on the disk meanwhile, so that a run that is killed gives them at its next start."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from streamer.sink.file_names import file_name

_log = logging.getLogger(__name__)

_MOST = 1000  # rows of a camera that are kept
_TAIL = 1 << 20  # bytes of a file of rows that are searched for rows written already

Row = tuple[str, bytes]  # the event's id and the row itself


class WaitingRows:
    """One small file a camera beside the rows: `.NAME.CAMERA.waiting`, there only while rows wait."""

    def __init__(self, rows: Path) -> None:
        parts = rows.parts
        fixed = next((k for k, part in enumerate(parts[:-1]) if "{" in part), len(parts) - 1)
        self._folder = Path(*parts[:fixed])
        self._name = "_".join(parts[fixed:]).replace("{", "").replace("}", "")
        self._able = True

    def path(self, camera: str) -> Path:
        return self._folder / f".{self._name}.{file_name(camera)}.waiting"

    def read(self, camera: str) -> list[Row]:
        """What an earlier run was killed with."""
        try:
            kept = json.loads(self.path(camera).read_text(encoding="utf-8"))
            return [(str(event), str(row).encode("utf-8", "replace")) for event, row in kept]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            _log.warning("%s: cannot be read (%s): rows of a run that was killed are lost", self.path(camera), error)
            return []

    def write(self, camera: str, rows: Sequence[Row]) -> None:
        """Keeps these rows in the place of those before; none is the end of the file."""
        path = self.path(camera)
        try:
            if not rows:
                path.unlink(missing_ok=True)
            elif self._able:
                new = path.with_name(path.name + ".new")
                text = json.dumps([[event, row.decode("utf-8", "replace")] for event, row in rows[-_MOST:]])
                new.write_text(text, encoding="utf-8")
                new.replace(path)
        except OSError as error:
            if self._able:
                _log.warning("%s: cannot be written (%s): a run that is killed loses rows that wait", path, error)
            self._able = False


def missing(rows: Sequence[Row], file: Path) -> list[bytes]:
    """Those of `rows` that are not at the end of `file` yet."""
    tail = b""
    with contextlib.suppress(OSError), file.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
        tail = stream.read()
    return [row for event, row in rows if row.rstrip() not in tail and not (event and event.encode() in tail)]
