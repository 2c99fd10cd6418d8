"""The plate reader at run time: rectified crops in, texts with their distributions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from streamer.engine.columns import best_path, likelihood, places_likelihood, spelled
from streamer.engine.runtime import Once, Runner, compile_model, resolve_precision
from streamer.engine.zoo import config_folder, find_model
from streamer.errors import ModelError
from streamer.image.warp import CROP_HEIGHT, CROP_WIDTH
from streamer.plates.alphabet import Alphabet
from streamer.types import F32Array, Image, Kind, Reading

COLOURS = ("blue", "green", "yellow", "white", "black")
REGIONS = ("china", "europe", "north-america", "latin-america", "asia", "africa")
KIND_KNOWN = 0.6  # a colour, number of rows or region less probable than this is not told
KINDS: tuple[Sequence[Any], ...] = (COLOURS, (1, 2), REGIONS)
# Characters, colour, rows, the region and the columns of one row and of two; earlier readers have no columns, the first
# ones no region either.
OUTPUTS = 6, 4, 3
_KIND_OUTPUTS = 4  # the characters and the kinds come before the columns


@dataclass(frozen=True)
class Certainty:
    """The confidence of a whole text by logistic regression on held-out crops (after Platt): the log-odds of its
    probability by the queries times `scale`, of that by the columns times `columns`, of its least probable character
    times `weakest`, plus `shift`."""

    scale: float = 1.0
    shift: float = 0.0
    columns: float = 0.0
    weakest: float = 0.0

    @staticmethod
    def of_card(card: Mapping[str, Any]) -> Certainty:
        return Certainty(**{f.name: float(card[f.name]) for f in fields(Certainty) if f.name in card})

    def of(self, places: float, columns: float | None, weakest: float | None = None) -> float:
        """The confidence of a text with those probabilities; a part that is None is left out."""
        if (columns is None or not self.columns) and (weakest is None or not self.weakest):
            return calibrated(places, self.scale, self.shift)
        parts = (self.scale, places), (self.columns, columns), (self.weakest, weakest)
        return _sigmoid(self.shift + sum(weight * _log_odds(p) for weight, p in parts if p is not None))


class Reader:
    """Reads crops with a compiled network. Not thread-safe: one thread at a time.

    Crops go through one by one: each takes a fraction of a millisecond, and a crop is then read the same alone and in
    a batch of any size.
    """

    def __init__(
        self,
        model: str | Path = "plate-reader",
        precision: str = "auto",
        threads: int | None = None,
        streams: int = 1,
    ) -> None:
        self.precision = resolve_precision(precision)
        self._file = find_model(model, self.precision, "reader")
        self._threads, self._streams = threads, streams
        self._compiled = Once()  # shared by all of `another`
        self.alphabet = Alphabet.load(config_folder() / "plates" / "alphabet.yaml")
        classes = self._file.card.get("classes", self.alphabet.size)
        if classes != self.alphabet.size:
            raise ModelError(
                f"model {self._file.xml}: made for {classes} classes, configs/plates/alphabet.yaml has "
                f"{self.alphabet.size}; use the alphabet it was trained with",
                at=self._file.xml,
            )
        self._temperature = float(self._file.card.get("temperature", 1.0))
        self._whole = Certainty.of_card(self._file.card.get("whole", {}))

    def prepare(self) -> None:
        """Compiles the network now, so that a file that is no reader is found before anything is read."""
        _ = self._runner

    def another(self) -> Reader:
        """The same compiled network, for another thread."""
        twin = copy(self)
        twin.__dict__.pop("_runner", None)
        return twin

    def _compile(self) -> Any:
        shape = [1, CROP_HEIGHT, CROP_WIDTH, 3]
        return compile_model(self._file, shape, self.precision, self._threads, OUTPUTS, self._streams)

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self._compiled.get(None, self._compile))

    def read(self, crops: Sequence[Image]) -> list[Reading]:
        """One reading for each (48, 128, 3) uint8 BGR crop."""
        return [self._read_one(crop) for crop in crops]

    def _read_one(self, crop: Image) -> Reading:
        characters, *others = self._runner.run(crop)
        return reading_of(characters, others, self.alphabet, self._temperature, self._whole)


def reading_of(
    characters: F32Array, others: Sequence[F32Array], alphabet: Alphabet, temperature: float, whole: Certainty
) -> Reading:
    """The reading of one crop by the network's outputs: logits (S, C) of the characters, then those of colour, rows,
    region, and of the columns of one row and of two where there are any."""
    found = weighed(characters, others, alphabet, temperature, whole)
    return reading(found, [softmax(k) for k in others[: _KIND_OUTPUTS - 1]], whole)


def softmax(logits: F32Array) -> F32Array:
    p = np.exp(logits - logits.max(-1, keepdims=True))
    result: F32Array = p / p.sum(-1, keepdims=True)
    return result


def calibrated(confidence: float, scale: float, shift: float) -> float:
    """A confidence after Platt: its log-odds scaled and shifted. Slots are not independent, so their product says too
    little or too much."""
    if (scale, shift) == (1.0, 0.0):
        return confidence
    return _sigmoid(scale * _log_odds(confidence) + shift)


def _log_odds(p: float) -> float:
    p = min(max(p, 1e-9), 1 - 1e-9)
    return float(np.log(p / (1 - p)))


def _sigmoid(x: float) -> float:
    return float(0.5 * (1 + np.tanh(0.5 * x)))


@dataclass(frozen=True, eq=False)
class Weighed:
    """The text that queries and columns find likeliest together. `slot_probs` (S, C): the distributions of its places;
    `places`, `columns`: its probability by each, the latter None where there are no columns."""

    text: str
    slot_probs: F32Array
    places: float
    columns: float | None

    @property
    def weakest(self) -> float:
        """The probability of the least probable character; 0.0 of no text."""
        return min((float(p) for p in self.slot_probs.max(-1)[: len(self.text)]), default=0.0)


def weighed(
    characters: F32Array, others: Sequence[F32Array], alphabet: Alphabet, temperature: float, whole: Certainty
) -> Weighed:
    """The most probable class of each slot up to the first EOS, or what the columns spell where that has more evidence
    of both. Arguments as of `reading_of`."""
    slot_probs = softmax(characters / temperature)
    best = slot_probs.argmax(-1).tolist()
    classes = best[: best.index(alphabet.eos)] if alphabet.eos in best else best
    places = places_likelihood(slot_probs, classes, alphabet.eos)
    if len(others) <= _KIND_OUTPUTS:
        return Weighed(alphabet.decode(classes), slot_probs, places, None)
    two_rows = others[1][1] > others[1][0]
    columns = softmax(others[_KIND_OUTPUTS if two_rows else _KIND_OUTPUTS - 1])
    mine = places, likelihood(columns, classes)
    other, where = best_path(columns, alphabet.eos)
    if other != classes and len(other) < len(slot_probs):
        theirs = places_likelihood(slot_probs, other, alphabet.eos), likelihood(columns, other)
        if whole.of(*theirs) > whole.of(*mine):
            slots = spelled(columns, where, len(slot_probs), alphabet.eos)
            return Weighed(alphabet.decode(other), slots, *theirs)
    return Weighed(alphabet.decode(classes), slot_probs, *mine)


def reading(found: Weighed, kind: Sequence[F32Array], whole: Certainty) -> Reading:
    """The reading of a weighed text. `kind`: the distributions of colour, rows and, where there is one, region."""
    text = found.text
    if not text.strip("?"):  # nothing at all could be read
        text = ""
    told = Kind(
        *(names[int(p.argmax())] if p.max() >= KIND_KNOWN else None for names, p in zip(KINDS, kind, strict=False))
    )
    characters = tuple(float(p) for p in found.slot_probs.max(-1)[: len(text)])
    confidence = whole.of(found.places, found.columns, found.weakest) if text else 0.0
    return Reading(text, confidence, characters, told, found.slot_probs)
