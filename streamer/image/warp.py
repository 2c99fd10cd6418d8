"""From decoded planes or a BGR picture to what the networks and the annotated video want.

The planes are kept as they come; colour is converted at the size of the result, so a full BGR frame is made only for
those who ask for it. The training cuts its crops with `cut`, so both see the same pixels.
"""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np

from streamer.geometry import cutting_map, grow_quad
from streamer.types import FloatArray, Frame, Image, YuvPlanes

CROP_HEIGHT, CROP_WIDTH = 48, 128
MARGIN_ALONG, MARGIN_ACROSS = 0.04, 0.06  # of the plate's width and height, on each side of a rectified crop
PAD = 128
_SHRINK_BY_AREA = 0.75  # below this, a linear warp would skip pixels of the source
_LINEAR = 1.55  # shrunk by more, a linear resize weighs some pixels a third of others

# Luma weights of red and blue (ITU-R BT.601, BT.709, BT.2020).
_LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


def yuv_matrix(planes: YuvPlanes) -> FloatArray:
    """The (3, 4) map from Y, U, V bytes to B, G, R bytes."""
    return _yuv_matrix(planes.matrix, planes.full_range)


def bgr_matrix(planes: YuvPlanes) -> FloatArray:
    """The (3, 4) map from B, G, R bytes to Y, U, V bytes."""
    to_bgr_ = yuv_matrix(planes)
    back = np.linalg.inv(to_bgr_[:, :3])
    return np.column_stack([back, -back @ to_bgr_[:, 3]])


@cache
def _yuv_matrix(name: str, full_range: bool) -> FloatArray:
    kr, kb = _LUMA[name]
    kg = 1 - kr - kb
    y_scale, c_scale, y_low = (1.0, 1.0, 0.0) if full_range else (255 / 219, 255 / 224, 16.0)
    colour = np.array(
        [
            [y_scale, 2 * (1 - kb) * c_scale, 0],
            [y_scale, -2 * kb * (1 - kb) / kg * c_scale, -2 * kr * (1 - kr) / kg * c_scale],
            [y_scale, 0, 2 * (1 - kr) * c_scale],
        ]
    )
    return np.column_stack([colour, -colour @ (y_low, 128.0, 128.0)])


def _merge(planes: YuvPlanes, y: Image, u: Image, v: Image) -> Image:
    bgr: Image = cv2.transform(cv2.merge([y, u, v]), yuv_matrix(planes))
    return bgr


def resize(plane: Image, width: int, height: int) -> Image:
    """Halved by the mean of 2x2 as often as that leaves enough; the rest linear where every pixel still counts about
    alike (by a half or less), else by area, which takes three times as long at odd ratios."""
    while plane.shape[0] >= 2 * height and plane.shape[1] >= 2 * width:
        h, w = plane.shape[0] // 2, plane.shape[1] // 2
        even = plane if plane.shape[:2] == (2 * h, 2 * w) else plane[: 2 * h, : 2 * w]
        plane = cv2.resize(even, (w, h), interpolation=cv2.INTER_AREA)
    if (height, width) == plane.shape[:2]:
        return plane
    much = plane.shape[0] > _LINEAR * height or plane.shape[1] > _LINEAR * width
    out: Image = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA if much else cv2.INTER_LINEAR)
    return out


def to_bgr(frame: Frame) -> Image:
    """The full picture (H, W, 3) BGR. Not a copy when the frame came as BGR."""
    if frame.bgr is not None:
        return frame.bgr
    return shrunk_bgr(frame, frame.width, frame.height)


def shrunk_bgr(frame: Frame, width: int, height: int) -> Image:
    """The whole picture at another size (height, width, 3) BGR."""
    if frame.bgr is not None:
        return resize(frame.bgr, width, height)
    planes = frame.planes
    if planes is None:
        raise ValueError("a frame has neither planes nor a BGR picture")
    return _merge(planes, *(resize(p, width, height) for p in (planes.y, planes.u, planes.v)))


def letterbox(frame: Frame, net_width: int, net_height: int, largest_scale: float = 2.0) -> tuple[Image, FloatArray]:
    """The frame in the top left corner of a grey (net_height, net_width, 3) picture.

    Also gives the scale (2,): net_xy = frame_xy * scale. Small pictures grow by `largest_scale` at most.
    """
    scale = min(net_width / frame.width, net_height / frame.height, largest_scale)
    width = min(net_width, max(1, round(frame.width * scale)))
    height = min(net_height, max(1, round(frame.height * scale)))
    canvas = np.full((net_height, net_width, 3), PAD, np.uint8)
    canvas[:height, :width] = shrunk_bgr(frame, width, height)
    return canvas, np.array([width / frame.width, height / frame.height])


def cut(image: Image, quad: FloatArray, width: int = CROP_WIDTH, height: int = CROP_HEIGHT) -> Image:
    """What lies in the quad (4, 2) of a picture or plane, as (height, width[, 3]); shrunk by area, never aliased."""
    return _Cut(image.shape[1], image.shape[0], quad.tolist(), width, height).of(image)


