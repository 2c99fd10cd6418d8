"""Corners for plates that have only a box, from a trained detector: labels drawn by hand say where a plate is, and more
or less where it ends; the corners say how it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from streamer.geometry import box_iou_matrix, quad_box
from streamer.types import FloatArray
from train.data.finds import finds_in
from train.data.manifest import PlateLabel, Sample

AGREE_IOU = 0.6  # with the label; a find that agrees less is not believed
LEAST_SCORE = 0.3


def tightened(samples: Sequence[Sample], detector: str, folder: Path) -> list[Sample]:
    """The samples with `quad_machine` set where a plate has a box, no corners, and a find of the detector that agrees.

    The corners are stretched to the label's own box, unless the picture's note calls its boxes loose: then they are
    taken as they are, and the training takes the box from them. Finds are kept in `folder`.
    """
    wanted = [s for s in samples if any(_wants(p) for p in s.plates)]
    found = finds_in(wanted, detector, LEAST_SCORE, folder, "looking for corners")
    quads = {s.path: quad for s, (quad, _) in zip(wanted, found, strict=True)}
    return [with_corners(s, quads.get(s.path, np.zeros((0, 4, 2)))) for s in samples]


def _wants(plate: PlateLabel) -> bool:
    return plate.box is not None and plate.quad is None and plate.quad_machine is None and not plate.ignore


def with_corners(sample: Sample, quads: FloatArray) -> Sample:
    """The sample with those of the quads (n, 4, 2) that agree with a label."""
    if not len(quads):
        return sample
    loose = "loose" in (sample.note or "")
    plates = tuple(_cornered(p, quads, loose) if _wants(p) else p for p in sample.plates)
    return replace(sample, plates=plates)


def _cornered(plate: PlateLabel, quads: FloatArray, loose: bool) -> PlateLabel:
    box = np.array(plate.box, float)
    iou = box_iou_matrix(box[None], quad_box(quads))[0]
    best = int(iou.argmax())
    if iou[best] < AGREE_IOU:
        return plate
    quad = quads[best] if loose else stretched(quads[best], box)
    (a, b), (c, d), (e, f), (g, h) = quad.tolist()
    return replace(plate, quad_machine=((a, b), (c, d), (e, f), (g, h)))


def stretched(quad: FloatArray, box: FloatArray) -> FloatArray:
    """The quad (4, 2) scaled and moved along the axes so that the box around it is `box` (4,)."""
    hull = quad_box(quad)
    scale = (box[2:] - box[:2]) / np.maximum(hull[2:] - hull[:2], 1e-6)
    fitted: FloatArray = box[:2] + (quad - hull[:2]) * scale
    return fitted
