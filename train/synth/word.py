"""The word on Tunisian plates, drawn with strokes: the built-in fonts hold Arabic letters unjoined alone."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from streamer.types import Image

# In a box of 2.6 by 1, from the right: the tooth of ta, the loop and tail of waw; the tooth of nun, sin and its bowl.
STROKES = (
    ((2.45, 0.30), (2.46, 0.52), (2.36, 0.62), (2.16, 0.62), (1.99, 0.55), (1.90, 0.42), (1.99, 0.33), (2.10, 0.42),
     (2.10, 0.62), (1.98, 0.82), (1.74, 0.92)),
    ((1.55, 0.30), (1.56, 0.52), (1.48, 0.62), (1.36, 0.62), (1.30, 0.42), (1.28, 0.60), (1.14, 0.62), (1.06, 0.42),
     (1.04, 0.60), (0.90, 0.62), (0.82, 0.36), (0.82, 0.66), (0.70, 0.90), (0.44, 0.97), (0.20, 0.86), (0.13, 0.66),
     (0.18, 0.48)),
)  # fmt: skip
DOTS = ((2.36, 0.10), (2.58, 0.10), (1.55, 0.10))


def tunisia(height: int, thickness: int) -> Image:
    """The mask of the word, `height` px high and about 2.8 times as wide."""
    scale, pad = 8, thickness
    mask = np.zeros((height + 2 * pad, round(2.75 * height) + 2 * pad), np.uint8)

    def at(p: tuple[float, float]) -> tuple[int, int]:
        return round((p[0] * height + pad) * scale), round((p[1] * height + pad) * scale)

    for stroke in STROKES:
        line = np.array([at(p) for p in _smooth(stroke)], np.int32)
        cv2.polylines(mask, [line], False, 255, thickness, cv2.LINE_AA, 3)
    for dot in DOTS:
        cv2.circle(mask, at(dot), round(0.72 * thickness * scale), 255, -1, cv2.LINE_AA, 3)
    x, y, w, h = cv2.boundingRect(mask)
    return mask[y : y + h, x : x + w]


def _smooth(points: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Two rounds of corner cutting, the ends kept."""
    line = [np.array(p) for p in points]
    for _ in range(2):
        cut = [q for a, b in pairwise(line) for q in (0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b)]
        line = [line[0], *cut, line[-1]]
    return [(float(p[0]), float(p[1])) for p in line]
