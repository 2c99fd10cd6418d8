"""MaskOCR's two phases of pre-training (arXiv 2206.00311, section 3), around the reader's own encoder and decoder.

First the encoder learns from plates without labels what a hidden part of a plate looks like. Then, with the encoder
frozen, the decoder learns from drawn plates which character belongs to a hidden place. Departure: the stem is
convolutional, so what is hidden is filled with the picture's mean colour *before* the stem, and nothing leaks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.reader.network import (
    INPUT_HEIGHT,
    INPUT_WIDTH,
    TOKEN_COLUMNS,
    TOKEN_ROWS,
    Attention,
    EncoderBlock,
    FeedForward,
    PlateReaderNet,
    ReaderSize,
)

TOKENS = TOKEN_ROWS * TOKEN_COLUMNS
CELL_HEIGHT, CELL_WIDTH = INPUT_HEIGHT // TOKEN_ROWS, INPUT_WIDTH // TOKEN_COLUMNS  # px of one token


def filled(image: Tensor, hidden: Tensor) -> Tensor:
    """Images (N, 3, 48, 128) whose hidden cells (N, 48) bool have the mean colour of their picture."""
    mask: Tensor = hidden.unflatten(1, (1, TOKEN_ROWS, TOKEN_COLUMNS)).to(image.dtype)
    mask = mask.repeat_interleave(CELL_HEIGHT, 2).repeat_interleave(CELL_WIDTH, 3)
    return image * (1 - mask) + image.mean((2, 3), keepdim=True) * mask


def cells_of(image: Tensor) -> Tensor:
    """(N, 3, 48, 128) -> the pixels of each cell (N, 48, 384), normalised to mean 0 and deviation 1 a cell."""
    x: Tensor = image.unflatten(3, (TOKEN_COLUMNS, CELL_WIDTH)).unflatten(2, (TOKEN_ROWS, CELL_HEIGHT))
    x = x.permute(0, 2, 4, 1, 3, 5).flatten(1, 2).flatten(2)
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + 1e-4).sqrt()


def chosen(tokens: Tensor, where: Tensor) -> Tensor:
    """Tokens (N, 48, D) at `where` (N, 48) bool, as many in each row: (N, K, D)."""
    rows: Tensor = tokens[where].unflatten(0, (len(where), -1))
    return rows


class CrossBlock(nn.Module):
    """Pre-norm cross-attention to the visible tokens, feed-forward."""

    def __init__(self, size: ReaderSize) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(size.width), nn.LayerNorm(size.width)
        self.cross = Attention(size.width, size.heads)
        self.ffn = FeedForward(size.width, size.ffn)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        query = query + self.cross(self.norm1(query), memory)
        out: Tensor = query + self.ffn(self.norm2(query))
        return out


class MaskedPlates(nn.Module):
    """Phase 1: the latent contextual regressor predicts the tokens of the hidden cells from the visible ones, and a
    light decoder turns those into pixels."""

    def __init__(self, reader: PlateReaderNet) -> None:
        super().__init__()
        size = reader.size
        self.reader = reader
        self.mask_query = nn.Parameter(torch.randn(1, 1, size.width) * 0.02)
        self.regressor = nn.ModuleList(CrossBlock(size) for _ in range(2))
        self.decoder = nn.ModuleList(EncoderBlock(size) for _ in range(2))
        self.pixels = nn.Linear(size.width, 3 * CELL_HEIGHT * CELL_WIDTH)

    def forward(self, image: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images and `hidden` (N, 48) bool, as many in each row -> predicted pixels (N, K, 384), predicted tokens
        (N, K, D), and the tokens (N, K, D) that the encoder itself sees there."""
        encoder = self.reader.encoder
        visible = chosen(encoder(filled(image, hidden)), ~hidden)
        position = encoder.position.expand(len(image), -1, -1)
        latent = self.mask_query + chosen(position, hidden)
        for block in self.regressor:
            latent = block(latent, visible)
        with torch.no_grad():
            target = chosen(encoder(filled(image, ~hidden)), hidden)
        x = latent
        for block in self.decoder:
            x = block(x)
        return self.pixels(x), latent, target


def masked_image_loss(
    outputs: tuple[Tensor, Tensor, Tensor], image: Tensor, hidden: Tensor, latent_weight: float = 0.05
) -> dict[str, Tensor]:
    """Mean squared error of the hidden pixels, and of their tokens with a small weight."""
    pixels, latent, target = outputs
    losses = {
        "pixels": F.mse_loss(pixels.float(), chosen(cells_of(image), hidden)),
        "latent": F.mse_loss(latent.float(), target.float()),
    }
    losses["total"] = losses["pixels"] + latent_weight * losses["latent"]
    return losses


class MaskedCharacters(nn.Module):
    """Phase 2: the decoder reads plates some of whose characters are hidden. The encoder is frozen, so that drawn
    plates don't spoil what it learned from real ones; at hidden places the decoder sees zeros and the position."""

    def __init__(self, reader: PlateReaderNet) -> None:
        super().__init__()
        self.reader = reader
        for parameter in reader.encoder.parameters():
            parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> MaskedCharacters:
        super().train(mode)
        self.reader.encoder.eval()
        return self

    def forward(self, image: Tensor, hidden: Tensor) -> Tensor:
        """Images and `hidden` (N, 48) bool -> logits (N, slots, classes)."""
        encoder = self.reader.encoder
        tokens = encoder(filled(image, hidden))
        logits: Tensor = self.reader.decode(torch.where(hidden[..., None], encoder.position, tokens))[0]
        return logits


def masked_character_loss(logits: Tensor, slots: Tensor, asked: Tensor) -> dict[str, Tensor]:
    """Cross-entropy over the hidden characters alone: logits (N, S, C), slots (N, S) int64, asked (N, S) bool."""
    return {"total": F.cross_entropy(logits[asked].float(), slots[asked])}
