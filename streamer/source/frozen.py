"""Whether a camera shows the same picture again and again."""

from __future__ import annotations

import zlib
from collections import deque

import numpy as np

from streamer.types import Frame, Image

_FROZEN_FRAMES = 10  # without a new picture, at least: few pictures a second are no fault
_FORMS = 300  # in which a coder may show one picture
_SQUARE, _ALIKE = 4, 6.0  # samples, grey levels: what moves changes some square's mean by more than a coder does
_SPARSE = 8  # of so many rows and columns one is compared


class StillPicture:
    """For how long there has been no new picture. A sensor's noise makes every real one new; one that stands still is
    coded again and again, refined from one key picture to the next, in forms that return and look much the same. (A
    short recording in a loop returns as well, and looks different while it goes on.)"""

    def __init__(self) -> None:
        self._shown: deque[int] = deque(maxlen=_FORMS)
        self._first: Image | None = None  # of those that look alike
        self._times, self._since = 0, 0.0

    def after(self, frame: Frame, came: float) -> float:
        """Seconds, with this frame; 0 where it is a new picture, or too few came to decide."""
        picture = frame.bgr if frame.planes is None else frame.planes.y
        assert picture is not None
        sparse = picture[::_SPARSE, ::_SPARSE].copy()
        shown = zlib.crc32(sparse.tobytes())
        known = shown in self._shown
        if not known:
            self._shown.append(shown)
        if not known or self._first is None or not _alike(sparse, self._first):
            self._first, self._times, self._since = sparse, 0, came
        self._times += 1
        return came - self._since if self._times >= _FROZEN_FRAMES else 0.0


def _alike(one: Image, other: Image) -> bool:
    """Whether no square of the picture has become lighter or darker."""
    if one.shape != other.shape:
        return False
    change = one.astype(np.int16) - other
    if change.ndim == 3:
        change = change[..., 1]  # green of BGR: the most of the luma
    rows, columns = (np.arange(0, size, _SQUARE) for size in change.shape)
    sums = np.add.reduceat(np.add.reduceat(change, rows, 0), columns, 1)
    return bool(np.abs(sums).max() <= _ALIKE * _SQUARE**2)
