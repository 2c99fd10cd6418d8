"""Plates made unreadable in pictures.

A plate becomes a few smooth patches, each as large as the plate is high: means over more than a character, in coarse
steps, so that sharpening or comparing with drawn plates brings nothing back. The patches lie by the plate, not by the
picture, so that successive frames of a video do not add to one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from streamer.geometry import quad_height
from streamer.types import FloatArray, Frame, Image, YuvPlanes

_ALONG, _ACROSS = 0.1, 0.3  # margins around a plate, as shares of its width and height
_STEP = 32  # of the patches' values
_LEAST = 6.0  # px: a plate that is lower is made unreadable like one of that height


def blurred(frame: Frame, quads: Sequence[FloatArray]) -> Frame:
    """The frame with the plates in these quads (4, 2) unreadable; all other pixels are as they were."""
    if not quads:
        return frame
    if frame.bgr is not None:
        picture = frame.bgr.copy()
        blur(picture, quads)
        return replace(frame, bgr=picture)
    planes = frame.planes
    if planes is None:
        raise ValueError("a frame has neither planes nor a BGR picture")
    y, u, v = (np.array(plane, order="C") for plane in (planes.y, planes.u, planes.v))
    _blur(y, quads, (1.0, 1.0))
    steps = frame.width / u.shape[1], frame.height / u.shape[0]
    for plane in (u, v):
        _blur(plane, quads, (float(round(steps[0])), float(round(steps[1]))))
    return replace(frame, planes=YuvPlanes(y, u, v, planes.matrix, planes.full_range))


def blur(picture: Image, quads: Iterable[FloatArray]) -> None:
    """Makes the plates in these quads (4, 2) unreadable in a (H, W[, 3]) picture, in place."""
    _blur(picture, quads, (1.0, 1.0))


def blurred_jpeg(data: bytes, quads: Sequence[FloatArray], quality: int = 90) -> bytes:
    """A JPEG file with the plates in these quads unreadable; empty for bytes that are no picture."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        return b""
    blur(picture, quads)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def box_quad(box: Sequence[float]) -> FloatArray:
    """The corners (4, 2) of a box x1, y1, x2, y2."""
    x1, y1, x2, y2 = box
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], float)


def covered(quad: FloatArray) -> FloatArray:
    """What is changed for the plate in a quad: with a margin around it."""
    height = quad_height(quad)
    if height < _LEAST:
        (x1, y1), (x2, y2) = quad.min(axis=0), quad.max(axis=0)
        least = (_LEAST - height) / 2
        quad = box_quad((x1 - least, y1 - least, x2 + least, y2 + least))
    tl, tr, br, bl = quad
    return np.array(
        [
            tl - _ALONG * (tr - tl) - _ACROSS * (bl - tl),
            tr + _ALONG * (tr - tl) - _ACROSS * (br - tr),
            br + _ALONG * (br - bl) + _ACROSS * (br - tr),
            bl - _ALONG * (br - bl) + _ACROSS * (bl - tl),
        ]
    )


def _blur(plane: Image, quads: Iterable[FloatArray], steps: tuple[float, float]) -> None:
    for quad in quads:
        if not np.isfinite(quad).all():
            continue
        height = max(quad_height(quad), _LEAST)
        corners = covered(quad) / steps
        x1, y1 = (max(int(v), 0) for v in np.floor(corners.min(axis=0)))
        x2, y2 = (max(int(v), 0) for v in np.ceil(corners.max(axis=0)))
        part = plane[y1:y2, x1:x2]
        if part.size == 0:
            continue
        h, w = part.shape[:2]
        columns = min(max(round(w * steps[0] / height), 1), w)
        rows = min(max(round(h * steps[1] / height), 1), h)
        patches = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
        patches = (patches // _STEP * _STEP + _STEP // 2).astype(np.uint8)
        smooth = cv2.resize(patches, (w, h), interpolation=cv2.INTER_LINEAR).reshape(part.shape)
        inside = np.zeros((h, w), np.uint8)
        cv2.fillConvexPoly(inside, np.round((corners - (x1, y1)) * 16 - 8).astype(np.int32), 1, cv2.LINE_8, 4)
        part[inside > 0] = smooth[inside > 0]
