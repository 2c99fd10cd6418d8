"""Hard negatives: the spots of the training pictures that a detector takes for plates, and that are none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from streamer.engine.zoo import sha256
from streamer.geometry import box_iou_matrix
from streamer.types import FloatArray
from train.data.cache import PictureCache
from train.data.detection import HardSpot
from train.data.manifest import Sample

NO_PLATE = 0.2  # a detection that overlaps every labelled plate by less is false


def hard_spots(
    weights: Path, samples: Sequence[Sample], cache: PictureCache, folder: Path, min_score: float
) -> list[HardSpot]:
    """What the detector of these weights finds wrongly in the fully labelled pictures; kept in `folder`."""
    from train.export import build
    from train.golden import detect_in_torch
    from train.loop import load_weights

    kept = folder / f"hard-{sha256(weights)[:12]}-{min_score:.2f}-{cache.file.stem}.json"
    if kept.is_file():
        return [(k, tuple(box)) for k, box in json.loads(kept.read_text(encoding="utf-8"))]
    module = build(load_weights(weights))
    spots: list[HardSpot] = []
    numbered = [(k, s) for k, s in enumerate(samples) if s.complete]
    for k, sample in track(numbered, "looking for hard negatives", transient=True):
        plates = np.array([p.box for p in sample.plates if p.box is not None], float).reshape(-1, 4) * cache.scale[k]
        found = detect_in_torch(module, np.ascontiguousarray(cache[k]), min_score).box_xyxy
        spots += [(k, _tuple(box)) for box in found[far_from(found, plates)]]
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(spots), encoding="utf-8")
    return spots


def far_from(found: FloatArray, plates: FloatArray) -> np.ndarray:
    """Which boxes (n, 4) meet none of the plates (m, 4): (n,) bool."""
    if not len(plates):
        return np.ones(len(found), bool)
    far: np.ndarray = box_iou_matrix(found, plates).max(1, initial=0.0) < NO_PLATE
    return far


def _tuple(box: FloatArray) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(float(v), 1) for v in box)
    return x1, y1, x2, y2
