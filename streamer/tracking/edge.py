"""Plates that the edge of the picture may have cut."""

from __future__ import annotations

from streamer.types import FloatArray

# px, and heights of the plate: one nearer to the edge than both may be cut by it.
_EDGE, _EDGE_HEIGHTS = 1.5, 0.08
_FILLS = 0.8  # of the picture's width: a plate so wide was cut out by somebody, not by chance


def inside(box_xyxy: FloatArray, width: int, height: int) -> bool:
    """Whether a box (4,) keeps off the edge of a picture of that size."""
    x1, y1, x2, y2 = box_xyxy
    edge = max(_EDGE, _EDGE_HEIGHTS * (y2 - y1))
    if x2 - x1 > _FILLS * width:
        return True
    return bool(min(x1, y1) > edge and x2 < width - edge and y2 < height - edge)
