"""Detection of a frozen picture."""

from __future__ import annotations

import zlib
from collections import deque

import numpy as np

from streamer.types import Frame, Image

_FROZEN_FRAMES = 10  # at least, without a new picture: a low frame rate is no fault
_FORMS = 300  # in which an encoder may send one picture
_SQUARE, _SIMILAR = 4, 6.0  # samples, grey levels: motion changes the mean of some square by more than an encoder does
_SPARSE = 8  # one of this many rows and columns is compared


class StillPicture:
    """How long there has been no new picture. A sensor's noise makes every live picture new; a frozen one is encoded
    repeatedly, refined from one key frame to the next, so that nearly equal forms of it recur. (Those of a short looped
    recording recur as well, but differ from one frame to the next.)"""

    def __init__(self) -> None:
        self._shown: deque[int] = deque(maxlen=_FORMS)
        self._first: Image | None = None  # of the similar ones
        self._times, self._since = 0, 0.0

    def after(self, frame: Frame, came: float) -> float:
        """Adds a frame; seconds without a new picture, 0 where it is new or too few came to decide."""
        picture = frame.bgr if frame.planes is None else frame.planes.y
        assert picture is not None
        sparse = picture[::_SPARSE, ::_SPARSE].copy()
        shown = zlib.crc32(sparse.tobytes())
        known = shown in self._shown
        if not known:
            self._shown.append(shown)
        if not known or self._first is None or not _similar(sparse, self._first):
            self._first, self._times, self._since = sparse, 0, came
        self._times += 1
        return came - self._since if self._times >= _FROZEN_FRAMES else 0.0


def _similar(one: Image, other: Image) -> bool:
    """Whether no square of the picture has become lighter or darker."""
    if one.shape != other.shape:
        return False
    change = one.astype(np.int16) - other
    if change.ndim == 3:
        change = change[..., 1]  # green of BGR: most of the luma
    rows, columns = (np.arange(0, size, _SQUARE) for size in change.shape)
    sums = np.add.reduceat(np.add.reduceat(change, rows, 0), columns, 1)
    return bool(np.abs(sums).max() <= _SIMILAR * _SQUARE**2)
