"""Pictures without a plate for the reader, whose label is an empty text: places in plate-free pictures, cut as a
detector's false finds would be."""

from __future__ import annotations

import numpy as np

from streamer.geometry import box_quad
from streamer.image.warp import cut
from streamer.types import FloatArray, Image
from train.data.cache import PictureCache

NARROWEST, WIDEST = 24, 320  # px of a place's width


def draw_place(rng: np.random.Generator, width: int, height: int) -> FloatArray:
    """The quad (4, 2) of a place with a plate's proportions in a picture of that size, a little turned and sheared."""
    w = float(np.exp(rng.uniform(np.log(NARROWEST), np.log(max(NARROWEST + 1, min(WIDEST, width))))))
    h = w / float(rng.uniform(1.2, 5.0))
    x, y = rng.uniform(0, max(1.0, width - w)), rng.uniform(0, max(1.0, height - h))
    quad = box_quad(np.array([x, y, x + w, y + h]))
    return quad + rng.normal(0, 0.06 * h, (4, 2))


def ground(rng: np.random.Generator, cache: PictureCache) -> Image:
    """A crop (48, 128, 3) of a random place in one of the pictures."""
    image = cache[int(rng.integers(len(cache)))]
    return cut(image, draw_place(rng, image.shape[1], image.shape[0]))
