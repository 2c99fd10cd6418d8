"""Hard cuts: frames whose picture has nothing in common with the one before. What stays in its place over a cut is
drawn over the picture (a channel's logo, a caption) and no plate."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from streamer.image.points import sampled
from streamer.types import Frame, Image

_ACROSS = 32  # compared points across the picture's width
_CHANGE = 12.0  # grey levels, in the mean
_ALIKE = 0.4  # correlation; exposure and infrared light change the brightness and keep the structure
_FLAT = 3.0  # standard deviation of a picture that shows nothing, as in a fade


class _Points:
    """The grey levels of a frame, in whole numbers, which are exact and a third of the time of NumPy's `std`."""

    def __init__(self, points: Image) -> None:
        self.shape = points.shape
        self.levels: npt.NDArray[np.int64] = points.ravel().astype(np.int64)
        self.count, self.sum = self.levels.size, int(self.levels.sum())
        self.spread = self.count * int(self.levels @ self.levels) - self.sum**2  # the variance times count squared


class Cuts:
    """Compares each frame of a stream with the last one that showed something."""

    def __init__(self) -> None:
        self._last: _Points | None = None
        self.last: int | None = None  # the index of that frame

    def at(self, frame: Frame) -> bool:
        """Whether a hard cut lies between this frame and the one before; False where a frame has no picture."""
        points = sampled(frame, _ACROSS)
        if points is None:
            return False
        now = _Points(points)
        if now.spread < (_FLAT * now.count) ** 2:
            return False
        before, self._last, self.last = self._last, now, frame.index
        if before is None or before.shape != now.shape:
            return False
        if int(np.abs(now.levels - before.levels).sum()) < _CHANGE * now.count:
            return False
        together = now.count * int(now.levels @ before.levels) - now.sum * before.sum
        return together < _ALIKE * math.sqrt(now.spread * before.spread)
