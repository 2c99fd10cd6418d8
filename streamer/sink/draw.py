"""Drawing tracks on a picture: the quad, and a label with the text in its own script."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from streamer.sink.base import TrackView
from streamer.types import Image

_READ_BGR, _UNREAD_BGR, _TEXT_BGR = (70, 220, 70), (0, 190, 255), (20, 20, 20)
_PAD = 4


def annotate(picture: Image, tracks: Sequence[TrackView]) -> None:
    """Draws into (H, W, 3) BGR: each track's quad, and above it what the vote says so far."""
    import cv2

    height = picture.shape[0]
    line, size = max(1, height // 400), max(14, height // 32)
    for track in tracks:
        colour = _READ_BGR if track.text else _UNREAD_BGR
        # Continuous coordinates: pixel centres lie at halves; 4 fractional bits draw the line where the edge is.
        corners = np.round((track.quad - 0.5) * 16).astype(np.int32).reshape(4, 1, 2)
        cv2.polylines(picture, [corners], True, colour, line, cv2.LINE_AA, 4)
        if track.text:
            _paste(picture, label(f"{track.text} {track.confidence * 100:.0f}%", size), track, line)


@lru_cache(maxsize=256)
def label(text: str, size: int) -> Image:
    """(h, w, 3) BGR bitmap of a text, `size` px high letters; kept, because a track's text rarely changes."""
    import cv2

    font = _font()
    x, y, width, height = cv2.getTextSize((4096, 4 * size), text, (0, 2 * size), font, size)
    bitmap = np.full((height + 2 * _PAD, width + 2 * _PAD, 3), _READ_BGR, np.uint8)
    cv2.putText(bitmap, text, (_PAD - x, _PAD - y + 2 * size), _TEXT_BGR, font, size)
    return bitmap


@lru_cache(maxsize=1)
def _font() -> Any:
    import cv2

    return cv2.FontFace("uni")  # built in, with Latin and Chinese


def _paste(picture: Image, bitmap: Image, track: TrackView, line: int) -> None:
    """Puts the label above the plate, below where there is no room, cut at the picture's border."""
    height, width = picture.shape[:2]
    bitmap = bitmap[:height, :width]
    h, w = bitmap.shape[:2]
    x1, y1, _, y2 = track.box_xyxy
    top = y1 - h - line if y1 - h - line >= 0 else y2 + line
    row, column = int(np.clip(top, 0, height - h)), int(np.clip(x1, 0, width - w))
    picture[row : row + h, column : column + w] = bitmap
