"""Pictures without a plate for the reader, whose label is an empty text: places in plate-free pictures, and what a
detector has taken for plates and is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from streamer.geometry import box_quad, grow_quad, quad_box, quad_height
from streamer.image.warp import cut
from streamer.types import FloatArray, Image
from train.data.boards import board
from train.data.cache import PictureCache
from train.data.finds import finds_in
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
            height = quad_height(quad)
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
    wanted = [(k, s) for k, s in enumerate(samples) if s.complete and None not in map(_box, s.plates)]
    found = finds_in([s for _, s in wanted], detector, LEAST_SCORE, folder, "looking for false finds")
    return [find for (k, s), (quads, scores) in zip(wanted, found, strict=True) for find in _false(k, s, quads, scores)]


def _box(plate: PlateLabel) -> tuple[float, ...] | None:
    if plate.box is not None or plate.quad is None:
        return plate.box
    return tuple(quad_box(np.array(plate.quad, float)).tolist())


def _false(k: int, sample: Sample, quads: FloatArray, scores: FloatArray) -> list[FalseFind]:
    plates = np.array([_box(p) for p in sample.plates], float).reshape(-1, 4)
    far = far_from(quad_box(quads), plates)
    found = zip(quads[far].tolist(), scores[far].tolist(), strict=True)
    return [FalseFind(k, tuple((x, y) for x, y in quad), score) for quad, score in found]
