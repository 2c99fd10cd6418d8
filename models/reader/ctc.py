"""A baseline: a reader of convolutions alone that reads column by column, with CTC (Graves et al. 2006), in the manner
of CRNN (arXiv 1507.05717) and LPRNet (arXiv 1806.10447), at the cost of the reader after MaskOCR (133 and 131 MMACs).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.reader.network import KIND, ReaderNet, Residual, conv


class CtcReaderNet(ReaderNet):
    """(N, 3, 48, 128) normalised BGR -> CTC logits read as one row (N, 32, C + 1) and as two (N, 64, C + 1), blank
    last, colour (N, 5), rows (N, 2), region (N, 6)."""

    decoded_by, transformer = "ctc", False

    def __init__(self, classes: int, widths: tuple[int, int, int, int] = (32, 64, 96, 128)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.features = nn.Sequential(
            conv(3, a, stride=2),
            conv(a, a),
            conv(a, b, stride=2),
            Residual(b),
            conv(b, c, stride=(2, 1)),
            Residual(c),
            conv(c, d, stride=(2, 1)),
            Residual(d),
        )
        self.classify = nn.Linear(d, classes + 1)
        self.kind = nn.Linear(d, sum(KIND))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        x = self.features(image)  # (N, d, 3, 32): twice the columns of the reader's tokens, for CTC's blanks
        grid = x.permute(0, 2, 3, 1)
        one = self.classify(grid.mean(1))
        # The middle row of the map belongs to both rows of text.
        two = self.classify(torch.stack([grid[:, :2].mean(1), grid[:, 1:].mean(1)], 1).flatten(1, 2))
        colour, rows, region = self.kind(x.mean((2, 3))).split(KIND, -1)
        return one, two, colour, rows, region

    def forward_training(self, image: Tensor) -> tuple[tuple[None, Tensor, Tensor, Tensor], Tensor, Tensor]:
        """In the shape of the reader's: no character queries, colour, rows and region, then both CTC logits."""
        one, two, *kind = self(image)
        return (None, *kind), one, two
