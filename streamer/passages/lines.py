"""Lines across the picture, and which way a plate went over them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamer.config.models import LineConfig
from streamer.types import FloatArray


class Lines:
    """The lines of one camera, ends in shares of the picture's width and height."""

    def __init__(self, lines: Mapping[str, LineConfig]) -> None:
        self._ends = {name: np.array([line.start, line.end], float) for name, line in lines.items()}

    def __bool__(self) -> bool:
        return bool(self._ends)

    def crossed(self, before: FloatArray, after: FloatArray, width: int, height: int) -> list[str]:
        """The lines that a centre (2,) in frame_xy crosses from `before` to `after`: the name with + where it comes to
        the right of the line as one looks from its start to its end, - the other way. A centre on the line has not
        crossed it yet."""
        size = np.array([max(width, 1), max(height, 1)], float)
        a, b = before / size, after / size
        out = []
        for name, (start, end) in self._ends.items():
            was, now = side(start, end, a), side(start, end, b)
            if was <= 0 < now and _meet(start, end, a, b):
                out.append(f"{name}+")
            elif now <= 0 < was and _meet(start, end, a, b):
                out.append(f"{name}-")
        return out


def side(start: FloatArray, end: FloatArray, point: FloatArray) -> float:
    """Positive to the right of the way from start to end (y runs down), negative to the left, 0 on the line."""
    along, there = end - start, point - start
    return float(along[0] * there[1] - along[1] * there[0])


def _meet(start: FloatArray, end: FloatArray, a: FloatArray, b: FloatArray) -> bool:
    """Whether the ends of the line lie on both sides of the way from a to b (or on it)."""
    return side(a, b, start) * side(a, b, end) <= 0
