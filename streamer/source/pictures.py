"""From the bytes of a picture file to pixels: whole, upright, eight bits a colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.errors import InputError
from streamer.types import Image


@dataclass(frozen=True, eq=False)
class Picture:
    """(H, W, 3) uint8 BGR, and one-line notes on what was met and survived."""

    bgr: Image
    warnings: tuple[str, ...] = ()


def decode(data: bytes, name: str) -> Picture:
    """InputError names the file and what is wrong."""
    import cv2

    if not data:
        raise InputError(f"{name}: is empty (0 bytes): copy it again")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise InputError(f"{name}: is not a picture that can be read: expected JPEG, PNG, BMP, WebP or TIFF")
    return Picture(np.asarray(picture, np.uint8))
