"""Lines across the picture, and in which direction plates cross them."""

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
        """The lines that a centre (2,) in frame_xy crosses from `before` to `after`: the name with + where it crosses
        to the right (seen from the line's start to its end), with - to the left. A centre on the line has not crossed
        it yet."""
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
    """Positive to the right of the direction from start to end (y points down), negative to the left, 0 on the line."""
    line, offset = end - start, point - start
    return float(line[0] * offset[1] - line[1] * offset[0])


def _meet(start: FloatArray, end: FloatArray, a: FloatArray, b: FloatArray) -> bool:
    """Whether the ends of the line lie on either side of the segment's direction from a to b (or on it)."""
    return side(a, b, start) * side(a, b, end) <= 0
