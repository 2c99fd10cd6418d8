"""Boxes, quads and the maps between pictures. NumPy only, no state, arrays in and arrays out."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from streamer.types import FloatArray

_T = TypeVar("_T", float, FloatArray)

_NEXT = np.array([1, 2, 3, 0])  # the corner after each; np.roll takes five times as long
_OF_BOX = np.array([0, 1, 2, 1, 2, 3, 0, 3])  # x and y of a box's corners TL TR BR BL
_HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
_BACK = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])


def box_iou_matrix(a: FloatArray, b: FloatArray) -> FloatArray:
    """IoU of every pair: (n, 4) and (m, 4) xyxy -> (n, m). Empty and inverted boxes have IoU 0 with everything."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return _shared(_area(high - low), _area(a[:, 2:] - a[:, :2])[:, None] + _area(b[:, 2:] - b[:, :2]))


def box_overlap(
    ax1: float, ay1: float, ax2: float, ay2: float, bx1: float, by1: float, bx2: float, by2: float
) -> float:
    """`box_iou` of two boxes in plain numbers: a hundredth of its time where there are few."""
    x1, y1 = ax1 if ax1 > bx1 else bx1, ay1 if ay1 > by1 else by1
    x2, y2 = ax2 if ax2 < bx2 else bx2, ay2 if ay2 < by2 else by2
    if not (x2 > x1 and y2 > y1):  # also of empty and inverted boxes
        return 0.0
    inter = (x2 - x1) * (y2 - y1)
    return inter / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inter)


def box_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """IoU of each box with the one in the same row: (n, 4) and (n, 4) xyxy -> (n,)."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    return _shared(_area(high - low), _area(a[:, 2:] - a[:, :2]) + _area(b[:, 2:] - b[:, :2]))


def _area(size: FloatArray) -> FloatArray:
    """Of width and height (..., 2), 0 where one is negative. (np.clip and prod take three times as long.)"""
    size = np.maximum(size, 0)
    result: FloatArray = size[..., 0] * size[..., 1]
    return result


def _shared(inter: FloatArray, both: FloatArray) -> FloatArray:
    """IoU from the area in common and the sum of both areas."""
    union = both - inter
    result: FloatArray = np.divide(inter, union, out=np.zeros_like(union), where=union > 0)
    return result


def nms(box_xyxy: FloatArray, score: FloatArray, iou: float) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Greedy non-maximum suppression: rows kept, best first. Equal scores keep their order, so that runs repeat."""
    order = np.argsort(-score, kind="stable")
    overlaps = box_iou_matrix(box_xyxy[order], box_xyxy[order]) > iou
    alive = np.ones(len(order), bool)
    for i in range(len(order)):
        if alive[i]:
            alive[i + 1 :] &= ~overlaps[i, i + 1 :]
    kept: np.ndarray[tuple[int], np.dtype[np.intp]] = order[alive]
    return kept


def quad_box(quad: FloatArray) -> FloatArray:
    """The box around each quad: (..., 4, 2) -> (..., 4)."""
    return np.concatenate([quad.min(-2), quad.max(-2)], -1)


def box_quad(box_xyxy: FloatArray) -> FloatArray:
    """The box's own corners TL TR BR BL: (..., 4) -> (..., 4, 2)."""
    return np.asarray(box_xyxy[..., _OF_BOX].reshape(*box_xyxy.shape[:-1], 4, 2))


