"""Which location answers for which plate: ATSS (arXiv 1912.02424), for a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.detector.boxes import box_iou
from models.detector.network import STRIDES


@dataclass(frozen=True)
class Assignment:
    """`plate` (N, A) int64: the row of the plate that the location answers for, -1 for background."""

    plate: Tensor

    @property
    def positive(self) -> Tensor:
        return self.plate >= 0


def candidates(points: Tensor, strides: Tensor, gt_boxes: Tensor, topk: int) -> Tensor:
    """For each plate the `topk` locations of every level nearest to its centre: (N, M, <= 3 topk) indices into A."""
    centres = (gt_boxes[..., :2] + gt_boxes[..., 2:]) / 2
    found, start = [], 0
    for s in STRIDES:
        n = int((strides == s).sum())
        level = points[start : start + n]
        distance = (centres[:, :, None, :] - level).square().sum(-1)
        found.append(distance.topk(min(topk, n), dim=-1, largest=False).indices + start)
        start += n
    return torch.cat(found, -1)


def assign_atss(
    points: Tensor, strides: Tensor, anchors: Tensor, gt_boxes: Tensor, gt_valid: Tensor, topk: int = 9
) -> Assignment:
    """points (A, 2), strides (A,), anchors (A, 4), gt_boxes (N, M, 4), gt_valid (N, M) bool -> Assignment.

    A candidate is positive when its IoU reaches mean + std of the plate's candidates and its centre lies inside the
    plate's box; a plate without any takes the candidate of highest IoU. A location claimed twice goes to the plate of
    larger IoU.
    """
    n, m = gt_valid.shape
    a = len(points)
    if m == 0:
        return Assignment(torch.full((n, a), -1, dtype=torch.long, device=points.device))
    index = candidates(points, strides, gt_boxes, topk)
    iou = box_iou(anchors[index], gt_boxes[:, :, None, :])
    threshold = iou.mean(-1, keepdim=True) + iou.std(-1, keepdim=True)
    p = points[index]
    inside_by = torch.cat([p - gt_boxes[:, :, None, :2], gt_boxes[:, :, None, 2:] - p], -1).amin(-1)
    margin = 0.001 * (gt_boxes[..., 2:] - gt_boxes[..., :2]).clamp(min=0).prod(-1).sqrt()
    keep = (iou >= threshold) & (inside_by > margin[..., None])
    # A plate lower than the stride may hold no centre at all: without its best candidate it would be background.
    orphan = ~keep.any(-1, keepdim=True)
    best_one = torch.zeros_like(keep).scatter_(-1, iou.argmax(-1, keepdim=True), True)
    keep = (keep | (orphan & best_one)) & gt_valid[..., None]
    claim = torch.full((n, m, a), -1.0, device=points.device)
    claim.scatter_(2, index, torch.where(keep, iou, torch.full_like(iou, -1.0)))
    best, plate = claim.max(1)
    return Assignment(torch.where(best >= 0, plate, torch.full_like(plate, -1)))
