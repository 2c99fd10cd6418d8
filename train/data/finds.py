"""What a detector of the zoo finds in training pictures, kept in a folder: each picture is looked at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from streamer.engine.detector import Detector
from streamer.image.warp import frame_of
from streamer.types import FloatArray
from train.data.cache import write_whole
from train.data.manifest import Sample


def finds_in(
    samples: Sequence[Sample], detector: str, least_score: float, folder: Path, purpose: str
) -> list[tuple[FloatArray, FloatArray]]:
    """For each sample the corners (n, 4, 2) in pixels of its file and the scores (n,) of what the detector, with its
    refiner, finds from that score on; nothing in a file that is no picture. `purpose`: shown while it looks."""
    finder = Detector(detector, "f32", min_score=least_score)
    kept = folder / f"finds-{finder.identity}-{least_score}.json"
    known: dict[str, list[list[float]]] = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
    missing = [s for s in samples if _key(s) not in known]
    for sample in track(missing, purpose, transient=True):
        image = cv2.imread(str(sample.path))
        found = finder.detect(frame_of(image)) if image is not None else None
        known[_key(sample)] = [] if found is None else _rows(found.quad, found.score)
    if missing:
        write_whole(kept, json.dumps(known))
    rows = [np.array(known[_key(s)], float).reshape(-1, 9) for s in samples]
    return [(row[:, :8].reshape(-1, 4, 2), row[:, 8]) for row in rows]


def _key(sample: Sample) -> str:
    """Of a picture as it is now."""
    seen = sample.path.stat() if sample.path.is_file() else None
    return f"{sample.path}|{seen.st_size}|{seen.st_mtime_ns}" if seen else str(sample.path)


def _rows(quads: FloatArray, scores: FloatArray) -> list[list[float]]:
    rows: list[list[float]] = np.concatenate([quads.reshape(-1, 8), scores[:, None]], 1).round(3).tolist()
    return rows
