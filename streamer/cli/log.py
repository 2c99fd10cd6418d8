"""Formats of log lines on standard error: text, or JSON for log collectors."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from typing import Literal

from streamer.config.secrets import shown

Form = Literal["text", "json"]
_CAMERA = re.compile(r'camera=("(?:[^"\\]|\\.)*"|\S+) (.*)', re.DOTALL)


def json_line(level: int, message: str, *, at: float, logger: str, error: str | None = None) -> str:
    """One JSON object: time, level, logger, camera (where the message begins with one), message, error."""
    fields = {"time": stamp(at), "level": logging.getLevelName(level).lower(), "logger": logger}
    if found := _CAMERA.fullmatch(message):
        name, message = found.groups()
        fields["camera"] = json.loads(name) if name.startswith('"') else name
    fields["message"] = message
    if error is not None:
        fields["error"] = error
    return json.dumps({key: shown(value) for key, value in fields.items()}, ensure_ascii=False)


def stamp(at: float) -> str:
    """Seconds since 1970 as local ISO-8601 time with its offset."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")


class TextLines(logging.Formatter):
    """`2026-01-31T08:00:00.000+01:00 WARNING camera=gate1 reconnecting in 2.0 s (no frame for 5.0 s)`"""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return stamp(record.created)

    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        error = self.formatException(record.exc_info) if record.exc_info else None
        return json_line(record.levelno, record.getMessage(), at=record.created, logger=record.name, error=error)
