"""Things that look like plates and are none: bare lettering, badges, lamps, boards with words. Drawn into pictures
without a label, so that characters on any ground, or any bright rectangle, are not enough to be a plate."""

from __future__ import annotations

import cv2
import numpy as np

from streamer.types import Image
from train.data.boards import board

_INWARD = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)  # from TL TR BR BL
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def distract(rng: np.random.Generator, image: Image, width: float) -> tuple[Image, np.ndarray] | None:
    """The picture with one distractor about `width` px wide, and the box (4,) it covers; None where it does not fit."""
    height = max(4.0, width * float(rng.uniform(0.18, 0.6)))
    w, h = round(width), round(height)
    if w + 4 > image.shape[1] or h + 4 > image.shape[0]:
        return None
    x, y = int(rng.integers(2, image.shape[1] - w - 1)), int(rng.integers(2, image.shape[0] - h - 1))
    out = image.copy()
    part = out[y : y + h, x : x + w]
    kind = rng.random()
    if kind < 0.38:
        _lettering(rng, part)
    elif kind < 0.6:
        _badge(rng, part)
    elif kind < 0.75:
        _lamp(rng, part)
    else:
        _board(rng, part)
    return out, np.array([x, y, x + w, y + h], float)


def _contrast(rng: np.random.Generator, part: Image) -> tuple[float, float, float]:
    """A colour that stands out from what lies there."""
    around = part.reshape(-1, 3).mean(0)
    step = rng.uniform(50, 150) * (1 if around.mean() < 128 else -1)
    b, g, r = np.clip(around + step + rng.normal(0, 18, 3), 0, 255)
    return float(b), float(g), float(r)


def _lettering(rng: np.random.Generator, part: Image, margin: float = 0.0) -> None:
    """Letters and digits without a ground of their own: names of cars, numbers of parking bays, clocks."""
    h, w = part.shape[:2]
    text = "".join(rng.choice(list(LETTERS), int(rng.integers(2, 8))))
    if rng.random() < 0.15:
        text = f"{rng.integers(24):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"
    face, thick = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX])), int(rng.integers(2, 6))
    (tw, th), base = cv2.getTextSize(text, face, 1.6, thick)
    mask = np.zeros((th + base + 8, tw + 8), np.uint8)
    cv2.putText(mask, text, (4, th + 4), face, 1.6, 255, thick, cv2.LINE_AA)
    if rng.random() < 0.3:
        mask = np.ascontiguousarray(mask[::-1, ::-1])  # painted for whom comes the other way
    inner = (max(2, round(w * (1 - 2 * margin))), max(2, round(h * (1 - 2 * margin))))
    small = cv2.resize(mask, inner, interpolation=cv2.INTER_AREA)
    x, y = (w - inner[0]) // 2, (h - inner[1]) // 2
    alpha = small[..., None].astype(np.float32) / 255 * float(rng.uniform(0.5, 1.0))
    view = part[y : y + inner[1], x : x + inner[0]]
    view[:] = view * (1 - alpha) + np.array(_contrast(rng, part)) * alpha


def _badge(rng: np.random.Generator, part: Image) -> None:
    """An oval or a bar with a rim and a sign in it: makers' badges."""
    h, w = part.shape[:2]
    ground, rim = _contrast(rng, part), tuple(float(v) for v in rng.uniform(120, 240, 3))
    centre, axes = (w // 2, h // 2), (max(1, w // 2 - 1), max(1, h // 2 - 1))
    if rng.random() < 0.7:
        cv2.ellipse(part, centre, axes, 0, 0, 360, ground, -1, cv2.LINE_AA)
        cv2.ellipse(part, centre, axes, 0, 0, 360, rim, max(1, h // 12), cv2.LINE_AA)
    else:
        cv2.rectangle(part, (0, 0), (w - 1, h - 1), ground, -1)
    if rng.random() < 0.7:
        _lettering(rng, part, 0.25)


def _lamp(rng: np.random.Generator, part: Image) -> None:
    """A bright or dark patch with soft edges: lamps, intakes, reflections."""
    h, w = part.shape[:2]
    mask = np.zeros((h, w), np.float32)
    if rng.random() < 0.5:
        cv2.ellipse(mask, (w // 2, h // 2), (max(1, int(0.4 * w)), max(1, int(0.38 * h))), 0, 0, 360, 1.0, -1)
    else:
        cv2.rectangle(mask, (int(0.1 * w), int(0.12 * h)), (int(0.9 * w), int(0.88 * h)), 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.06 * h))[..., None] * float(rng.uniform(0.5, 1.0))
    tone = rng.uniform(0, 255) + rng.normal(0, 20, 3)
    part[:] = np.clip(part * (1 - mask) + tone * mask, 0, 255)


def _board(rng: np.random.Generator, part: Image) -> None:
    """A board with words, a little turned: names of streets, shops, warnings."""
    h, w = part.shape[:2]
    drawn = cv2.resize(board(rng), (w, h), interpolation=cv2.INTER_AREA)
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    moved = corners + rng.uniform(0, 0.08, (4, 2)) * (w, h) * _INWARD
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    turned = cv2.warpPerspective(drawn, matrix, (w, h), flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.ones((h, w), np.float32), matrix, (w, h))[..., None]
    part[:] = np.clip(part * (1 - mask) + turned * mask * float(rng.uniform(0.45, 1.05)), 0, 255)
