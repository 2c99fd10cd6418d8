"""Which detection continues which track: a gated cost and the Hungarian method.

A frame has few tracks and few plates, so each pair is weighed in plain numbers: a pair that is too far apart, as most
are, costs less than a microsecond, and NumPy's calls on arrays of so few rows took a tenth of a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.geometry import box_overlap
from streamer.types import FloatArray

BoolArray = npt.NDArray[np.bool_]
_FORBIDDEN = 1e6
_TOUCHES = 0.1  # IoU with the expected box from which a weak detection may continue a track


class Candidate(NamedTuple):
    """A pair within the gate."""

    track: int
    found: int
    cost: float
    overlap: float


def candidates(
    expected_xyxy: FloatArray, found_xyxy: FloatArray, max_jump: float, max_growth: float
) -> list[Candidate]:
    """The pairs of (n, 4) and (m, 4) boxes within the gate; the cost is 1 - IoU plus the centres' distance in gate
    lengths.

    Plates are small and fast, so that boxes of successive frames may not overlap: the distance (up to `max_jump` plate
    widths) matches those. Sizes may differ by a factor of `max_growth` at most.
    """
    pairs = []
    boxes = [(k, *box) for k, box in enumerate(found_xyxy.tolist())]
    for track, (ax1, ay1, ax2, ay2) in enumerate(expected_xyxy.tolist()):
        ax, ay, aw, ah = ax1 + ax2, ay1 + ay2, ax2 - ax1, ay2 - ay1
        for found, bx1, by1, bx2, by2 in boxes:
            bw, bh = bx2 - bx1, by2 - by1
            reach = max_jump * max(aw, bw, 1.0)
            distance = abs(complex((ax - bx1 - bx2) / 2, (ay - by1 - by2) / 2))
            if distance <= reach and min(_growth(aw, bw), _growth(ah, bh)) <= max_growth:
                overlap = box_overlap(ax1, ay1, ax2, ay2, bx1, by1, bx2, by2)
                pairs.append(Candidate(track, found, 1 - overlap + distance / reach, overlap))
    return pairs


def _growth(a: float, b: float) -> float:
    """The factor between two lengths."""
    a, b = max(a, 1e-3), max(b, 1e-3)
    return a / b if a > b else b / a


def assign(pairs: Iterable[Candidate]) -> list[tuple[int, int]]:
    """(track, detection) pairs of least total cost, each at most once, as many as possible; in the order of tracks."""
    cost = {(pair.track, pair.found): pair.cost for pair in pairs}
    rows, columns = sorted({t for t, _ in cost}), sorted({f for _, f in cost})
    if len(rows) == len(cost) == len(columns):  # nobody competes
        return sorted(cost)
    from scipy.optimize import linear_sum_assignment

    matrix = np.array([[cost.get((t, f), _FORBIDDEN) for f in columns] for t in rows])
    chosen = zip(*(index.tolist() for index in linear_sum_assignment(matrix)), strict=True)
    return [pair for r, c in chosen if (pair := (rows[r], columns[c])) in cost]


def associate(
    expected_xyxy: FloatArray, found_xyxy: FloatArray, high: BoolArray, max_jump: float, max_growth: float
) -> list[tuple[int, int]]:
    """(track, detection) pairs, in two stages: strong detections (`high`) first, then weak ones for the remaining
    tracks.

    `expected_xyxy` (n, 4) of the tracks, `found_xyxy` (m, 4) and `high` (m,) of the detections. A weak detection must
    overlap the expected box, and never begins a track.
    """
    if not len(expected_xyxy) or not len(found_xyxy):
        return []
    strong: list[bool] = high.tolist()
    near = candidates(expected_xyxy, found_xyxy, max_jump, max_growth)
    pairs = assign(pair for pair in near if strong[pair.found])
    taken = {track for track, _ in pairs}
    careful = [p for p in near if not strong[p.found] and p.track not in taken and p.overlap > _TOUCHES]
    return sorted(pairs + assign(careful))
