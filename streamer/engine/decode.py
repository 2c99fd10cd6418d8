"""From the detector's raw maps to boxes and corners, on the few locations that score: NumPy, no loop over plates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamer.types import F32Array, FloatArray

STRIDES = (8, 16, 32)
CORNERS = 8
MOST = 300  # rows kept before suppression; a frame with more is noise


def integral(logits: FloatArray) -> FloatArray:
    """Expectation of discrete distributions over 0..n (Generalized Focal Loss, arXiv 2006.04388, eq. 5):
    (..., n + 1) -> (...)."""
    p = np.exp(logits - logits.max(-1, keepdims=True))
    result: FloatArray = (p / p.sum(-1, keepdims=True)) @ np.arange(logits.shape[-1], dtype=float)
    return result


def decode_levels(levels: Sequence[F32Array], min_score: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Maps (h, w, C) at strides 8, 16, 32 -> box (n, 4), score (n,), quad (n, 4, 2) in net_xy, best first.

    Channels: quality logit, four integral distributions (left, top, right, bottom; of one bin each where the network
    was trained to plain distances), corner offsets TL TR BR BL; all distances in strides from the location's centre.
    """
    logit = np.log(min_score / (1 - min_score))
    scoring = [np.nonzero(level[..., 0] >= logit) for level in levels]
    if not any(len(y) for y, _ in scoring):  # most frames of most cameras
        return np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4, 2))
    rows, points, strides = [], [], []
    for level, stride, (y, x) in zip(levels, STRIDES, scoring, strict=True):
        rows.append(level[y, x].astype(np.float64))
        points.append(np.stack([x + 0.5, y + 0.5], -1) * stride)
        strides.append(np.full(len(x), float(stride)))
    out, point, step = np.concatenate(rows), np.concatenate(points), np.concatenate(strides)
    order = np.argsort(-out[:, 0], kind="stable")[:MOST]
    out, point, step = out[order], point[order], step[order]
    bins = (out.shape[1] - 1 - CORNERS) // 4
    sides = out[:, 1 : 1 + 4 * bins].reshape(-1, 4, bins)
    distance = (integral(sides) if bins > 1 else sides[..., 0]) * step[:, None]
    box = np.concatenate([point - distance[:, :2], point + distance[:, 2:]], -1)
    quad = point[:, None] + out[:, 1 + 4 * bins :].reshape(-1, 4, 2) * step[:, None, None]
    return box, 1 / (1 + np.exp(-out[:, 0])), quad
