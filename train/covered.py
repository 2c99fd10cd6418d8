"""What a reader does with a character that nobody could read: dev crops with one character hidden."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from streamer.geometry import box_quad
from streamer.types import FloatArray, Image
from train.data.cover import UNREADABLE, chinese_boxes, cover
from train.data.manifest import Sample, evaluation_set
from train.evaluate import CropReader, open_image
from train.measures import ACCEPTED, Figures, rate
from train.report import Report

ONE_ROW = 2.4  # a crop at least this wide for its height holds one row


@dataclass
class CoveredTally:
    """Readings of crops with one hidden character. `told`: `?` in that place and the rest right; `unsure`: under the
    confidence that makes a row; `invented`: a row with something else in that place; `other`: a row with `?` there that
    has another mistake."""

    n: int = 0
    told: int = 0
    unsure: int = 0
    invented: int = 0
    other: int = 0

    def add(self, read: str, confidence: float, left: str) -> str:
        """Counts one; `left` is the text with `?` for what is hidden. Gives the word for what it was."""
        k = left.index(UNREADABLE)
        if read == left:
            kind = "told"
        elif confidence < ACCEPTED:
            kind = "unsure"
        elif len(read) == len(left) and read[k] == UNREADABLE:
            kind = "other"
        else:
            kind = "invented"
        self.n += 1
        setattr(self, kind, getattr(self, kind) + 1)
        return kind

    def figures(self) -> Figures:
        kinds = ("told", "unsure", "invented", "other")
        return {"n": self.n, **{k: rate(getattr(self, k), self.n) for k in kinds}}


def evaluate_covered(samples: Sequence[Sample], reader: CropReader, *, data: str = "", split: str = "dev") -> Report:
    """Chinese crops of one row, cut to the plate's edge: the standard tells where their characters stand."""
    sets: dict[str, CoveredTally] = defaultdict(CoveredTally)
    total = CoveredTally()
    for sample, image, left in covered_crops(samples):
        reading = reader.read_crops([image])[0]
        for tally in (sets[evaluation_set(sample)], total):
            tally.add(reading.text, reading.confidence, left)
    return Report(
        what="covered",
        data=data,
        split=split,
        sets={k: t.figures() for k, t in sorted(sets.items())},
        total=total.figures(),
    )


def covered_crops(samples: Sequence[Sample]) -> Iterator[tuple[Sample, Image, str]]:
    """Each crop that serves with one of its characters hidden, always the same one, and what can still be read."""
    for sample in samples:
        boxes = places(sample)
        if boxes is None:
            continue
        image = np.array(open_image(sample.path))
        h, w = image.shape[:2]
        if w < ONE_ROW * h:
            continue
        text = sample.plates[0].text or ""
        rng = np.random.default_rng(zlib.crc32(sample.relative.encode()))
        left = cover(rng, image, text, boxes, box_quad(np.array([0, 0, w, h], float)))
        if UNREADABLE in left:
            yield sample, image, left


def places(sample: Sample) -> FloatArray | None:
    """Where the characters of a Chinese crop without a box stand, None for all other samples."""
    if sample.kind != "crop" or sample.country != "CN" or not sample.plates or sample.plates[0].box is not None:
        return None
    plate = sample.plates[0]
    return None if plate.rows == 2 else chinese_boxes(plate.text or "")
