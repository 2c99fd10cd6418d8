"""Unreadable characters: one is hidden on a crop, and its label becomes UNREADABLE.

Without such samples a reader invents what it cannot see.
"""

from __future__ import annotations

import cv2
import numpy as np

from streamer.geometry import homography
from streamer.types import FloatArray, Image

UNREADABLE = "?"
_UNIT = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def chinese_boxes(text: str) -> FloatArray | None:
    """Where the characters of a Chinese plate of one row stand, as shares of its width and height: (n, 4).

    After the standard GA 36-2018: 440x140 mm with 7 characters of 45 mm, 480x140 mm with 8 (new energy). None for
    other lengths.
    """
    if len(text) == 7:
        width, left = 440.0, np.array([15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5])
    elif len(text) == 8:
        width, left = 480.0, np.array([15.5, 69.5, 161.5, 213.5, 265.5, 317.5, 369.5, 421.5])
    else:
        return None
    right = left + 45.0
    return np.stack([left / width, np.full_like(left, 25 / 140), right / width, np.full_like(left, 115 / 140)], -1)


def cover(rng: np.random.Generator, image: Image, text: str, boxes: FloatArray, quad: FloatArray) -> str:
    """Hides one character in place and gives the text that can still be read.

    `boxes` (n, 4): the characters as shares of the plate's width and height; `quad` (4, 2): the plate in the image.
    """
    k = int(rng.integers(len(text)))
    x1, y1, x2, y2 = boxes[k]
    grow = 0.12 * (x2 - x1), 0.08 * (y2 - y1)
    unit = np.array([x1 - grow[0], y1 - grow[1]]) + _UNIT * (x2 - x1 + 2 * grow[0], y2 - y1 + 2 * grow[1])
    area = cv2.perspectiveTransform(unit[None].astype(np.float64), homography(_UNIT, quad))[0]
    low, high = np.floor(area.min(0)).astype(int), np.ceil(area.max(0)).astype(int)
    low, high = low.clip(0), np.minimum(high, image.shape[1::-1])
    if (high - low < 2).any():
        return text
    part = image[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(part.shape[:2], np.float32)
    cv2.fillConvexPoly(mask, np.round(area - low).astype(np.int32), 1.0)
    edge = max(0.5, 0.04 * min(part.shape[:2]))
    mask = cv2.GaussianBlur(mask, (0, 0), edge, borderType=cv2.BORDER_REPLICATE)[..., None]
    part[:] = (
        (part * (1 - mask) + patch(rng, part, gap_tells=not text[0].isascii()) * mask)
        .round()
        .clip(0, 255)
        .astype(np.uint8)
    )
    return text[:k] + UNREADABLE + text[k + 1 :]


def patch(rng: np.random.Generator, part: Image, gap_tells: bool) -> FloatArray:
    """What lies over the character, as large as `part`: dirt, a sticker, a glare, a smear or the plate's own ground;
    the last only where every place is fixed, so that a gap implies a character (Chinese plates)."""
    h, w = part.shape[:2]
    kind = rng.choice(["dirt", "sticker", "glare", "smear", "ground"][: 5 if gap_tells else 4])
    if kind == "smear":
        return np.asarray(cv2.GaussianBlur(part, (0, 0), 0.45 * max(h, w)), np.float64)
    if kind == "glare":
        return np.full(part.shape, rng.uniform(225, 255)) + rng.normal(0, 3, part.shape)
    if kind == "ground":
        tone = np.median(part.reshape(-1, 3), 0)
    elif kind == "sticker":
        tone = rng.uniform(20, 255, 3)
    else:
        tone = np.array([60.0, 75, 90]) * rng.uniform(0.3, 1.8)
    noise = cv2.GaussianBlur(rng.normal(0, 1, part.shape), (0, 0), float(rng.uniform(0.6, 3)))
    return np.asarray(tone + noise * float(rng.uniform(2, 25)))
