"""Anchors, and boxes and corners to and from the network's outputs. All coordinates are net_xy unless said."""

from __future__ import annotations

import torch
from torch import Tensor

from models.detector.network import STRIDES

ANCHOR_RATIO = 2.0  # width over height: plates are wide, and a wide anchor has a higher IoU with them
ANCHOR_SCALE = 6.0  # the anchor's area is (scale * stride) ** 2: plates up to 120 px wide are found at stride 8


def anchor_points(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Centres (A, 2) of every location of an input of that size and their strides (A,), level by level, row by row."""
    points, strides = [], []
    for s in STRIDES:
        ys = (torch.arange(height // s) + 0.5) * s
        xs = (torch.arange(width // s) + 0.5) * s
        gy, gx = torch.meshgrid(ys, xs, indexing="ij")
        points.append(torch.stack([gx, gy], -1).reshape(-1, 2))
        strides.append(torch.full((gx.numel(),), float(s)))
    return torch.cat(points), torch.cat(strides)


def anchor_boxes(points: Tensor, strides: Tensor, ratio: float = ANCHOR_RATIO, scale: float = ANCHOR_SCALE) -> Tensor:
    """The one anchor (A, 4) of each location."""
    side = scale * strides
    half = torch.stack([side * ratio**0.5, side / ratio**0.5], -1) / 2
    return torch.cat([points - half, points + half], -1)


def flatten_levels(levels: tuple[Tensor, ...] | list[Tensor]) -> Tensor:
    """Maps (N, C, h, w) of every stride -> (N, A, C) in the order of `anchor_points`."""
    return torch.cat([x.flatten(2).transpose(1, 2) for x in levels], 1)


def distances_of(logits: Tensor) -> Tensor:
    """Distances (..., 4) in strides from a head's outputs (..., 4, n + 1); with n = 0 they are the distances."""
    return logits[..., 0] if logits.shape[-1] == 1 else integral(logits)


def integral(logits: Tensor) -> Tensor:
    """Expectation of a discrete distribution over 0..n (GFL, arXiv 2006.04388, eq. 5): (..., n + 1) -> (...)."""
    bins = torch.arange(logits.shape[-1], dtype=logits.dtype, device=logits.device)
    return (logits.softmax(-1) * bins).sum(-1)


def decode_boxes(points: Tensor, strides: Tensor, distances: Tensor) -> Tensor:
    """Distances left, top, right, bottom (..., 4) in strides -> xyxy (..., 4)."""
    d = distances * strides[..., None]
    return torch.cat([points - d[..., :2], points + d[..., 2:]], -1)


def encode_boxes(points: Tensor, strides: Tensor, boxes: Tensor) -> Tensor:
    """The inverse of `decode_boxes`."""
    return torch.cat([points - boxes[..., :2], boxes[..., 2:] - points], -1) / strides[..., None]


def decode_corners(points: Tensor, strides: Tensor, offsets: Tensor) -> Tensor:
    """Offsets (..., 8) in strides -> quads (..., 4, 2)."""
    shift: Tensor = offsets.unflatten(-1, (4, 2)) * strides[..., None, None]
    return points[..., None, :] + shift


def encode_corners(points: Tensor, strides: Tensor, quads: Tensor) -> Tensor:
    """The inverse of `decode_corners`."""
    return ((quads - points[..., None, :]) / strides[..., None, None]).flatten(-2)


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of boxes matched by broadcasting: (..., 4) and (..., 4) -> (...)."""
    size = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    inter = size.prod(-1)
    area_a = (a[..., 2:] - a[..., :2]).clamp(min=0).prod(-1)
    area_b = (b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1)
    return inter / (area_a + area_b - inter + 1e-9)
