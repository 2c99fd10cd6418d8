"""The plate reader at run time: rectified crops in, texts with their distributions out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any

from streamer.engine.cards import PLATE_CROP, crop_shape, mapping, names, number, one_of
from streamer.engine.decoders import DECODERS, SLOTS, UNNAMED, Certainty, Classes, class_counts
from streamer.engine.runtime import Once, Runner, compile_model, resolve_device, resolve_precision
from streamer.engine.zoo import ModelFile, config_folder, find_model
from streamer.errors import ModelError
from streamer.plates.alphabet import Alphabet
from streamer.types import Image, Reading


class Reader:
    """Reads crops with a compiled network. Not thread-safe: one thread at a time.

    `crop`: the size and margins of what it reads.

    Crops go through one by one: each takes a fraction of a millisecond, and a crop is then read the same alone and in
    a batch of any size.
    """

    def __init__(
        self,
        model: str | Path = "plate-reader",
        precision: str = "auto",
        threads: int | None = None,
        streams: int = 1,
        device: str = "CPU",
    ) -> None:
        self.device = resolve_device(device)
        self.precision = resolve_precision(precision, self.device)
        self._file = find_model(model, self.precision, "reader")
        self._threads, self._streams = threads, streams
        self._compiled = Once()  # shared by all of `another`
        self.alphabet = Alphabet.load(config_folder() / "plates" / "alphabet.yaml")
        classes = int(number(self._file, "classes", self.alphabet.size, 1, 1e6))
        if classes != self.alphabet.size:
            raise ModelError(
                f"model {self._file.xml}: made for {classes} classes, configs/plates/alphabet.yaml has "
                f"{self.alphabet.size}; use the alphabet it was trained with",
                at=self._file.xml,
            )
        self.crop = crop_shape(self._file, PLATE_CROP)
        self._classes = Classes(
            self.alphabet,
            number(self._file, "temperature", 1.0, 1e-3, 1e3),
            certainty(self._file),
            int(number(self._file, "slots", SLOTS, 2, 1000)),
        )
        self._decoder, self._outputs = named_outputs(self._file)

    def prepare(self) -> None:
        """Compiles the network now, so that a file that is no reader is found before anything is read."""
        _ = self._runner

    def another(self) -> Reader:
        """The same compiled network, for another thread."""
        twin = copy(self)
        twin.__dict__.pop("_runner", None)
        return twin

    def _compile(self) -> Any:
        shape = [1, self.crop.height, self.crop.width, 3]
        counts = [len(self._outputs)] if self._decoder else list(UNNAMED)
        compiled = compile_model(self._file, shape, self.precision, self._threads, counts, self._streams, self.device)
        wanted = class_counts(self.alphabet)
        for name, output in zip(self._named(len(compiled.outputs))[1], compiled.outputs, strict=True):
            if name in wanted and output.shape[-1] != wanted[name]:
                raise ModelError(
                    f"model {self._file.xml}: its output {name} has {output.shape[-1]} classes, expected "
                    f"{wanted[name]}; list the outputs in their order in card.yaml: outputs"
                )
        return compiled

    def _named(self, count: int) -> tuple[str, tuple[str, ...]]:
        """The decoder and the names of the outputs of a network with so many."""
        return (self._decoder, self._outputs) if self._decoder else UNNAMED[count]

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self._compiled.get(None, self._compile))

    def read(self, crops: Sequence[Image]) -> list[Reading]:
        """One reading for each crop, uint8 BGR of the size of `crop`."""
        return [self._read_one(crop) for crop in crops]

    def _read_one(self, crop: Image) -> Reading:
        outputs = self._runner.run(crop)
        decoder, names = self._named(len(outputs))
        return DECODERS[decoder].read(dict(zip(names, outputs, strict=True)), self._classes)


def named_outputs(model: ModelFile) -> tuple[str, tuple[str, ...]]:
    """The card's decoder and the names of the network's outputs in order; an empty decoder where it names none."""
    if "decoder" not in model.card and "outputs" not in model.card:
        return "", ()
    decoder = one_of(model, "decoder", tuple(DECODERS), "slots+columns")
    return decoder, names(model, "outputs", DECODERS[decoder].needed, DECODERS[decoder].outputs)


def certainty(model: ModelFile) -> Certainty:
    """The card's `whole`."""
    card = mapping(model, "whole")
    return Certainty.of_card({key: number(model, f"whole.{key}", 0.0, -1e3, 1e3, card) for key in card})
