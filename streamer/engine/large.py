"""Pictures larger than the network's input: shrunk whole they lose plates that anyone can read. Those that are much
larger are looked at in overlapping tiles as well, others a second time on a larger input where that may show more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from streamer.geometry import box_iou, nms
from streamer.types import FloatArray, Frame, Plates

NET_LONG, NET_SHORT = 640, 384
LARGE = 8.0  # shrunk by more, a picture is looked at in tiles too: 4K video (6) and photographs of 12 MP are not
TILE = 4.0  # how much a tile is shrunk
OVERLAP = 0.25  # of a tile: what is wider than that is seen in the whole picture
MOST = 64  # tiles; of a larger picture they are larger
_EDGE = 2.0  # px: what ends at a tile's edge is cut by it, and whole in the next
_WITHIN = 0.7  # of the smaller of two boxes in the larger: one plate
NMS_IOU = 0.45  # of two boxes: one plate
CLOSER = 960  # px of the input, its longer side, of a second look
_SHRUNK = 1.05  # by so much or less, a picture has nothing more to show
# px of the input: where no plate is found, or one narrower than this, others may be too small to be found at first.
_NARROW = 45.0
_CERTAIN = 0.6  # boxes of the first look are a little tighter; from this score on it is right nearly always


class Looks(Protocol):
    """Who finds plates in one picture."""

    def detect(self, frame: Frame) -> Plates: ...


class LooksCloser(Looks, Protocol):
    """Who can do it on an input of another size too: `side`, its longer one, px. What it finds from `operating_point`
    on counts as a plate."""

    side: int

    @property
    def operating_point(self) -> float: ...


def find(detector: Looks, frame: Frame) -> Plates:
    """The plates of a frame, best first; of a large picture (not of video) those of its tiles as well."""
    plates = detector.detect(frame)
    if frame.bgr is None or shrunk_by(frame.width, frame.height) <= LARGE:
        return plates
    every = [plates]
    for x1, y1, x2, y2 in tiles(frame.width, frame.height):
        part = np.ascontiguousarray(frame.bgr[y1:y2, x1:x2])
        found = detector.detect(Frame(frame.index, frame.pts, x2 - x1, y2 - y1, bgr=part))
        found = found[_whole(found.box_xyxy, (x1, y1, x2, y2), frame.width, frame.height)]
        corner = np.array([x1, y1], float)
        box, quad = found.box_xyxy + np.tile(corner, 2), found.quad + corner
        every.append(Plates(box, found.score, quad, found.quad_is_box))
    return once(Plates.joined(every))


def find_closely(detector: LooksCloser, frame: Frame) -> Plates:
    """The plates of a picture, best first: as `find`, and on a larger input too where the first look found none, or
    small ones. What the first look is sure of stays; of the rest the surer of the two looks counts."""
    plates = find(detector, frame)
    shrunk = shrunk_by(frame.width, frame.height)
    if detector.side != NET_LONG or not _SHRUNK < shrunk <= LARGE:
        return plates
    sure = plates.box_xyxy[plates.score >= detector.operating_point]
    if len(sure) and (sure[:, 2] - sure[:, 0]).min() >= _NARROW * shrunk:
        return plates
    detector.side = CLOSER
    try:
        closer = detector.detect(frame)
    finally:
        detector.side = NET_LONG
    certain = plates.score >= _CERTAIN
    rest = once(Plates.joined([plates[~certain], closer]))
    kept = plates[certain]
    new = [k for k, box in enumerate(rest.box_xyxy) if not any(of_one_plate(box, known) for known in kept.box_xyxy)]
    every = Plates.joined([kept, rest[np.array(new, int)]])
    return every[np.argsort(-every.score, kind="stable")]


def shrunk_by(width: int, height: int) -> float:
    """By how much a picture of that size is shrunk for the network."""
    long, short = (NET_LONG, NET_SHORT) if width >= height else (NET_SHORT, NET_LONG)
    return max(width / long, height / short)


def tiles(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Overlapping tiles (x1, y1, x2, y2) that cover a picture, at most `MOST`."""
    scale = TILE
    while True:
        across = list(_spans(width, round(NET_LONG * scale)))
        down = list(_spans(height, round(NET_SHORT * scale)))
        if len(across) * len(down) <= MOST:
            return [(x1, y1, x2, y2) for y1, y2 in down for x1, x2 in across]
        scale *= 1.25


def once(plates: Plates) -> Plates:
    """Each plate once, best first: the same one found in two tiles, or a part of it."""
    if not len(plates):
        return plates
    plates = plates[nms(plates.box_xyxy, plates.score, NMS_IOU)]
    keep: list[int] = []
    for k in np.argsort(-plates.score, kind="stable").tolist():
        if all(_share(plates.box_xyxy[k], plates.box_xyxy[j]) < _WITHIN for j in keep):
            keep.append(k)
    return plates[np.array(keep)]


def of_one_plate(a: FloatArray, b: FloatArray) -> bool:
    """Whether two boxes are of one plate."""
    return float(box_iou(a[None], b[None])[0]) >= NMS_IOU or _share(a, b) >= _WITHIN


def _spans(size: int, tile: int) -> Iterator[tuple[int, int]]:
    if size <= tile:
        yield 0, size
        return
    count = int(np.ceil((size - tile) / (tile * (1 - OVERLAP)))) + 1
    for start in np.linspace(0, size - tile, count).round().astype(int).tolist():
        yield start, start + tile


def _whole(boxes: FloatArray, tile: tuple[int, int, int, int], width: int, height: int) -> npt.NDArray[np.bool_]:
    """Which boxes of a tile no edge of it cuts, other than those of the picture: (n,) bool."""
    x1, y1, x2, y2 = tile
    fine = np.ones(len(boxes), bool)
    if x1 > 0:
        fine &= boxes[:, 0] > _EDGE
    if y1 > 0:
        fine &= boxes[:, 1] > _EDGE
    if x2 < width:
        fine &= boxes[:, 2] < x2 - x1 - _EDGE
    if y2 < height:
        fine &= boxes[:, 3] < y2 - y1 - _EDGE
    return fine


def _share(a: FloatArray, b: FloatArray) -> float:
    """How much of the smaller of two boxes lies in the other."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if (sides <= 0).any():
        return 0.0
    return float(sides.prod() / max(1e-9, min((a[2:] - a[:2]).prod(), (b[2:] - b[:2]).prod())))
