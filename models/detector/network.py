"""The detector's network after SCRFD (arXiv 2105.04714): plain 3x3 convolutions, a thin path-aggregation neck, and a
head with its own weights for each stride.

Departures from SCRFD, and why: no computation at stride 4 beyond one strided convolution (it is memory-bound on a CPU),
widths in multiples of 16 (one AVX-512 register), BatchNorm throughout (it folds into the convolutions), one anchor a
location, and the integral regression of Generalized Focal Loss (arXiv 2006.04388) switched on.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class DetectorSize:
    """Widths and depths. `blocks` counts the residual blocks at strides 8, 16 and 32."""

    stem: int = 16
    widths: tuple[int, int, int, int] = (32, 32, 48, 64)  # strides 4, 8, 16, 32
    blocks: tuple[int, int, int] = (2, 1, 1)
    neck: int = 32
    head: int = 32
    head_depth: int = 2
    reg_max: int = 16

    @property
    def channels(self) -> int:
        """Output channels at each location: quality score, four integral distributions, four corners."""
        return 1 + 4 * (self.reg_max + 1) + 8


SIZES = {
    "s": DetectorSize(),
    "m": DetectorSize(widths=(32, 64, 96, 128), blocks=(2, 2, 1), neck=48, head=64),
}


def conv(cin: int, cout: int, kernel: int = 3, stride: int = 1, relu: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(cout),
    ]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = conv(channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class Backbone(nn.Module):
    """(N, 3, H, W) -> features at strides 8, 16, 32."""

    def __init__(self, size: DetectorSize) -> None:
        super().__init__()
        w4, *wide = size.widths
        self.stem = nn.Sequential(conv(3, size.stem, stride=2), conv(size.stem, w4, stride=2))
        self.stages = nn.ModuleList()
        cin = w4
        for cout, depth in zip(wide, size.blocks, strict=True):
            self.stages.append(nn.Sequential(conv(cin, cout, stride=2), *(Residual(cout) for _ in range(depth))))
            cin = cout

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class Neck(nn.Module):
    """Path aggregation over three levels: top-down by nearest and add, bottom-up by strided convolution and add."""

    def __init__(self, size: DetectorSize) -> None:
        super().__init__()
        n = size.neck
        self.lateral = nn.ModuleList(conv(c, n, kernel=1) for c in size.widths[1:])
        self.smooth16 = conv(n, n)
        self.down = nn.ModuleList(conv(n, n, stride=2) for _ in range(2))
        self.out = nn.ModuleList(conv(n, n) for _ in range(2))

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        p8, p16, p32 = (lat(f) for lat, f in zip(self.lateral, features, strict=True))
        p16 = self.smooth16(p16 + F.interpolate(p32, scale_factor=2.0, mode="nearest"))
        p8 = p8 + F.interpolate(p16, scale_factor=2.0, mode="nearest")
        p16 = self.out[0](p16 + self.down[0](p8))
        p32 = self.out[1](p32 + self.down[1](p16))
        return [p8, p16, p32]


class Head(nn.Module):
    """The convolutions of one stride and their 1x1 predictions."""

    def __init__(self, size: DetectorSize) -> None:
        super().__init__()
        widths = [size.neck] + [size.head] * size.head_depth
        self.tower = nn.Sequential(*(conv(a, b) for a, b in itertools.pairwise(widths)))
        self.predict = nn.Conv2d(size.head, size.channels, 1)
        nn.init.normal_(self.predict.weight, std=0.01)
        prior = torch.zeros(size.channels)
        prior[0] = -4.595  # a prior of 0.01, so that background does not swamp the first steps
        self.predict.bias = nn.Parameter(prior)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.predict(self.tower(x))
        return out


class PlateDetector(nn.Module):
    """(N, 3, H, W) normalised BGR, H and W multiples of 32 -> three raw maps (N, 1 + 4 (reg_max + 1) + 8, H/s, W/s).

    Channel 0 is the quality logit, then the integral logits of left, top, right, bottom, then the corner offsets
    TL TR BR BL as x, y pairs. Distances and offsets are in units of the stride, from the location's centre.
    """

    def __init__(self, size: DetectorSize | None = None) -> None:
        super().__init__()
        self.size = size or DetectorSize()
        self.backbone = Backbone(self.size)
        self.neck = Neck(self.size)
        self.heads = nn.ModuleList(Head(self.size) for _ in STRIDES)
        for module in self.backbone.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        p8, p16, p32 = self.neck(self.backbone(image))
        return self.heads[0](p8), self.heads[1](p16), self.heads[2](p32)


def normalise(image_u8: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 BGR -> float32 as the network wants it."""
    return (image_u8.float() - MEAN) / SCALE


MEAN, SCALE = 127.5, 128.0
