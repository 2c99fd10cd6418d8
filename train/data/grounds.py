"""Pictures without a plate for the reader, whose label is an empty text: places in plate-free pictures, and what a
detector has taken for plates and is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from streamer.engine.detector import Detector
from streamer.geometry import box_quad, grow_quad, plate_height
from streamer.image.warp import cut, frame_of
from streamer.types import FloatArray, Image
from train.data.boards import board
from train.data.cache import PictureCache, write_whole
from train.data.manifest import PlateLabel, Sample
from train.data.mine import far_from

NARROWEST, WIDEST = 24, 320  # px of a place's width
LEAST_SCORE = 0.08  # of a find: below it there is little that looks like a plate
FOUND = 0.6  # share of the places other than boards that are finds, where there are any
LARGEST_MARGIN = 0.12  # of a find's sides
BOARDS = 0.2  # share of the places that are drawn boards with words


@dataclass(frozen=True)
class FalseFind:
    """What a detector took for a plate: the sample's number, the corners TL TR BR BL in pixels of its file, and the
    score."""

    sample: int
    quad: tuple[tuple[float, float], ...]
    score: float

    def moved(self, sample: int, scale: float) -> FalseFind:
        """The same in another list of pictures, shrunk by `scale`."""
        return FalseFind(sample, tuple((x * scale, y * scale) for x, y in self.quad), self.score)


@dataclass(frozen=True)
class Grounds:
    """Where there is no plate: the first `free` pictures of the cache have none at all, the others none at `finds`,
    whose `sample` is a number in the cache and whose corners are in its pixels."""

    cache: PictureCache
    free: int
    finds: tuple[FalseFind, ...] = ()

    @cached_property
    def _cumulative(self) -> FloatArray:
        scores = np.array([f.score for f in self.finds])
        return np.asarray(np.cumsum(scores / scores.sum()))

    def __len__(self) -> int:
        return self.free + len(self.finds)

    def draw(self, rng: np.random.Generator) -> Image:
        """A crop (48, 128, 3) of a drawn board with words, of a find, those of a high score more often, or of any place
        in a plate-free picture."""
        if rng.random() < BOARDS:
            return _board(rng)
        if self.finds and (not self.free or rng.random() < FOUND):
            k = np.searchsorted(self._cumulative, rng.random(), side="right").clip(0, len(self.finds) - 1)
            find = self.finds[int(k)]
            quad = np.array(find.quad)
            height = float(plate_height(quad[None])[0])
            along, across = rng.uniform(0, LARGEST_MARGIN, 2)
            return cut(self.cache[find.sample], grow_quad(quad, along, across) + rng.normal(0, 0.05 * height, (4, 2)))
        image = self.cache[int(rng.integers(self.free))]
        return cut(image, draw_place(rng, image.shape[1], image.shape[0]))


def _board(rng: np.random.Generator) -> Image:
    """A crop (48, 128, 3) of a board on a plain ground, cut as loosely as a find."""
    drawn = board(rng)
    pad = drawn.shape[0] // 3
    around = tuple(float(v) for v in rng.uniform(20, 220, 3))
    picture = cv2.copyMakeBorder(drawn, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=around)
    h, w = drawn.shape[:2]
    quad = box_quad(np.array([pad, pad, pad + w, pad + h], float)) + rng.normal(0, 0.05 * h, (4, 2))
    return cut(picture, grow_quad(quad, *rng.uniform(0, LARGEST_MARGIN, 2)))


def draw_place(rng: np.random.Generator, width: int, height: int) -> FloatArray:
    """The quad (4, 2) of a place with a plate's proportions in a picture of that size, a little turned and sheared."""
    w = float(np.exp(rng.uniform(np.log(NARROWEST), np.log(max(NARROWEST + 1, min(WIDEST, width))))))
    h = w / float(rng.uniform(1.2, 5.0))
    x, y = rng.uniform(0, max(1.0, width - w)), rng.uniform(0, max(1.0, height - h))
    quad = box_quad(np.array([x, y, x + w, y + h]))
    return quad + rng.normal(0, 0.06 * h, (4, 2))


def false_finds(samples: Sequence[Sample], detector: str, folder: Path) -> list[FalseFind]:
    """What a detector of the zoo, with its refiner, finds in the fully labelled of the samples where no plate is.
    Pictures with a label that has neither box nor corners are left out. Plates that nobody can read may lie in the
    others without a label: the reader may learn to see nothing in them. Finds are kept in `folder`."""
    finder = Detector(detector, "f32", min_score=LEAST_SCORE)
    kept = folder / f"finds-{finder.identity}-{LEAST_SCORE}.json"
    known: dict[str, list[list[float]]] = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
    wanted = [(k, s) for k, s in enumerate(samples) if s.complete and None not in map(_box, s.plates)]
    missing = [s for _, s in wanted if _key(s) not in known]
    for sample in track(missing, "looking for false finds", transient=True):
        image = cv2.imread(str(sample.path))
        found = finder.detect(frame_of(image)) if image is not None else None
        known[_key(sample)] = [] if found is None else _rows(found.quad, found.score)
    if missing:
        write_whole(kept, json.dumps(known))
    return [find for k, s in wanted for find in _false(k, s, np.array(known[_key(s)], float).reshape(-1, 9))]


def _key(sample: Sample) -> str:
    """Of a picture as it is now."""
    seen = sample.path.stat() if sample.path.is_file() else None
    return f"{sample.path}|{seen.st_size}|{seen.st_mtime_ns}" if seen else str(sample.path)


def _box(plate: PlateLabel) -> tuple[float, ...] | None:
    if plate.box is not None or plate.quad is None:
        return plate.box
    xs, ys = zip(*plate.quad, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _rows(quads: FloatArray, scores: FloatArray) -> list[list[float]]:
    rows: list[list[float]] = np.concatenate([quads.reshape(-1, 8), scores[:, None]], 1).round(3).tolist()
    return rows


def _false(k: int, sample: Sample, rows: FloatArray) -> list[FalseFind]:
    plates = np.array([_box(p) for p in sample.plates], float).reshape(-1, 4)
    quads = rows[:, :8].reshape(-1, 4, 2)
    boxes = np.concatenate([quads.min(1), quads.max(1)], 1)
    far = far_from(boxes, plates)
    found = zip(quads[far].tolist(), rows[far, 8].tolist(), strict=True)
    return [FalseFind(k, tuple((x, y) for x, y in quad), score) for quad, score in found]
