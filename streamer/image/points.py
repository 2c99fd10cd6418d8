"""A frame's brightness at few points, to compare it with others."""

from __future__ import annotations

from streamer.types import Frame, Image


def sampled(frame: Frame, across: int) -> Image | None:
    """Grey levels (h, w) uint8 on a grid of about `across` points in a row; None where a frame has no picture. Of a BGR
    picture its green."""
    picture = frame.planes.y if frame.planes is not None else frame.bgr
    if picture is None:
        return None
    step = max(1, picture.shape[1] // across)
    points = picture[step // 2 :: step, step // 2 :: step]
    return points if points.ndim == 2 else points[..., 1]
