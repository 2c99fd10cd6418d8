"""A reader by its PyTorch weights, before any export: for comparing trainings and baselines by one measure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamer.errors import ConfigError
from streamer.geometry import box_quad
from streamer.image.warp import cut
from streamer.plates.alphabet import Alphabet
from streamer.types import Image, Reading
from train.export.golden import read_in_torch
from train.loop.config import ALPHABET
from train.loop.weights import kind_of, load_weights, reader_of


class TorchReader:
    """Reads each crop once, by the weights of a reader or of a baseline; a `streamer.PlateReader` reads doubtful ones
    again from other cuts. Not calibrated."""

    def __init__(self, weights: Path) -> None:
        state = load_weights(weights)
        if kind_of(state) != "reader":
            raise ConfigError(f"--weights {weights}: holds the weights of a {kind_of(state)}, expected a reader's")
        self._module = reader_of(state)
        self._alphabet = Alphabet.load(ALPHABET)

    def read_crops(self, crops: Sequence[Image]) -> list[Reading]:
        """One reading for each picture of a plate (H, W, 3) uint8 BGR."""
        whole = (box_quad(np.array([0, 0, c.shape[1], c.shape[0]], float)) for c in crops)
        return [self._read(cut(crop, quad)) for crop, quad in zip(crops, whole, strict=True)]

    def _read(self, crop: Image) -> Reading:
        return read_in_torch(self._module, crop, self._alphabet, 1.0)
