"""The detector's losses: quality focal loss, DIoU, distribution focal loss and smooth-L1 corners, as SCRFD weighs
them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.detector.assign import assign_atss
from models.detector.boxes import (
    ANCHOR_RATIO,
    ANCHOR_SCALE,
    anchor_boxes,
    anchor_points,
    box_iou,
    decode_boxes,
    distances_of,
    encode_boxes,
    encode_corners,
    flatten_levels,
)


@dataclass(frozen=True)
class Targets:
    """The labels of a batch, padded to M plates an image. Boxes and quads in net_xy.

    `boxes` (N, M, 4); `valid` (N, M) bool; `quads` (N, M, 4, 2); `has_quad` (N, M) float, 0-1, how far the corners are
    trusted; `edge` (N, M) float, 0-1, how far the box's edges are; `ignore` (N, K, 4) boxes where nothing is known;
    `unknown` (N, U, 4) boxes that may hold unlabelled plates. Zero-sized rows of the last two are padding.
    """

    boxes: Tensor
    valid: Tensor
    quads: Tensor
    has_quad: Tensor
    edge: Tensor
    ignore: Tensor
    unknown: Tensor


FAIR_QUALITY = 0.75


@dataclass(frozen=True)
class LossWeights:
    quality: float = 1.0
    box: float = 2.0
    dfl: float = 0.25
    corner: float = 0.5


def quality_focal_loss(logit: Tensor, target: Tensor, beta: float = 2.0) -> Tensor:
    """GFL (arXiv 2006.04388) eq. 4, elementwise: |q - s|^beta * BCE(s, q)."""
    modulation = (target - logit.sigmoid()).abs().pow(beta)
    return modulation * F.binary_cross_entropy_with_logits(logit, target, reduction="none")


def distribution_focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """GFL eq. 6: logits (..., n + 1), target (...) in 0..n -> (...). Pulls mass to the two bins beside the target."""
    n = logits.shape[-1] - 1
    target = target.clamp(0, n - 0.1)
    low = target.floor()
    weight_high = target - low
    log_p = logits.log_softmax(-1)
    left = log_p.gather(-1, low.long()[..., None])[..., 0]
    right = log_p.gather(-1, low.long()[..., None] + 1)[..., 0]
    return -(left * (1 - weight_high) + right * weight_high)


def diou_loss(pred: Tensor, target: Tensor) -> Tensor:
    """1 - IoU + (centre distance / diagonal of the hull)^2 (arXiv 1911.08287): (..., 4), (..., 4) -> (...)."""
    hull = torch.maximum(pred[..., 2:], target[..., 2:]) - torch.minimum(pred[..., :2], target[..., :2])
    gap = (pred[..., :2] + pred[..., 2:] - target[..., :2] - target[..., 2:]) / 2
    return 1 - box_iou(pred, target) + gap.square().sum(-1) / (hull.square().sum(-1) + 1e-7)


def background_weight(points: Tensor, targets: Targets, reach: float = 1.0) -> Tensor:
    """(N, A) float: 0 where a location must not count as background.

    That is inside ignored boxes, and inside unknown ones everywhere but within `reach` box sizes around a labelled
    plate (nobody would have left a second plate unlabelled right there).
    """

    def inside(boxes: Tensor) -> Tensor:
        low = (points[None, None] >= boxes[:, :, None, :2]).all(-1)
        high = (points[None, None] <= boxes[:, :, None, 2:]).all(-1)
        return (low & high).any(1)

    known = torch.ones(len(targets.boxes), len(points), dtype=torch.bool, device=points.device)
    if targets.unknown.shape[1]:
        known = ~inside(targets.unknown)
        if targets.boxes.shape[1]:
            size = targets.boxes[..., 2:] - targets.boxes[..., :2]
            near_boxes = torch.cat([targets.boxes[..., :2] - reach * size, targets.boxes[..., 2:] + reach * size], -1)
            known = known | inside(torch.where(targets.valid[..., None], near_boxes, torch.zeros_like(near_boxes)))
    if targets.ignore.shape[1]:
        known = known & ~inside(targets.ignore)
    return known.float()


class DetectorLoss:
    """Callable: raw maps and `Targets` -> dict of scalar losses with their weighted sum as `total`.

    `reg_max` 0: plain distances, without the integral and its loss. `anchor`: ratio and scale of the anchors.
    `average`: the mean of a scalar over all processes of a training, for what the sums are divided by.
    """

    def __init__(
        self,
        reg_max: int = 16,
        weights: LossWeights | None = None,
        anchor: tuple[float, float] = (ANCHOR_RATIO, ANCHOR_SCALE),
        average: Callable[[Tensor], Tensor] = lambda value: value,
    ) -> None:
        self.reg_max = reg_max
        self.weights = weights or LossWeights()
        self.anchor = anchor
        self.average = average
        self._grids: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor]] = {}

    def grid(self, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        if (height, width) not in self._grids:
            points, strides = anchor_points(height, width)
            anchors = anchor_boxes(points, strides, *self.anchor)
            self._grids[height, width] = (points.to(device), strides.to(device), anchors.to(device))
        return self._grids[height, width]

    def __call__(self, levels: tuple[Tensor, ...], targets: Targets) -> dict[str, Tensor]:
        height, width = levels[0].shape[2] * 8, levels[0].shape[3] * 8
        points, strides, anchors = self.grid(height, width, levels[0].device)
        out = flatten_levels(levels).float()
        plate = assign_atss(points, strides, anchors, targets.boxes, targets.valid).plate
        image_i, anchor_i = (plate >= 0).nonzero(as_tuple=True)
        row = plate[image_i, anchor_i]
        quality = torch.zeros_like(out[..., 0])
        weight = background_weight(points, targets)
        logit = out[..., 0]
        picked = out[image_i, anchor_i]
        p, s = points[anchor_i], strides[anchor_i]
        distances = picked[:, 1 : 1 + 4 * (self.reg_max + 1)].unflatten(-1, (4, self.reg_max + 1))
        # In stride units, as SCRFD does: a pixel on a small plate then weighs as much as several on a large one.
        pred = decode_boxes(p / s[:, None], torch.ones_like(s), distances_of(distances))
        true_boxes = targets.boxes[image_i, row]
        true = true_boxes / s[:, None]
        edge = targets.edge[image_i, row]
        iou = box_iou(pred.detach(), true)
        # Where the label's own edges are loose its IoU means little: a fair score is the target instead.
        quality[image_i, anchor_i] = torch.where(edge < 1, iou.clamp(min=FAIR_QUALITY), iou)
        weight[image_i, anchor_i] = 1.0
        confidence = logit[image_i, anchor_i].detach().sigmoid()
        positives = self.average(torch.tensor(float(len(row)), device=logit.device)).clamp(min=1)
        norm = self.average(confidence.sum()).clamp(min=1e-3)
        corners = picked[:, 1 + 4 * (self.reg_max + 1) :]
        corner_target = encode_corners(p, s, targets.quads[image_i, row])
        corner_each = F.smooth_l1_loss(corners, corner_target, beta=1 / 9, reduction="none").sum(-1)
        dfl_target = encode_boxes(p, s, true_boxes)
        dfl_each = (
            distribution_focal_loss(distances, dfl_target).mean(-1) if self.reg_max else torch.zeros_like(confidence)
        )
        trusted = targets.has_quad[image_i, row]
        losses = {
            "quality": (quality_focal_loss(logit, quality) * weight).sum() / positives,
            "box": (diou_loss(pred, true) * edge * confidence).sum() / norm,
            "dfl": (dfl_each * edge * confidence).sum() / norm,
            "corner": (corner_each * trusted * confidence).sum() / norm,
        }
        w = self.weights
        losses["total"] = (
            w.quality * losses["quality"] + w.box * losses["box"] + w.dfl * losses["dfl"] + w.corner * losses["corner"]
        )
        return losses
