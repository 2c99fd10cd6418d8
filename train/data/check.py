"""Looks at labelled crops before a reader is trained on them: what cannot be taught is named and counted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2

from streamer.alphabet import Alphabet
from streamer.errors import InputError
from train.data.manifest import Sample

_log = logging.getLogger(__name__)
SHOWN = 3  # examples of each problem


@dataclass
class Problems:
    """By kind of problem the pictures that have it, each with what is wrong."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, sample: Sample, what: str) -> None:
        self.found.setdefault(kind, []).append(f"{sample.relative} ({what})")

    def lines(self) -> list[str]:
        return [
            f"{len(names)} {'crop' if len(names) == 1 else 'crops'} with {kind}: {', '.join(names[:SHOWN])}"
            + (", ..." if len(names) > SHOWN else "")
            for kind, names in self.found.items()
        ]


def teachable(samples: Sequence[Sample], alphabet: Alphabet, slots: int, strict: bool = False) -> list[Sample]:
    """Those of the crops that can be taught; the others are warned of, or refused by an InputError where `strict`."""
    problems = Problems()
    with ThreadPoolExecutor() as pool:
        readable = list(pool.map(_is_picture, samples))
    kept = []
    for sample, opens in zip(samples, readable, strict=True):
        text = sample.plates[0].text or ""
        foreign = sorted({c for c in text if c not in alphabet.symbols and c != alphabet.unreadable_mark})
        if not opens:
            problems.add("a picture that cannot be read", sample, "missing" if not sample.path.is_file() else "broken")
        elif foreign:
            problems.add("characters outside the alphabet", sample, f"{text}: {' '.join(foreign)}")
        elif len(text) >= slots:
            problems.add(f"more than {slots - 1} characters", sample, text)
        else:
            kept.append(sample)
    if strict and problems.found:
        raise InputError(f"{'; '.join(problems.lines())}. Correct them, or train without --strict")
    for line in problems.lines():
        _log.warning("left out: %s", line)
    return kept


def _is_picture(sample: Sample) -> bool:
    return cv2.haveImageReader(str(sample.path))
