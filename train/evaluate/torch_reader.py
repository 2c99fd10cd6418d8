"""A reader by its PyTorch weights, before any export: for comparing trainings and baselines by one measure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.detector.network import normalise
from models.reader.ctc import CtcReaderNet
from streamer.engine.reader import softmax
from streamer.errors import ConfigError
from streamer.geometry import box_quad
from streamer.image.warp import cut
from streamer.plates.alphabet import Alphabet
from streamer.types import F32Array, Image, Reading
from train.export.golden import read_in_torch
from train.loop.config import ALPHABET
from train.loop.weights import build, kind_of, load_weights


class TorchReader:
    """`read_crops` of a `streamer.PlateReader`, by the weights of a reader or of a baseline. Not calibrated."""

    def __init__(self, weights: Path) -> None:
        state = load_weights(weights)
        if kind_of(state) != "reader":
            raise ConfigError(f"--weights {weights}: holds the weights of a {kind_of(state)}, expected a reader's")
        self._module = build(state)
        self._alphabet = Alphabet.load(ALPHABET)

    def read_crops(self, crops: Sequence[Image]) -> list[Reading]:
        """One reading for each picture of a plate (H, W, 3) uint8 BGR."""
        whole = (box_quad(np.array([0, 0, c.shape[1], c.shape[0]], float)) for c in crops)
        return [self._read(cut(crop, quad)) for crop, quad in zip(crops, whole, strict=True)]

    def _read(self, crop: Image) -> Reading:
        if isinstance(self._module, CtcReaderNet):
            return read_by_ctc(self._module, crop, self._alphabet)
        return read_in_torch(self._module, crop, self._alphabet, 1.0)


def read_by_ctc(module: Any, crop: Image, alphabet: Alphabet) -> Reading:
    """The reading by the columns of one row or of two, whichever the network takes the plate for."""
    with torch.no_grad():
        outputs = module(normalise(torch.from_numpy(crop.transpose(2, 0, 1).copy())[None]))
    one, two, _, rows, _ = (o[0].float().numpy() for o in outputs)
    return collapsed(softmax(two if rows[1] > rows[0] else one), alphabet)


def collapsed(probability: F32Array, alphabet: Alphabet) -> Reading:
    """The best path of CTC: (T, C + 1), blank last. Repeats are one character, each as sure as its surest column."""
    blank = probability.shape[1] - 1
    best, sure = probability.argmax(-1), probability.max(-1)
    classes: list[int] = []
    confidence: list[float] = []
    before = blank
    for k, p in zip(best.tolist(), sure.tolist(), strict=True):
        if k not in (blank, alphabet.eos):
            if k != before:
                classes.append(k)
                confidence.append(p)
            else:
                confidence[-1] = max(confidence[-1], p)
        before = k
    return Reading(alphabet.decode(classes), float(np.prod(confidence)) if classes else 0.0, tuple(confidence))
