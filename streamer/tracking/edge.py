"""Plates that the edge of the picture may have cut."""

from __future__ import annotations

from streamer.types import FloatArray

# px, and plate heights: a plate closer to the edge than the larger of both may be cut by it.
_EDGE, _EDGE_HEIGHTS = 1.5, 0.08
_FILLS = 0.8  # of the picture's width: a plate this wide was cropped on purpose


def inside(box_xyxy: FloatArray, width: int, height: int) -> bool:
    """Whether a box (4,) is clear of the edge of a picture of that size."""
    x1, y1, x2, y2 = box_xyxy
    edge = max(_EDGE, _EDGE_HEIGHTS * (y2 - y1))
    if x2 - x1 > _FILLS * width:
        return True
    return bool(min(x1, y1) > edge and x2 < width - edge and y2 < height - edge)
