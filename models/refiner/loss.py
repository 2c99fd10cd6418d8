"""The refiner's losses: corners, the box around them, and the quality of the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.detector.boxes import box_iou
from models.detector.loss import FAIR_QUALITY, quality_focal_loss
from models.refiner.network import split

BETA = 0.05  # of smooth L1, in plate heights: about the corners' own uncertainty


@dataclass(frozen=True)
class RefinerTargets:
    """Labels of a batch of cuts.

    `to_frame` (N, 3, 3) takes px of the cut to px of the picture; `corners` (N, 4, 2) px of the cut and `box` (N, 4) px
    of the picture are the true ones; `trust` (N,) and `edge` (N,), 0-1, how far they are trusted; `plate` (N,) bool;
    `weight` (N,) 0 where the cut must not count; `size` px of the (square) picture, whose edge cuts boxes.
    """

    to_frame: Tensor
    corners: Tensor
    box: Tensor
    trust: Tensor
    edge: Tensor
    plate: Tensor
    weight: Tensor
    size: float = float("inf")


def to_picture(points: Tensor, matrix: Tensor) -> Tensor:
    """Points (N, K, 2) under homographies (N, 3, 3)."""
    mapped = points @ matrix[:, :, :2].transpose(1, 2) + matrix[:, None, :, 2]
    return mapped[..., :2] / mapped[..., 2:].clamp(min=1e-3)


def refiner_loss(
    out: Tensor,
    nominal: Tensor,
    plate_height: float,
    targets: RefinerTargets,
    average: Callable[[Tensor], Tensor] = lambda value: value,
) -> dict[str, Tensor]:
    """Outputs (N, 9), unshifted corners in the cut (4, 2) -> scalar losses, their weighted sum as `total`.

    `average`: the mean of a scalar over all processes of a training, for what the sums are divided by.
    """
    logit, shift = split(out.float())
    t = targets
    corners = nominal + shift * plate_height
    real = t.plate.float() * t.weight
    count = average(real.sum()).clamp(min=1)
    looked = average(t.weight.sum()).clamp(min=1)
    off = F.smooth_l1_loss(corners / plate_height, t.corners / plate_height, beta=BETA, reduction="none").sum((1, 2))
    seen = to_picture(corners, t.to_frame)
    # Labels end where the picture does, and so do the boxes of the run time.
    box = torch.cat([seen.amin(1), seen.amax(1)], -1).clamp(0, t.size)
    height = (t.box[:, 3] - t.box[:, 1]).clamp(min=4)[:, None]
    box_off = F.smooth_l1_loss(box / height, t.box / height, beta=BETA, reduction="none").sum(1).clamp(max=4)
    iou = box_iou(box.detach(), t.box)
    quality = torch.where(t.edge < 1, iou.clamp(min=FAIR_QUALITY), iou) * t.plate.float()
    losses = {
        "quality": (quality_focal_loss(logit, quality) * t.weight).sum() / looked,
        "corner": (off * t.trust * real).sum() / count,
        "box": (box_off * t.edge * real).sum() / count,
    }
    losses["total"] = 5 * losses["quality"] + losses["corner"] + 0.7 * losses["box"]
    return losses
