"""Samples of the two phases of pre-training: plates without their labels, and drawn plates with hidden
characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from models.reader.masked import CELL_HEIGHT, CELL_WIDTH, TOKENS
from models.reader.network import TOKEN_COLUMNS, TOKEN_ROWS
from streamer.types import FloatArray
from train.data.reading import ReadingData

BoolArray = npt.NDArray[np.bool_]

COVERS = 0.1  # share of a cell that a character must cover for the cell to be hidden with it; less shows slivers


def hidden_cells(rng: np.random.Generator, share: float) -> BoolArray:
    """(48,) bool, always as many for one share: whole columns of the plate, or single cells."""
    columns = round(share * TOKEN_COLUMNS)
    hidden = np.zeros((TOKEN_ROWS, TOKEN_COLUMNS), bool)
    if rng.random() < 0.5:
        hidden[:, rng.choice(TOKEN_COLUMNS, columns, replace=False)] = True
    else:
        hidden.flat[rng.choice(TOKENS, columns * TOKEN_ROWS, replace=False)] = True
    return hidden.ravel()


class VisualData(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Sample `i`: a crop of a plate (3, 48, 128) uint8 and its hidden cells (48,) bool."""

    def __init__(self, crops: ReadingData, share: float) -> None:
        self.crops, self.share = crops, share

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = self.crops[i][0]
        return image, torch.from_numpy(hidden_cells(np.random.default_rng((self.crops.seed, i, 1)), self.share))


def cells_under(box: FloatArray) -> BoolArray:
    """The cells (48,) that a character covers; `box` (4,) in pixels of the crop."""
    left, top = np.arange(TOKEN_COLUMNS) * CELL_WIDTH, np.arange(TOKEN_ROWS) * CELL_HEIGHT
    wide = (np.minimum(box[2], left + CELL_WIDTH) - np.maximum(box[0], left)).clip(0)
    high = (np.minimum(box[3], top + CELL_HEIGHT) - np.maximum(box[1], top)).clip(0)
    covered: BoolArray = (high[:, None] * wide[None]).ravel() >= COVERS * CELL_HEIGHT * CELL_WIDTH
    return covered


class LanguageData(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]):
    """Sample `i`: a drawn plate (3, 48, 128) uint8, its hidden cells (48,), its slots (S,) and which of them are asked
    for (S,) bool: the hidden characters, at least one."""

    def __init__(self, crops: ReadingData, share: float) -> None:
        self.crops, self.share = crops, share

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng((self.crops.seed, i, 2))
        image, text, boxes = self.crops.flat(rng)
        count = max(1, rng.binomial(len(text), self.share))
        characters = rng.choice(len(text), count, replace=False)
        hidden, asked = np.zeros(TOKENS, bool), np.zeros(self.crops.slots, bool)
        for k in characters:
            hidden |= cells_under(boxes[k])
            asked[k] = True
        slots = torch.tensor(self.crops.alphabet.encode(text, self.crops.slots))
        return image, torch.from_numpy(hidden), slots, torch.from_numpy(asked)


def collate(batch: Sequence[tuple[torch.Tensor, ...]]) -> tuple[torch.Tensor, ...]:
    """The samples' tensors stacked one by one."""
    return tuple(torch.stack(parts) for parts in zip(*batch, strict=True))
