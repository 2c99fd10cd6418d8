"""Which detection continues which track: a gated cost and the Hungarian method."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamer.geometry import box_iou_matrix
from streamer.types import FloatArray

BoolArray = npt.NDArray[np.bool_]
_FORBIDDEN = 1e6


def association_cost(
    expected_xyxy: FloatArray, found_xyxy: FloatArray, overlap: FloatArray, max_jump: float, max_growth: float
) -> FloatArray:
    """(n, 4), (m, 4) and their IoU `overlap` (n, m) -> (n, m): 1 - IoU plus the centres' distance in gate lengths; inf
    outside the gate.

    Plates are small and fast, so that boxes of successive frames may not overlap: the distance (up to `max_jump` plate
    widths) matches those. Sizes may differ by a factor of `max_growth` at most.
    """
    a, b = expected_xyxy.reshape(-1, 1, 4), found_xyxy.reshape(1, -1, 4)
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    distance = np.hypot(apart[..., 0], apart[..., 1])
    reach = max_jump * np.maximum(np.maximum(size_a[..., 0], size_b[..., 0]), 1.0)
    growth = np.abs(np.log(np.maximum(size_a, 1e-3) / np.maximum(size_b, 1e-3))).min(-1)
    gate = (distance <= reach) & (growth <= np.log(max_growth))
    return np.asarray(np.where(gate, 1 - overlap + distance / reach, np.inf))


def assign(cost: FloatArray) -> list[tuple[int, int]]:
    """(n, m) cost, inf where forbidden -> (row, column) pairs of least total cost, as many as possible."""
    if not cost.size or not np.isfinite(cost).any():
        return []
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, _FORBIDDEN))
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if np.isfinite(cost[r, c])]


def associate(
    expected_xyxy: FloatArray, found_xyxy: FloatArray, high: BoolArray, max_jump: float, max_growth: float
) -> list[tuple[int, int]]:
    """(track, detection) pairs, in two stages: strong detections (`high`) first, then weak ones for the remaining
    tracks.

    `expected_xyxy` (n, 4) of the tracks, `found_xyxy` (m, 4) and `high` (m,) of the detections. A weak detection must
    overlap the expected box, and never begins a track.
    """
    overlap = box_iou_matrix(expected_xyxy.reshape(-1, 4), found_xyxy.reshape(-1, 4))
    cost = association_cost(expected_xyxy, found_xyxy, overlap, max_jump, max_growth)
    strong, weak = np.flatnonzero(high), np.flatnonzero(~high)
    pairs = [(t, int(strong[d])) for t, d in assign(cost[:, strong])]
    if len(weak):
        taken = {t for t, _ in pairs}
        left = np.array([t for t in range(len(expected_xyxy)) if t not in taken], int)
        careful = np.where(overlap > 0.1, cost, np.inf)[np.ix_(left, weak)]
        pairs += [(int(left[t]), int(weak[d])) for t, d in assign(careful)]
    return sorted(pairs)
