"""Which frames the detector runs on with `cadence: auto`: fewer where nothing moves or all texts are settled."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from streamer.image.points import sampled
from streamer.types import Frame

_ACROSS = 160  # compared points across the picture's width
_CHANGE = 14  # grey levels; motion changes a point by more, noise by less
_POINTS = 10  # changed points that count as motion
_LONGEST_S = 0.25  # longest time between two runs: a passing vehicle needs a few
# Frames from one run to the next: in a still scene, while something moves, while a plate is being read, and when the
# texts of all plates in sight are settled.
STILL, MOVING, READING, SETTLED = 5, 2, 2, 4

TracksState = Literal["none", "unsettled", "settled"]


class Cadence:
    """Decides for every frame of one stream, in order."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None  # frame and second of the last run
        self._picture: npt.NDArray[np.int16] | None = None  # subsampled picture of the last run

    def wants(self, frame: Frame, tracks: TracksState) -> bool:
        """Whether to run the detector on this frame. `tracks`: there are none, one is not settled yet, all are
        settled."""
        now = _subsampled(frame)
        if self._last is None or frame.index - self._last[0] >= self._every(now, tracks):
            due = True
        else:
            due = frame.pts - self._last[1] >= _LONGEST_S
        if due:
            self._last, self._picture = (frame.index, frame.pts), now
        return due

    def _every(self, now: npt.NDArray[np.int16], tracks: TracksState) -> int:
        if tracks != "none":
            return READING if tracks == "unsettled" else SETTLED
        before = self._picture
        moved = before is None or before.shape != now.shape or int((np.abs(now - before) > _CHANGE).sum()) >= _POINTS
        return MOVING if moved else STILL


def _subsampled(frame: Frame) -> npt.NDArray[np.int16]:
    points = sampled(frame, _ACROSS)
    return np.zeros((0, 0), np.int16) if points is None else points.astype(np.int16)