class _Cut:
    """How to cut a quad out of all pictures of one size. In plain numbers: NumPy's calls on four points would take
    longer than the warp."""

    def __init__(self, w: int, h: int, quad: list[list[float]], width: int, height: int) -> None:
        (tlx, tly), (trx, try_), (brx, bry), (blx, bly) = quad
        x1, x2 = _span(min(tlx, trx, brx, blx), max(tlx, trx, brx, blx), w)
        y1, y2 = _span(min(tly, try_, bry, bly), max(tly, try_, bry, bly), h)
        self._part = slice(y1, y2), slice(x1, x2)
        self._size: tuple[int, int] | None = None
        sides = (math.hypot(blx - tlx, bly - tly) + math.hypot(brx - trx, bry - try_)) / 2
        top = math.hypot(trx - tlx, try_ - tly)
        shrink = 1.4 * min(1.0, max(height / max(sides, 1e-6), width / max(top, 1e-6)))
        kx = ky = 1.0
        if shrink < _SHRINK_BY_AREA:
            self._size = max(1, round((x2 - x1) * shrink)), max(1, round((y2 - y1) * shrink))
            kx, ky = self._size[0] / (x2 - x1), self._size[1] / (y2 - y1)
        self._map = cutting_map(width, height, [[(x - x1) * kx, (y - y1) * ky] for x, y in quad])
        self._out = width, height

    def of(self, image: Image) -> Image:
        part = image[self._part]
        if self._size is not None:
            part = resize(part, *self._size)
        out: Image = cv2.warpPerspective(
            part,
            self._map,
            self._out,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return out


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    """The pixels from `low` to `high` and two more on each side, within a picture of that size; one at least."""
    first = min(max(math.floor(low) - 2, 0), max(size - 1, 0))
    return first, min(max(math.ceil(high) + 2, first + 1), size)


def rectify(
    frame: Frame,
    quad: FloatArray,
    along: float = MARGIN_ALONG,
    across: float = MARGIN_ACROSS,
    width: int = CROP_WIDTH,
    height: int = CROP_HEIGHT,
) -> Image:
    """The plate in the quad (4, 2) frame_xy with a margin, seen from straight ahead: (height, width, 3) BGR.

    The margins are shares of the plate's width and height; by default all is as the reader wants it.
    """
    return straight(frame, grow_quad(quad, along, across), width, height)


def straight(frame: Frame, quad: FloatArray, width: int, height: int) -> Image:
    """What lies in the quad (4, 2) frame_xy, no margin added: (height, width, 3) BGR."""
    if frame.bgr is not None:
        return cut(frame.bgr, quad, width, height)
    planes = frame.planes
    if planes is None:
        raise ValueError("a frame has neither planes nor a BGR picture")
    corners = quad.tolist()
    luma, (h, w) = planes.y, planes.u.shape[:2]
    # Chroma planes are subsampled by whole numbers and rounded up, so an odd width is no half of the plane's.
    sx, sy = round(frame.width / w), round(frame.height / h)
    whole = _Cut(luma.shape[1], luma.shape[0], corners, width, height)
    coarse = whole if (sx, sy) == (1, 1) else _Cut(w, h, [[x / sx, y / sy] for x, y in corners], width, height)
    return _merge(planes, whole.of(luma), coarse.of(planes.u), coarse.of(planes.v))


def to_jpeg(frame: Frame, quality: int = 90) -> bytes:
    """The whole picture as a JPEG file."""
    import cv2

    done, data = cv2.imencode(".jpg", to_bgr(frame), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes() if done else b""


def frame_of(image_bgr: Image, index: int = 0) -> Frame:
    """A frame around a picture. Grey and BGRA become BGR; ValueError names shape and dtype of anything else."""
    if not isinstance(image_bgr, np.ndarray) or image_bgr.dtype != np.uint8 or image_bgr.ndim not in (2, 3):
        raise ValueError(_unfit(image_bgr))
    if image_bgr.size == 0 or (image_bgr.ndim == 3 and image_bgr.shape[2] not in (1, 3, 4)):
        raise ValueError(_unfit(image_bgr))
    channels = 1 if image_bgr.ndim == 2 else image_bgr.shape[2]
    image = np.ascontiguousarray(image_bgr)
    if channels == 1:
        image = cv2.cvtColor(image.reshape(image.shape[:2]), cv2.COLOR_GRAY2BGR)
    elif channels == 4:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
    return Frame(index, 0.0, image.shape[1], image.shape[0], bgr=image)


def _unfit(image: object) -> str:
    if image is None:
        return "None is no picture (was the file there?); expected (H, W, 3) uint8 BGR, got dtype NoneType"
    shape, dtype = getattr(image, "shape", None), getattr(image, "dtype", type(image).__name__)
    return (
        f"an image of shape {shape} and dtype {dtype} cannot be read; expected (H, W, 3) uint8 BGR, H and W at least 1"
    )
