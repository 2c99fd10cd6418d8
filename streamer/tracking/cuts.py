"""Hard cuts: frames whose picture has nothing in common with the one before. What stays in its place over a cut is
drawn over the picture (a channel's logo, a caption) and no plate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamer.image.points import sampled
from streamer.types import Frame

_ACROSS = 32  # compared points across the picture's width
_CHANGE = 12.0  # grey levels, in the mean
_ALIKE = 0.4  # correlation; exposure and infrared light change the brightness and keep the structure
_FLAT = 3.0  # standard deviation of a picture that shows nothing, as in a fade


class Cuts:
    """Compares each frame of a stream with the last one that showed something."""

    def __init__(self) -> None:
        self._last: npt.NDArray[np.float64] | None = None

    def at(self, frame: Frame) -> bool:
        """Whether a hard cut lies between this frame and the one before; False where a frame has no picture."""
        points = sampled(frame, _ACROSS)
        if points is None or points.std() < _FLAT:
            return False
        now = points.astype(np.float64)
        before, self._last = self._last, now
        if before is None or before.shape != now.shape or np.abs(now - before).mean() < _CHANGE:
            return False
        a, b = now - now.mean(), before - before.mean()
        return float((a * b).mean()) < _ALIKE * float(now.std() * before.std())
