"""The refiner's network: a few plain convolutions on a rectified cut, then one look at the whole of it.

The detector answers for a plate from one location of a shrunk picture. The refiner sees the same plate cut from the
full picture, straightened by the detector's own corners and with a wide margin, and predicts how far those corners are
off and how well the result will fit. Cascades are old in detection (MTCNN, arXiv 1604.02878); here the second stage
costs a thirtieth of the first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.detector.network import Residual, conv

HEIGHT, WIDTH = 48, 96  # of the cut
OUTPUTS = 9  # quality logit, then TL TR BR BL as x, y pairs


class PlateRefinerNet(nn.Module):
    """(N, 3, 48, 96) normalised BGR -> (N, 9): a quality logit and the corners' shifts from where the detector put
    them, in heights of the plate in the cut (`streamer.engine.refiner.PLATE_HEIGHT` px)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 16, stride=2),
            conv(16, 32, stride=2),
            Residual(32),
            conv(32, 64, stride=2),
            Residual(64),
            conv(64, 96, stride=2),
        )
        self.look = nn.Sequential(nn.Flatten(), nn.Linear(96 * (HEIGHT // 16) * (WIDTH // 16), 128), nn.ReLU())
        self.predict = nn.Linear(128, OUTPUTS)
        for module in self.features.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.predict.weight, std=0.01)
        nn.init.zeros_(self.predict.bias)

    def forward(self, cut: Tensor) -> Tensor:
        out: Tensor = self.predict(self.look(self.features(cut)))
        return out


def split(out: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs (N, 9) -> quality logits (N,), shifts (N, 4, 2)."""
    return out[:, 0], out[:, 1:].unflatten(-1, (4, 2))


def nominal_corners(along: float, across: float) -> Tensor:
    """Where the detector's corners lie in the cut, px (4, 2), for margins as shares of the plate's width and height."""
    unit = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    margin = torch.tensor([along, across])
    return (unit + margin) / (1 + 2 * margin) * torch.tensor([float(WIDTH), float(HEIGHT)])
