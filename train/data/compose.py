"""Plates of two rows made from real plates of one row: cut at a gap between two characters, the halves stacked."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from streamer.geometry import side_lengths
from streamer.image.warp import cut
from streamer.types import FloatArray, Image
from train.data.plates import Crop
from train.data.splice import straight

HEIGHT = 96  # px of each row while the plate is put together
LEAST = 2  # characters in a row
TRIM = 0.14  # most of a row's height that is cut off where the rows meet: one-row plates have an edge there
STRETCH = 1.35  # most by which a row is widened to fill the plate


def stacked(rng: np.random.Generator, crop: Crop, image: Image, joints: FloatArray) -> tuple[Crop, Image] | None:
    """A crop of one row as one of two, and its picture; None where no joint leaves two characters on each side.

    `joints` (n - 1,): the gaps after each character, as shares of the straight cut's width (NaN: none there). Where
    letters meet digits a break is likelier.
    """
    text = crop.text
    places = [i for i in range(LEAST - 1, len(text) - LEAST) if not np.isnan(joints[i])]
    if not places:
        return None
    chance = np.array([4.0 if text[i].isdigit() != text[i + 1].isdigit() else 1.0 for i in places])
    at = int(rng.choice(places, p=chance / chance.sum()))
    quad = straight(crop, image)
    top, right, bottom, left = side_lengths(quad)
    ratio = float(np.clip((top + bottom) / max(left + right, 1e-6), 2.0, 6.0))
    wide = round(HEIGHT * ratio)
    flat = cut(image, quad, wide, HEIGHT)
    middle = round(float(joints[at]) * wide)
    trim = [round(HEIGHT * float(rng.uniform(0, TRIM))) for _ in range(2)]
    upper, lower = flat[: HEIGHT - trim[0], :middle], flat[trim[1] :, middle:]
    width = round(max(upper.shape[1], lower.shape[1]) * float(rng.uniform(1.0, 1.12)))
    picture = np.vstack([_row(rng, part, width) for part in (upper, lower)])
    return replace(crop, rows=2, quad=None, box=None), picture


def _row(rng: np.random.Generator, part: Image, width: int) -> Image:
    """A half of a plate as a row of the whole width: widened a little, the rest filled with its edges."""
    h, w = part.shape[:2]
    w = min(width, round(w * float(rng.uniform(1.0, min(STRETCH, max(1.0, width / w))))))
    part = cv2.resize(part, (w, h), interpolation=cv2.INTER_LINEAR)
    before = round((width - w) * float(rng.uniform(0.3, 0.7)))
    row: Image = cv2.copyMakeBorder(part, 0, 0, before, width - w - before, cv2.BORDER_REPLICATE)
    return row
