"""Drawing tracks on a picture: the quad, and a label with the text in its own script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from streamer.image.warp import bgr_matrix
from streamer.sink.events import TrackView
from streamer.types import FloatArray, Image, YuvPlanes

_READ_BGR, _UNREAD_BGR, _TEXT_BGR = (70, 220, 70), (0, 190, 255), (20, 20, 20)
_PAD = 4


@dataclass(frozen=True)
class _Layer:
    """A picture to draw into, or one plane of it. `steps`: frame pixels per pixel of it; `convert`: from an (h, w, 3)
    BGR bitmap in the frame's size to the layer's size and values."""

    pixels: Image
    steps: tuple[int, int]  # along x, along y
    convert: Callable[[Image], Image]


def annotate(picture: Image, tracks: Sequence[TrackView]) -> None:
    """Draws into (H, W, 3) BGR: each track's quad, with the text of the vote so far above it."""
    height, width = picture.shape[:2]
    _draw([_Layer(picture, (1, 1), lambda bitmap: bitmap)], width, height, tracks)


def annotate_planes(planes: YuvPlanes, tracks: Sequence[TrackView]) -> None:
    """Draws into the planes, which must be writable; subsampled ones must have exactly half the size."""
    height, width = planes.y.shape
    matrix = bgr_matrix(planes)
    layers = []
    for k, plane in enumerate((planes.y, planes.u, planes.v)):
        steps = width // plane.shape[1], height // plane.shape[0]
        layers.append(_Layer(plane, steps, partial(_in_plane, row=matrix[k : k + 1], steps=steps)))
    _draw(layers, width, height, tracks)


def _in_plane(bitmap: Image, row: FloatArray, steps: tuple[int, int]) -> Image:
    """(h, w, 3) BGR -> (h / step, w / step) of one plane; `row`: its row of the BGR matrix."""
    import cv2

    plane: Image = cv2.transform(bitmap, row)
    size = -(-bitmap.shape[1] // steps[0]), -(-bitmap.shape[0] // steps[1])
    return plane if steps == (1, 1) else cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


def _draw(layers: Sequence[_Layer], width: int, height: int, tracks: Sequence[TrackView]) -> None:
    line, size = max(1, height // 400), max(14, height // 32)
    for track in tracks:
        _outline(layers, track.quad, _READ_BGR if track.text else _UNREAD_BGR, line)
        if track.text:
            text = label(f"{track.text} {track.confidence * 100:.0f}%", size)[:height, :width]
            x, y = _place(text, track, line, width, height)
            for layer in layers:
                _draw_bitmap(layer, text, x, y)


def _outline(layers: Sequence[_Layer], quad: FloatArray, bgr: tuple[int, int, int], line: int) -> None:
    import cv2

    dot = np.full((2, 2, 3), bgr, np.uint8)
    for layer in layers:
        # Continuous coordinates: pixel centres are at halves; 4 fractional bits place the line on the edge.
        corners = np.round((quad / layer.steps - 0.5) * 16).astype(np.int32).reshape(4, 1, 2)
        colour = np.atleast_1d(layer.convert(dot)[0, 0]).tolist()
        cv2.polylines(layer.pixels, [corners], True, colour, max(1, line // layer.steps[1]), cv2.LINE_AA, 4)


@lru_cache(maxsize=256)
def label(text: str, size: int) -> Image:
    """(h, w, 3) BGR bitmap of a text, with letters `size` px high; cached, because a track's text rarely changes."""
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


def _place(text: Image, track: TrackView, line: int, width: int, height: int) -> tuple[int, int]:
    """The top left corner of a label: above the plate, or below where there is no room. Even, for subsampled chroma."""
    h, w = text.shape[:2]
    x1, y1, _, y2 = track.box_xyxy
    top = y1 - h - line if y1 - h - line >= 0 else y2 + line
    x, y = int(np.clip(x1, 0, width - w)), int(np.clip(top, 0, height - h))
    return x - x % 2, y - y % 2


def _draw_bitmap(layer: _Layer, text: Image, x: int, y: int) -> None:
    part = layer.convert(text)
    row, column = y // layer.steps[1], x // layer.steps[0]
    target = layer.pixels[row : row + part.shape[0], column : column + part.shape[1]]
    target[:] = part[: target.shape[0], : target.shape[1]].reshape(target.shape)
