"""Which frames are worth a detector run, as one small state machine: fewer where nothing moves or all is settled."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from streamer.types import Frame

_ACROSS = 160  # points that are compared, across the picture
_CHANGE = 14  # grey levels that a point of a moving thing differs by, and noise does not
_POINTS = 10  # so many of them
_LONGEST_S = 0.25  # a vehicle must be seen a few times while it passes
# Frames from one run to the next: in a still scene, while something moves, while a plate is being read, and when all
# plates in sight have been.
STILL, MOVING, READING, SETTLED = 5, 2, 2, 4

Sight = Literal["nothing", "open", "settled"]


class Cadence:
    """Asked of every frame of one stream."""

    def __init__(self) -> None:
        self._looked: tuple[int, float] | None = None  # frame and second of the last run
        self._picture: npt.NDArray[np.int16] | None = None  # what was to be seen then, sparsely

    def wants(self, frame: Frame, sight: Sight) -> bool:
        """Whether to look at this frame. `sight`: the tracks there are: none, one that is not settled, or settled."""
        now = _sparse(frame)
        if self._looked is None or frame.index - self._looked[0] >= self._every(now, sight):
            due = True
        else:
            due = frame.pts - self._looked[1] >= _LONGEST_S
        if due:
            self._looked, self._picture = (frame.index, frame.pts), now
        return due

    def _every(self, now: npt.NDArray[np.int16], sight: Sight) -> int:
        if sight != "nothing":
            return READING if sight == "open" else SETTLED
        before = self._picture
        moved = before is None or before.shape != now.shape or int((np.abs(now - before) > _CHANGE).sum()) >= _POINTS
        return MOVING if moved else STILL


def _sparse(frame: Frame) -> npt.NDArray[np.int16]:
    picture = frame.planes.y if frame.planes is not None else frame.bgr
    if picture is None:
        return np.zeros((0, 0), np.int16)
    step = max(1, picture.shape[1] // _ACROSS)
    sparse = picture[step // 2 :: step, step // 2 :: step]
    return (sparse if sparse.ndim == 2 else sparse[..., 1]).astype(np.int16)
