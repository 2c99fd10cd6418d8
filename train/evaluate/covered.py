"""How a reader reports a character that cannot be read: dev crops with one character hidden."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamer.errors import InputError
from streamer.geometry import box_quad
from streamer.types import FloatArray, Image
from train.data.cover import UNREADABLE, chinese_boxes, cover
from train.data.manifest import Sample, evaluation_set
from train.data.reading import ONE_ROW_RATIO
from train.evaluate.certainty import ROW
from train.evaluate.measures import Figures, rate
from train.evaluate.report import Failures, Report
from train.evaluate.run import CropReader, Text, open_image
from train.recipes.reader import crop_of


@dataclass
class CoveredTally:
    """Readings of crops with one hidden character.

    `reported`: `?` in that place and the rest right; `unsure`: under the confidence that makes a row; `invented`: a row
    with something else in that place; `other`: a row with `?` there that has another mistake.
    """

    n: int = 0
    reported: int = 0
    unsure: int = 0
    invented: int = 0
    other: int = 0

    def add(self, read: str, confidence: float, left: str) -> str:
        """Counts one; `left` is the text with `?` for what is hidden. Gives the word for what it was."""
        k = left.index(UNREADABLE)
        if read == left:
            kind = "reported"
        elif confidence < ROW:
            kind = "unsure"
        elif len(read) == len(left) and read[k] == UNREADABLE:
            kind = "other"
        else:
            kind = "invented"
        self.n += 1
        setattr(self, kind, getattr(self, kind) + 1)
        return kind

    def figures(self) -> Figures:
        kinds = ("reported", "unsure", "invented", "other")
        return {"n": self.n, **{k: rate(getattr(self, k), self.n) for k in kinds}}


def evaluate_covered(
    samples: Sequence[Sample],
    reader: CropReader[Text],
    *,
    data: str = "",
    split: str = "dev",
    failures: Failures | None = None,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Chinese crops of one row: the standard fixes where their characters stand. InputError where there is none."""
    sets: dict[str, CoveredTally] = defaultdict(CoveredTally)
    total = CoveredTally()
    for sample, image, left in covered_crops(samples):
        reading = reader.read_crops([image])[0]
        name = evaluation_set(sample)
        kinds = [tally.add(reading.text, reading.confidence, left) for tally in (sets[name], total)]
        if failures is not None and "invented" in kinds:
            failures.add(f"{name} invented", image, f"{left} {sample.path.name}\n{reading.text}")
    if not total.n:
        raise InputError(f"{data}: holds no Chinese crop of one row in the split {split}")
    return Report(
        what="covered",
        data=data,
        split=split,
        sets={k: t.figures() for k, t in sorted(sets.items())},
        total=total.figures(),
        options=dict(options or {}),
    )


def covered_crops(samples: Sequence[Sample]) -> Iterator[tuple[Sample, Image, str]]:
    """Each crop that serves with one of its characters hidden, always the same one, and what can still be read."""
    for sample in samples:
        boxes = places(sample)
        if boxes is None:
            continue
        image = np.array(open_image(sample.path))
        h, w = image.shape[:2]
        quad = crop_of(sample, 1.0).quad
        if quad is None:  # cut to the plate's edge
            if w < ONE_ROW_RATIO * h:
                continue
            quad = box_quad(np.array([0, 0, w, h], float))
        text = sample.plates[0].text or ""
        rng = np.random.default_rng(zlib.crc32(sample.relative.encode()))
        left = cover(rng, image, text, boxes, quad)
        if left != text:
            yield sample, image, left


def places(sample: Sample) -> FloatArray | None:
    """Where the characters of a Chinese plate of one row stand on it, for crops whose plate's edges are known; None for
    all other samples."""
    if sample.kind != "crop" or sample.country != "CN" or not sample.plates:
        return None
    plate = sample.plates[0]
    text = plate.text or ""
    loose = plate.box is not None and crop_of(sample, 1.0).quad is None
    return None if plate.rows == 2 or loose or UNREADABLE in text else chinese_boxes(text)
