"""Whether a picture differs from that of a quiet scene: means of small blocks, against how much each of them usually
changes by itself (noise, leaves, compression)."""

from __future__ import annotations

import numpy as np

from streamer.image.points import sampled
from streamer.types import F32Array, Frame

_ACROSS = 320  # sampled points across the picture's width
_BLOCK = 8  # points: in 1080 rows a block has 48 px, half the width of a small car
_OFFSET = 8.0  # grey levels, so that dark blocks do not decide how much lighter the picture has become
_LEAST, _FIRST = 0.7, 1.2  # grey levels that a block changes by itself, at least and before that is known
# Times that: something has come, and something may be coming. Noise alone makes 3.7 of the largest of 900 blocks.
CHANGED, TOUCHED = 7.0, 4.5
_LEVEL, _SPREAD = 0.3, 0.1  # shares of a new quiet picture; of the first ones more
_KNOWN_NOW = 1 / 4  # of a change that showed no plate is usual from now on


class PictureChange:
    """The quiet scene of one camera, by `blocks_of` its pictures."""

    def __init__(self) -> None:
        self._level: F32Array | None = None
        self._spread: F32Array | None = None
        self._count = 0  # pictures learned

    def of(self, now: F32Array | None) -> float:
        """The largest change of a block, in units of its usual change; infinite where there is nothing to compare
        with, 0 where there is no picture."""
        if now is None:
            return 0.0
        if self._level is None or self._spread is None or self._level.shape != now.shape:
            return float("inf")
        usual = np.maximum(
            self._spread, np.median(self._spread)
        )  # noise is everywhere the same; few pictures tell little
        return float((np.abs(_difference(now, self._level)) / usual).max())

    def learn(self, now: F32Array | None, *, woke: bool = False) -> None:
        """Takes a picture as quiet; `woke`: it woke the camera for nothing, so that such a change is usual."""
        if now is None:
            return
        if self._level is None or self._spread is None or self._level.shape != now.shape:
            self._level, self._spread, self._count = now, np.full_like(now, _FIRST), 1
            return
        self._count += 1
        change = np.abs(_difference(now, self._level))
        if woke:
            self._spread = np.maximum(self._spread, change * _KNOWN_NOW)
        else:
            self._spread += max(_SPREAD, 1 / self._count) * (1.25 * change - self._spread)
        self._spread = np.maximum(self._spread, _LEAST)
        self._level += max(_LEVEL, 1 / self._count) * (now - self._level)


def blocks_of(frame: Frame) -> F32Array | None:
    """The mean of each block (rows, columns), which `PictureChange` compares; None where the frame has no picture."""
    points = sampled(frame, _ACROSS)
    if points is None:
        return None
    rows, columns = (n // _BLOCK * _BLOCK for n in points.shape)
    if not rows or not columns:
        return points.astype(np.float32)
    blocks = points[:rows, :columns].reshape(rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK)
    means: F32Array = blocks.mean((1, 3), dtype=np.float32)
    return means


def _difference(now: F32Array, level: F32Array) -> F32Array:
    """The change of each block beyond that of the light."""
    light = float(np.median((now + _OFFSET) / (level + _OFFSET)))
    return now - ((level + _OFFSET) * light - _OFFSET)
