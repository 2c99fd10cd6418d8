"""Checks labelled crops before a reader is trained on them: what cannot be used is listed and counted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2

from streamer.errors import InputError
from streamer.plates.alphabet import Alphabet
from train.data.manifest import Sample

_log = logging.getLogger(__name__)
SHOWN = 3  # examples of each problem


@dataclass
class Problems:
    """By kind of problem the pictures that have it, each with what is wrong."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, sample: Sample, what: str) -> None:
        self.found.setdefault(kind, []).append(f"{sample.relative} ({what})")

    def add_unreadable(self, sample: Sample) -> None:
        self.add("a picture that cannot be read", sample, "broken" if sample.path.is_file() else "missing")

    def lines(self) -> list[str]:
        return [
            f"{len(names)} {'crop' if len(names) == 1 else 'crops'} with {kind}: {', '.join(names[:SHOWN])}"
            + (", ..." if len(names) > SHOWN else "")
            for kind, names in self.found.items()
        ]

    def report(self, strict: bool) -> None:
        """Logs what was found as warnings; InputError where `strict`."""
        if strict and self.found:
            raise InputError(f"{'; '.join(self.lines())}. Correct them, or train without --strict")
        for line in self.lines():
            _log.warning("left out: %s", line)


def trainable(samples: Sequence[Sample], alphabet: Alphabet, slots: int, strict: bool = False) -> list[Sample]:
    """The crops that can be trained on; the others are logged as warnings, or an InputError where `strict`."""
    problems = Problems()
    kept = []
    for sample, opens in zip(samples, readable(samples), strict=True):
        text = sample.plates[0].text or ""
        foreign = sorted({c for c in text if c not in alphabet.symbols and c != alphabet.unreadable_mark})
        if not opens:
            problems.add_unreadable(sample)
        elif foreign:
            problems.add("characters outside the alphabet", sample, f"{text}: {' '.join(foreign)}")
        elif len(text) >= slots:
            problems.add(f"more than {slots - 1} characters", sample, text)
        else:
            kept.append(sample)
    problems.report(strict)
    return kept


def decodable(samples: Sequence[Sample]) -> list[Sample]:
    """The pictures that can be decoded; the others are logged as warnings."""
    problems, opens = Problems(), readable(samples)
    for sample, good in zip(samples, opens, strict=True):
        if not good:
            problems.add_unreadable(sample)
    problems.report(strict=False)
    return [s for s, good in zip(samples, opens, strict=True) if good]


def readable(samples: Sequence[Sample]) -> list[bool]:
    """Which pictures can be decoded."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_is_picture, samples))


def _is_picture(sample: Sample) -> bool:
    # A name and a header are not enough: what a cut-off download holds is found by decoding alone.
    return sample.path.is_file() and cv2.imread(str(sample.path), cv2.IMREAD_REDUCED_GRAYSCALE_8) is not None
