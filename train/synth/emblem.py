"""What stands on plates beside characters and is none: seals, coats of arms, symbols, small pictures.

A reader that never saw them takes them for letters.
"""

from __future__ import annotations

import cv2
import numpy as np

from streamer.types import Image

Colour = tuple[float, float, float]


def seal(rng: np.random.Generator, picture: Image, x: float, y: float, diameter: float) -> None:
    """A round sticker or emblem: a disc with a ring and a blot."""
    ground, mark = _colour(rng, 120, 250), _colour(rng, 30, 220)
    at, r = (round(8 * x), round(8 * y)), 4 * diameter
    cv2.circle(picture, at, round(r), mark, -1, cv2.LINE_AA, 3)
    cv2.circle(picture, at, round(0.82 * r), ground, -1, cv2.LINE_AA, 3)
    axes = (round(0.5 * r), round(0.3 * r))
    cv2.ellipse(picture, at, axes, float(rng.uniform(0, 180)), 0, 360, mark, -1, cv2.LINE_AA, 3)


def arms(rng: np.random.Generator, picture: Image, x: float, y: float, height: float) -> None:
    """A coat of arms: a shield of one strong colour with a cross or bars in it, and hills or a field below."""
    w = height * float(rng.uniform(0.7, 0.9))
    shield = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.1], [0.3, 0.38], [0, 0.5], [-0.3, 0.38], [-0.5, 0.1]])
    points = np.round(shield * (w, height) + (x, y)).astype(np.int32)
    cv2.fillConvexPoly(picture, points, _colour(rng, 20, 230), cv2.LINE_AA)
    pale, lower = _colour(rng, 190, 255), _colour(rng, 20, 200)
    thick = max(1, round(0.1 * height))
    if rng.random() < 0.6:
        _line(picture, (x, y - 0.35 * height), (x, y + 0.2 * height), pale, thick)
        for k in (-0.22, -0.05)[: int(rng.integers(1, 3))]:
            _line(picture, (x - 0.25 * w, y + k * height), (x + 0.25 * w, y + k * height), pale, thick)
    else:
        for k in (-0.25, 0.0):
            _line(picture, (x - 0.4 * w, y + k * height), (x + 0.4 * w, y + k * height), pale, thick)
    cv2.ellipse(picture, (round(x), round(y + 0.3 * height)), (round(0.28 * w), round(0.14 * height)), 0, 0, 360, lower,
                -1, cv2.LINE_AA)  # fmt: skip


def symbol(rng: np.random.Generator, picture: Image, x: float, y: float, height: float) -> None:
    """A square sign with a pale figure, as for the disabled."""
    half = height / 2
    ground = (_colour(rng, 120, 230)[0], *_colour(rng, 20, 110)[1:])  # mostly blue
    p, q = (round(x - half), round(y - half)), (round(x + half), round(y + half))
    cv2.rectangle(picture, p, q, ground, -1, cv2.LINE_AA)
    pale, thick = _colour(rng, 220, 255), max(1, round(0.1 * height))
    cv2.circle(picture, (round(x), round(y + 0.15 * height)), round(0.24 * height), pale, thick, cv2.LINE_AA)
    _line(picture, (x - 0.05 * height, y - 0.3 * height), (x, y + 0.05 * height), pale, thick)


def blob(rng: np.random.Generator, picture: Image, x: float, y: float, height: float) -> None:
    """A small picture: a few soft patches of two or three colours, as fruits, trees and birds look from afar."""
    for _ in range(int(rng.integers(2, 5))):
        at = (round(x + rng.normal(0, 0.15) * height), round(y + rng.normal(0, 0.2) * height))
        axes = (max(1, round(rng.uniform(0.12, 0.35) * height)), max(1, round(rng.uniform(0.12, 0.4) * height)))
        cv2.ellipse(picture, at, axes, float(rng.uniform(0, 180)), 0, 360, _colour(rng, 20, 235), -1, cv2.LINE_AA)


def between(rng: np.random.Generator, picture: Image, x: float, top: float, length: float, cap: float) -> None:
    """What stands in a gap between characters: one seal or two above each other, arms, or a small picture. The gap
    begins at `x` and is `length` wide; characters are `cap` px high from `top` on."""
    middle = x + length / 2
    kind = rng.random()
    if kind < 0.35:
        seal(rng, picture, middle, top + rng.uniform(0.2, 0.8) * cap, rng.uniform(0.3, 0.5) * cap)
    elif kind < 0.6:
        size = rng.uniform(0.28, 0.42) * cap
        for y in (0.25, 0.75):
            seal(rng, picture, middle, top + y * cap, size)
    elif kind < 0.8:
        arms(rng, picture, middle, top + 0.5 * cap, rng.uniform(0.5, 0.9) * cap)
    else:
        blob(rng, picture, middle, top + 0.5 * cap, rng.uniform(0.5, 1.0) * cap)


def _colour(rng: np.random.Generator, low: int, high: int) -> Colour:
    b, g, r = (float(v) for v in rng.integers(low, high, 3))
    return b, g, r


def _line(picture: Image, p: tuple[float, float], q: tuple[float, float], colour: Colour, thick: int) -> None:
    cv2.line(picture, (round(p[0]), round(p[1])), (round(q[0]), round(q[1])), colour, thick, cv2.LINE_AA)
