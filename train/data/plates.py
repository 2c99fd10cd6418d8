"""The plates a reader learns from: real crops with their labels, and drawn plates."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.types import FloatArray


@dataclass(frozen=True)
class Crop:
    """A labelled crop: the plate's corners or box inside the cached picture, where known."""

    text: str
    country: str
    colour: str | None
    rows: int | None
    quad: FloatArray | None
    box: FloatArray | None


@dataclass(frozen=True)
class Drawn:
    """A drawn plate in the bank: flat, to the edge. `char_boxes` (n, 4) as shares of its width and height."""

    text: str
    country: str
    colour: str | None
    rows: int
    char_boxes: FloatArray
