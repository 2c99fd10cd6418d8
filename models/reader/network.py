"""The reader's network after MaskOCR (arXiv 2206.00311): a transformer encoder over image tokens, then character
queries that read all places in one pass, without autoregression.

Departures, and why: a convolutional stem in place of a linear patch embedding (it learns from little data at the same
cost) and a 3x16 grid of tokens in place of full-height strips (a strip would put both characters of a two-row plate
into one token).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INPUT_HEIGHT, INPUT_WIDTH = 48, 128
TOKEN_ROWS, TOKEN_COLUMNS = 3, 16
COLOURS = ("blue", "green", "yellow", "white", "black")
REGIONS = ("china", "europe", "north-america", "latin-america", "asia", "africa")
KIND = len(COLOURS), 2, len(REGIONS)  # outputs beside the text: colour, number of rows, region


@dataclass(frozen=True)
class ReaderSize:
    """Widths and depths. `slots` is the longest text plus its EOS. `across`: tokens across the picture, 16 of 8 px or
    32 of 4 px. `steps`: columns that the CTC head reads in each token. `attention` False: the tokens are mixed by
    residual 3x3 convolutions in place of transformer blocks (a baseline)."""

    stem: tuple[int, int, int] = (32, 64, 96)
    width: int = 160
    heads: int = 5
    layers: int = 4
    decoder_layers: int = 1
    ffn: int = 640
    slots: int = 16
    across: int = TOKEN_COLUMNS
    steps: int = 2
    attention: bool = True
    dropout: float = 0.0


def conv(cin: int, cout: int, stride: int | tuple[int, int] = 1, relu: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = conv(channels, channels), conv(channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class Attention(nn.Module):
    """Multi-head attention, queries (N, Q, D) over memory (N, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        q = self.q(query).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.kv(memory).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        out = F.scaled_dot_product_attention(q, k, v)
        mixed: Tensor = self.out(out.transpose(1, 2).flatten(2))
        return mixed


class FeedForward(nn.Sequential):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class EncoderBlock(nn.Module):
    """Pre-norm self-attention and feed-forward."""

    def __init__(self, size: ReaderSize) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(size.width), nn.LayerNorm(size.width)
        self.attention = Attention(size.width, size.heads)
        self.ffn = FeedForward(size.width, size.ffn)
        self.drop = nn.Dropout(size.dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.drop(self.attention(y, y))
        out: Tensor = x + self.drop(self.ffn(self.norm2(x)))
        return out


class DecoderBlock(nn.Module):
    """Pre-norm self-attention among the queries, cross-attention to the tokens, feed-forward."""

    def __init__(self, size: ReaderSize) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(size.width) for _ in range(3))
        self.attention = Attention(size.width, size.heads)
        self.cross = Attention(size.width, size.heads)
        self.ffn = FeedForward(size.width, size.ffn)
        self.drop = nn.Dropout(size.dropout)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        y = self.norm1(query)
        query = query + self.drop(self.attention(y, y))
        query = query + self.drop(self.cross(self.norm2(query), memory))
        out: Tensor = query + self.drop(self.ffn(self.norm3(query)))
        return out


class ConvBlock(nn.Module):
    """A residual block of convolutions over the grid of tokens (N, 48, D)."""

    def __init__(self, size: ReaderSize) -> None:
        super().__init__()
        self.mix = Residual(size.width)
        self.across = size.across

    def forward(self, x: Tensor) -> Tensor:
        grid = x.transpose(1, 2).unflatten(2, (TOKEN_ROWS, self.across))
        mixed: Tensor = self.mix(grid).flatten(2).transpose(1, 2)
        return mixed


class PlateEncoder(nn.Module):
    """(N, 3, 48, 128) normalised BGR -> tokens (N, 3 * across, D), row by row."""

    def __init__(self, size: ReaderSize) -> None:
        super().__init__()
        a, b, c = size.stem
        self.stem = nn.Sequential(
            conv(3, a, stride=2), conv(a, a), conv(a, b, stride=2), Residual(b), conv(b, c, stride=(2, 1))
        )
        if size.across == TOKEN_COLUMNS:
            self.tokens = nn.Conv2d(c, size.width, 2, 2)
        else:
            self.tokens = nn.Conv2d(c, size.width, (2, 3), (2, 1), (0, 1))
        self.position = nn.Parameter(torch.randn(1, TOKEN_ROWS * size.across, size.width) * 0.02)
        block = EncoderBlock if size.attention else ConvBlock
        self.blocks = nn.ModuleList(block(size) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width)

    def forward(self, image: Tensor) -> Tensor:
        x = self.tokens(self.stem(image)).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            x = block(x)
        tokens: Tensor = self.norm(x)
        return tokens


class ReaderNet(nn.Module):
    """What a reader's network says of itself, for its export and the run time. Training calls `forward_training`.

    `decoded_by`: the decoder of the run time that fits the outputs of `forward` (streamer.engine.decoders.DECODERS).
    `transformer`: whether INT8 treats it as one. `slots`: the longest text plus its EOS."""

    decoded_by: ClassVar[str]
    transformer: ClassVar[bool]
    slots: int = ReaderSize.slots

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in ("decoded_by", "transformer"):
            if not hasattr(cls, name):
                raise TypeError(f"{cls.__module__}.{cls.__name__} has no {name}: set it in the class (see ReaderNet)")

    def forward_training(self, image: Tensor) -> tuple[tuple[Tensor | None, Tensor, Tensor, Tensor], Tensor, Tensor]:
        """What the loss takes: logits of the queries (None without them), colour, rows and region, then the CTC logits
        of one row and of two."""
        raise NotImplementedError


class PlateReaderNet(ReaderNet):
    """(N, 3, 48, 128) normalised BGR -> logits (N, slots, classes), colour (N, 5), rows (N, 2), region (N, 6), and CTC
    logits of the tokens read as one row (N, 32, classes + 1) and as two (N, 96, classes + 1), blank last.

    The place i of the text is read by query i; places after the text say EOS, and a picture without a text says EOS
    everywhere. One more query predicts the kind of plate. Queries see the whole plate but may lose count; the CTC
    head is tied to places in the picture and keeps the order: the run time weighs one against the other.
    """

    decoded_by, transformer = "slots+columns", True

    def __init__(self, classes: int, size: ReaderSize | None = None) -> None:
        super().__init__()
        self.size = size or ReaderSize()
        self.slots = self.size.slots
        d = self.size.width
        self.encoder = PlateEncoder(self.size)
        self.queries = nn.Parameter(torch.randn(1, self.size.slots + 1, d) * 0.02)
        self.decoder = nn.ModuleList(DecoderBlock(self.size) for _ in range(self.size.decoder_layers))
        self.norm = nn.LayerNorm(d)
        self.classify = nn.Linear(d, classes)
        self.kind = nn.Linear(d, sum(KIND))
        self.ctc = nn.Linear(d, self.size.steps * (classes + 1))  # the last class is CTC's blank

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        tokens = self.encoder(image)
        return *self.decode(tokens), *self.columns(tokens)

    def decode(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        query = self.queries.expand(tokens.shape[0], -1, -1)
        for block in self.decoder:
            query = block(query, tokens)
        query = self.norm(query)
        colour, rows, region = self.kind(query[:, -1]).split(KIND, -1)
        return self.classify(query[:, :-1]), colour, rows, region

    def columns(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """CTC logits for one row of text and for two."""
        grid = tokens.unflatten(1, (TOKEN_ROWS, self.size.across))
        one, two = self.ctc(grid.mean(1)), self.ctc(tokens)
        return self._stepped(one), self._stepped(two)

    def _stepped(self, logits: Tensor) -> Tensor:
        """(N, T, steps * classes) -> (N, T * steps, classes)."""
        stepped: Tensor = logits.unflatten(2, (self.size.steps, -1)).flatten(1, 2)
        return stepped

    def forward_training(self, image: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor, Tensor]:
        """The outputs of `forward`: of the queries, then the CTC logits of one row and of two."""
        # Through the call, so that a compiled network is what runs.
        characters, colour, rows, region, one, two = self(image)
        return (characters, colour, rows, region), one, two
