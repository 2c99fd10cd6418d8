"""Loggers of the program: one per camera, below `streamer.camera`."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import MutableMapping
from typing import Any

_PLAIN = re.compile(r"[^\s\"=]+")


class CameraLog(logging.LoggerAdapter[logging.Logger]):
    """Logs as `streamer.camera.NAME`: each message begins with `camera=NAME`, each record has an attribute `camera`."""

    def __init__(self, camera: str) -> None:
        # A dot would make a child of another camera's logger.
        super().__init__(logging.getLogger(f"streamer.camera.{camera.replace('.', '_')}"), {"camera": camera})
        self._prefix = camera_field(camera)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        message, changed = super().process(msg, kwargs)
        return f"{self._prefix.replace('%', '%%')} {message}", changed


def camera_field(name: str) -> str:
    """`camera=NAME`, with quotes where the name holds a space."""
    return f"camera={name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)}"
