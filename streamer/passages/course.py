"""The course of a plate through the picture, and the id of its passage."""

from __future__ import annotations

import hashlib
import math
from typing import Literal

Box = tuple[float, float, float, float]
Movement = Literal["approaching", "leaving", "crossing", "still"]

_GROWN = 1.2  # a plate that becomes higher by this factor is approaching
_MOVED = 0.5  # of the plate's width: a shorter way has no direction


def direction_deg(first: Box, last: Box) -> float | None:
    """Direction of the plate's centre in degrees (0 right, 90 up in the picture); None where it moved less than half
    its width."""
    dx = (last[0] + last[2] - first[0] - first[2]) / 2
    dy = (last[1] + last[3] - first[1] - first[3]) / 2
    width = max(first[2] - first[0], last[2] - last[0])
    if math.hypot(dx, dy) < _MOVED * width:
        return None
    return math.degrees(math.atan2(-dy, dx)) % 360.0


def movement(first: Box, last: Box) -> Movement:
    """Whether the plate approached, left, crossed the picture or stood still."""
    growth = max(last[3] - last[1], 1e-6) / max(first[3] - first[1], 1e-6)
    if growth >= _GROWN:
        return "approaching"
    if growth <= 1 / _GROWN:
        return "leaving"
    return "still" if direction_deg(first, last) is None else "crossing"


def event_id(stream: str, first_frame: int, first_s: float, box: Box) -> str:
    """Sixteen hexadecimal digits from what a passage began with in a stream (its `StreamInfo.events`): the same input
    gives the same ids."""
    content = f"{stream}|{first_frame}|{first_s:.3f}|{','.join(f'{v:.1f}' for v in box)}"
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()[:16]
