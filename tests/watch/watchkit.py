"""Passages with distributions, for tests of watching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamer.testing import passage_of
from streamer.types import Passage, Posterior
from streamer.watch.lists import Entry


def read_as(text: str, doubts: Mapping[int, Mapping[str, float]] | None = None, **changes: Any) -> Passage:
    """A passage that was read as `text`; `doubts`: by place, the probability of other symbols there."""
    doubts = doubts or {}
    sure = [1 - sum(doubts.get(k, {}).values()) - 0.001 for k in range(len(text))]
    places: Posterior = tuple(
        ((symbol, sure[k]), *sorted(doubts.get(k, {}).items(), key=lambda one: -one[1]))
        for k, symbol in enumerate(text)
    )
    confidence = 1.0
    for p in sure:
        confidence *= p
    row = {"plate": text, "confidence": confidence, "posterior": (*places, (("", 0.999),)), "char_confidence": ()}
    return passage_of(**row | changes)


def entries(*plates: str) -> list[Entry]:
    return [Entry(plate, plate) for plate in plates]
