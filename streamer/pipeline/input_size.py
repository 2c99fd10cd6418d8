"""How large a camera's pictures are for the detector: with `detector: NAME@auto`, and at the step of the ladder of
overload that makes them smaller.

Plates that are wide in the picture are found as well in a smaller input, at half the cost; small ones in a larger one.
Share of 724 plates of real scenes found by plate-detector-s, by their width in an input of 640 px
(9, 10, 18, 60, 64, 129, 212, 218 of them):

| input | 14-18 px | 22-28 px | 28-36 px | 36-48 px | 48-64 px | 64-96 px | 96-140 px | wider |
|---|---|---|---|---|---|---|---|---|
| 480 | 0.11 | 0.70 | 0.89 | 0.98 | 1.00 | 0.99 | 1.00 | 0.99 |
| 640 | 0.44 | 0.80 | 0.89 | 0.98 | 0.95 | 1.00 | 1.00 | 0.99 |
| 960 | 0.67 | 0.90 | 0.94 | 0.98 | 1.00 | 1.00 | 1.00 | 0.98 |

Pure: fed with the widths of plates, told the time; no clock, thread or log.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol, runtime_checkable

SIDES = (480, 640, 960)  # longer sides of the input (px) that a camera may choose from
_USUAL = 640
_KEPT, _LEAST = 40, 12  # plates whose widths decide, and how many must have been seen
_TENTH = 10  # all but a tenth of them are as wide as the one that decides
# Widths (px in an input of 640): from the first on the input becomes smaller, back below the second; it becomes larger
# below the third, and back from the fourth on. At its widest a plate has to be found with room to spare: it is read
# while it comes nearer.
_WIDE, _NOT_WIDE, _SMALL, _NOT_SMALL = 96.0, 72.0, 30.0, 40.0
_AGAIN_S, _CHECKED_S = 3600.0, 300.0  # a smaller input misses small plates: for some time in each hour it is not used


@runtime_checkable
class Resizes(Protocol):
    """A detector whose input may have another size."""

    chooses: bool  # whether cameras choose it

    @property
    def side(self) -> int:
        """The longer side of its input, px."""

    @side.setter
    def side(self, px: int) -> None: ...


class InputSize:
    """One camera's. `named`: the longer side (px) that the configuration names; `chooses`: whether the camera's own
    plates decide instead."""

    def __init__(self, named: int, chooses: bool) -> None:
        self._named, self._chooses = named, chooses
        self._widths: deque[float] = deque(maxlen=_KEPT)
        self._side = named
        self._since_s = 0.0  # when it became smaller

    def seen(self, width: float, now_s: float) -> None:
        """A plate has passed, at its best that wide (px in an input of 640)."""
        self._widths.append(width)
        if not self._chooses or len(self._widths) < _LEAST:
            return
        deciding = sorted(self._widths)[len(self._widths) // _TENTH]
        side = self._side
        if deciding >= (_NOT_WIDE if side < _USUAL else _WIDE):
            side = SIDES[0]
        elif deciding < (_NOT_SMALL if side > _USUAL else _SMALL):
            side = SIDES[2]
        else:
            side = _USUAL
        if side < _USUAL <= self._side:
            self._since_s = now_s
        self._side = side

    def side(self, now_s: float, *, smaller: bool = False) -> int:
        """The longer side (px) for a frame at that second; `smaller`: the next smaller one, as the cores do not
        suffice."""
        side = self._side
        if self._chooses and side < _USUAL and (now_s - self._since_s) % _AGAIN_S >= _AGAIN_S - _CHECKED_S:
            side = _USUAL
        return max((s for s in SIDES if s < side), default=side) if smaller else side