def convex(quad: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether each quad (..., 4, 2) is strictly convex and runs clockwise on the screen, as TL TR BR BL does."""
    edge = quad[..., _NEXT, :] - quad
    following = edge[..., _NEXT, :]
    cross = edge[..., 0] * following[..., 1] - edge[..., 1] * following[..., 0]
    return np.asarray((cross > 0).all(-1))


def side_lengths(quad: FloatArray) -> FloatArray:
    """Lengths of top, right, bottom and left side: (..., 4, 2) -> (..., 4)."""
    edge = quad[..., _NEXT, :] - quad
    lengths: FloatArray = np.hypot(edge[..., 0], edge[..., 1])
    return lengths


def plate_height(quad: FloatArray) -> FloatArray:
    """Mean of the left and right side: (..., 4, 2) -> (...)."""
    sides = side_lengths(quad)
    height: FloatArray = (sides[..., 1] + sides[..., 3]) / 2
    return height


def quad_height(quad: FloatArray) -> float:
    """`plate_height` of one quad (4, 2), in plain numbers: it is asked of every track in every frame."""
    (tlx, tly), (trx, try_), (brx, bry), (blx, bly) = quad.tolist()
    return (abs(complex(brx - trx, bry - try_)) + abs(complex(tlx - blx, tly - bly))) / 2


def homography(source: FloatArray, target: FloatArray) -> FloatArray:
    """The 3x3 map that takes four points (4, 2) to four others; LinAlgError when the first do not span a plane."""
    matrix = from_unit_square(target) @ np.linalg.inv(from_unit_square(source))
    scaled: FloatArray = matrix / matrix[2, 2]
    return scaled


def from_rectangle(width: float, height: float, quad: FloatArray) -> FloatArray:
    """The map from a picture of that size to what lies in each quad (..., 4, 2) -> (..., 3, 3)."""
    scaled: FloatArray = from_unit_square(quad) / np.array([width, height, 1.0])
    return scaled


def from_unit_square(quad: FloatArray) -> FloatArray:
    """The map from (0, 0), (1, 0), (1, 1), (0, 1) to each quad (..., 4, 2) -> (..., 3, 3), in closed form (Heckbert
    1989, section 2.2.3): plates are cut by the hundred a second, and solving eight equations for each would cost more
    than the warp. LinAlgError where TR, BR and BL of one quad lie in a line; of many those maps are not finite."""
    if quad.ndim == 2:
        return np.array(_unit_square(*quad.ravel().tolist())).reshape(3, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        maps = np.stack(_coefficients(*np.moveaxis(quad.reshape(*quad.shape[:-2], 8), -1, 0)), -1)
    return maps.reshape(*quad.shape[:-2], 3, 3)


def _unit_square(*corners: float) -> tuple[float, ...]:
    try:
        return _coefficients(*corners)
    except ZeroDivisionError:
        raise np.linalg.LinAlgError("TR, BR and BL lie in a line") from None


def _coefficients(x0: _T, y0: _T, x1: _T, y1: _T, x2: _T, y2: _T, x3: _T, y3: _T) -> tuple[Any, ...]:
    """The nine of the map, row by row; of floats, which is fastest for one quad, or of arrays."""
    sx, sy = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    dx1, dx2, dy1, dy2 = x1 - x2, x3 - x2, y1 - y2, y3 - y2
    det = dx1 * dy2 - dx2 * dy1
    g, h = (sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det
    return x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h, 0 * x0 + 1


def transform(matrix: FloatArray, points: FloatArray) -> FloatArray:
    """Applies a 3x3 map to points (..., 2), or each of (n, 3, 3) to its own (n, k, 2)."""
    shift = matrix[:, 2] if matrix.ndim == 2 else matrix[:, None, :, 2]
    mapped = points @ np.swapaxes(matrix[..., :2], -1, -2) + shift
    result: FloatArray = mapped[..., :2] / mapped[..., 2:]
    return result


def box_centre(box_xyxy: FloatArray) -> FloatArray:
    """(4,) -> its centre (2,)."""
    return np.asarray((box_xyxy[:2] + box_xyxy[2:]) / 2)


def for_pixel_centres(matrix: FloatArray) -> FloatArray:
    """A map between continuous coordinates as OpenCV's warps want it: they count from pixel centres, half a pixel
    in."""
    moved: FloatArray = _BACK @ matrix @ _HALF
    return moved


def cutting_map(width: int, height: int, corners_xy: list[list[float]]) -> FloatArray:
    """for_pixel_centres of from_rectangle, for one quad as a list: a third of their time."""
    a, b, c, d, e, f, g, h, _ = _unit_square(*(v for corner in corners_xy for v in corner))
    a, d, g, b, e, h = a / width, d / width, g / width, b / height, e / height, h / height
    c, f, i = c + 0.5 * (a + b), f + 0.5 * (d + e), 1 + 0.5 * (g + h)
    return np.array([[a - 0.5 * g, b - 0.5 * h, c - 0.5 * i], [d - 0.5 * g, e - 0.5 * h, f - 0.5 * i], [g, h, i]])


def grow_quad(quad: FloatArray, along: float, across: float) -> FloatArray:
    """Each quad (..., 4, 2) with a margin on each side, as shares of the plate's width and height in its own plane
    (plate_uv). As from_unit_square where corners lie in a line."""
    grown = np.array([[-along, -across], [1 + along, -across], [1 + along, 1 + across], [-along, 1 + across]])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return transform(from_unit_square(quad), grown)
