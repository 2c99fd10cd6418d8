"""Hard negatives: the spots of the training pictures that a detector takes for plates, and that are none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track

from streamer.engine.zoo import sha256
from streamer.geometry import box_iou_matrix
from streamer.types import FloatArray
from train.data.cache import PictureCache, write_whole
from train.data.detection import HardSpot
from train.data.manifest import Sample
from train.export.golden import detect_in_torch
from train.loop.weights import build, load_weights, require_detector

AROUND = 0.15  # of a find's size, on each side: what is pasted elsewhere with it must not hold a plate either


def hard_spots(
    weights: Path, samples: Sequence[Sample], cache: PictureCache, folder: Path, min_score: float
) -> list[HardSpot]:
    """What the detector of these weights finds wrongly in the fully labelled pictures; kept in `folder`."""
    require_detector(weights, "--hard-from or --init")
    labels = hashlib.sha256(repr([(s.complete, [p.box for p in s.plates]) for s in samples]).encode()).hexdigest()
    kept = folder / f"hard-{sha256(weights)[:12]}-{min_score:.2f}-{cache.file.stem}-{labels[:12]}.json"
    if kept.is_file():
        return [(k, tuple(box)) for k, box in json.loads(kept.read_text(encoding="utf-8"))]
    module = build(load_weights(weights))
    spots: list[HardSpot] = []
    numbered = [(k, s) for k, s in enumerate(samples) if s.complete]
    for k, sample in track(numbered, "looking for hard negatives", transient=True):
        plates = np.array([p.box for p in sample.plates if p.box is not None], float).reshape(-1, 4) * cache.scale[k]
        found = detect_in_torch(module, np.ascontiguousarray(cache[k]), min_score).box_xyxy
        spots += [(k, _tuple(box)) for box in found[far_from(found, plates)]]
    write_whole(kept, json.dumps(spots))
    return spots


def far_from(found: FloatArray, plates: FloatArray) -> npt.NDArray[np.bool_]:
    """Which boxes (n, 4), grown a little, meet none of the plates (m, 4) at all: (n,) bool."""
    grow = np.tile(found[:, 2:] - found[:, :2], 2) * (-AROUND, -AROUND, AROUND, AROUND)
    return ~np.asarray((box_iou_matrix(found + grow, plates) > 0).any(1))


def _tuple(box: FloatArray) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(float(v), 1) for v in box)
    return x1, y1, x2, y2
