"""How sharp a plate is: the width of its edges in pixels, along and across the text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.geometry import side_lengths
from streamer.image.warp import straight
from streamer.types import FloatArray, Frame

_LEAST = 6  # px; nothing is measured in less
_WHITE = 250


@dataclass(frozen=True)
class Sharpness:
    """`height`: the plate's, in px; `along`, `across`: the widths of the steepest edges, as shares of that height;
    `contrast`: between light and dark parts, 0-255; `white`: the share of pixels that are as bright as can be."""

    height: float
    along: float
    across: float
    contrast: float
    white: float


def sharpness_of(frame: Frame, quad: FloatArray) -> Sharpness | None:
    """Measures the plate in the quad (4, 2) at its own size; None where it is too small."""
    top, right, bottom, left = side_lengths(quad).tolist()
    width, height = round((top + bottom) / 2), round((left + right) / 2)
    if width < _LEAST or height < _LEAST:
        return None
    grey = straight(frame, quad, width, height).astype(np.float64) @ np.array([0.114, 0.587, 0.299])
    low, high = np.percentile(grey, [5, 95]).tolist()
    # A step of the whole contrast that is spread over w pixels rises by contrast / w in each.
    steps = [float(np.percentile(np.abs(np.diff(grey, axis=axis)), 98)) for axis in (1, 0)]
    along, across = ((high - low) / max(step, 1.0) / height for step in steps)
    return Sharpness(height, along, across, high - low, float((grey >= _WHITE).mean()))
