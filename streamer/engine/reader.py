"""The plate reader at run time: rectified crops in, texts with their distributions out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from streamer.alphabet import Alphabet
from streamer.engine.runtime import Once, Runner, compile_model, resolve_precision
from streamer.engine.zoo import config_folder, find_model
from streamer.errors import ModelError
from streamer.pixels import CROP_HEIGHT, CROP_WIDTH
from streamer.types import F32Array, Image, Kind, Reading

COLOURS = ("blue", "green", "yellow", "white", "black")
REGIONS = ("china", "europe", "north-america", "latin-america", "asia", "africa")
KIND_KNOWN = 0.6  # a colour, number of rows or region less probable than this is not told
KINDS: tuple[Sequence[Any], ...] = (COLOURS, (1, 2), REGIONS)
OUTPUTS = 4, 3  # characters, colour, rows, and, but for readers of old, the region


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
                f"{self.alphabet.size}; use the alphabet it was trained with"
            )
        self._temperature = float(self._file.card.get("temperature", 1.0))
        whole = self._file.card.get("whole", {})
        self._whole = float(whole.get("scale", 1.0)), float(whole.get("shift", 0.0))

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
        characters, *kind = self._runner.run(crop)
        return reading(softmax(characters / self._temperature), [softmax(k) for k in kind], self.alphabet, self._whole)


def softmax(logits: F32Array) -> F32Array:
    p = np.exp(logits - logits.max(-1, keepdims=True))
    result: F32Array = p / p.sum(-1, keepdims=True)
    return result


def calibrated(confidence: float, scale: float, shift: float) -> float:
    """A confidence after Platt: its log-odds scaled and shifted. Slots are not independent, so their product says too
    little or too much."""
    if (scale, shift) == (1.0, 0.0):
        return confidence
    p = min(max(confidence, 1e-9), 1 - 1e-9)
    return float(1 / (1 + np.exp(-(scale * np.log(p / (1 - p)) + shift))))


def reading(
    slot_probs: F32Array, kind: Sequence[F32Array], alphabet: Alphabet, whole: tuple[float, float] = (1.0, 0.0)
) -> Reading:
    """The most probable class of each slot up to the first EOS; the confidence counts that EOS too. `kind`: the
    distributions of colour, rows and, where there is one, region. `whole`: scale and shift of the text's confidence."""
    best = slot_probs.argmax(-1)
    text = alphabet.decode(best.tolist())
    probability = slot_probs.max(-1).astype(float)
    counted = probability[: min(len(text) + 1, len(best))]
    if not text.strip(alphabet.unreadable_mark):  # nothing at all could be read
        text = ""
    told = Kind(
        *(names[int(p.argmax())] if p.max() >= KIND_KNOWN else None for names, p in zip(KINDS, kind, strict=False))
    )
    characters = tuple(float(p) for p in probability[: len(text)])
    return Reading(text, calibrated(float(counted.prod()), *whole) if text else 0.0, characters, told, slot_probs)
