"""The readers by name (`network:` of a training). Another one is a module beside this one, a line of `NETWORKS`, and a
configuration in configs/reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import Tensor

from models.reader.ctc import CtcReaderNet
from models.reader.network import PlateReaderNet, ReaderNet, ReaderSize

CONV = ReaderSize(attention=False, layers=3)  # three residual blocks cost what four transformer blocks do
FINE = ReaderSize(across=32, steps=1)  # a token for each 4 px: long texts have more than one a character
LARGE = ReaderSize(stem=(32, 64, 128), width=224, heads=7, layers=6, ffn=896)

# Makes a network with random weights, from the number of classes, the dropout, and the parameters that it is to hold,
# where there are any.
Make = Callable[[int, float, Mapping[str, Tensor] | None], ReaderNet]


def maskocr(size: ReaderSize) -> Make:
    """A reader after MaskOCR, with as many slots and CTC steps as its parameters are for."""

    def make(classes: int, dropout: float, parameters: Mapping[str, Tensor] | None) -> ReaderNet:
        mine = size
        if parameters is not None:
            steps = parameters["ctc.weight"].shape[0] // (classes + 1)
            mine = replace(size, slots=parameters["queries"].shape[1] - 1, steps=steps)
        return PlateReaderNet(classes, replace(mine, dropout=dropout))

    return make


NETWORKS: dict[str, Make] = {
    "maskocr": maskocr(ReaderSize()),
    "fine": maskocr(FINE),
    "large": maskocr(LARGE),
    "conv": maskocr(CONV),
    "ctc": lambda classes, _dropout, _parameters: CtcReaderNet(classes),
}
