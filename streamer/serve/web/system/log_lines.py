"""The last lines of the log, without secrets, for the page."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass

from streamer.config.secrets import shown

_MOST = 1000


@dataclass(frozen=True)
class LogLine:
    """`at`: microseconds; `number` counts from 1."""

    number: int
    at: int
    level: str
    text: str


class LogLines(logging.Handler):
    """Keeps the last lines of this program."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=_MOST)
        self._count = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = shown(record.getMessage())
            if record.exc_info and record.exc_info[1] is not None:
                text += shown(f" ({type(record.exc_info[1]).__name__}: {record.exc_info[1]})")
        except Exception:  # an argument that cannot be shown
            text = str(record.msg)
        self._count += 1
        self._lines.append(LogLine(self._count, int(record.created * 1e6), record.levelname.lower(), text[:2000]))

    def lines(self, *, least: str = "debug", limit: int = 200) -> list[LogLine]:
        """The last lines from a level on, the newest first."""
        number = logging.getLevelName(least.upper())
        wanted = [one for one in reversed(list(self._lines)) if logging.getLevelName(one.level.upper()) >= number]
        return wanted[:limit]

    def begin(self) -> None:
        """Listens to this program's log."""
        logging.getLogger("streamer").addHandler(self)

    def end(self) -> None:
        logging.getLogger("streamer").removeHandler(self)
