"""A wider and deeper detector that starts by saying what a smaller one says (Net2Net, arXiv 1511.05641).

Each new channel is the copy of an old one, and what read the old one reads all its copies, each with a random share:
the sum is the same, while the shares differ so that training can tell the copies apart. A new residual block adds
nothing at first (its last BatchNorm scales by zero).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.detector.network import DetectorSize, PlateDetector


@dataclass(frozen=True)
class Copies:
    """`old` (n,) int64: the channel that each of n channels is a copy of; `share` (n,): its part of what is read."""

    old: Tensor
    share: Tensor


def grown(small: PlateDetector, size: DetectorSize, seed: int = 0) -> PlateDetector:
    """A detector of that size with the answers of `small`. ValueError where it would be narrower or shallower, or
    where the outputs differ."""
    _require_larger(small.size, size)
    generator = torch.Generator().manual_seed(seed)
    large = PlateDetector(size)
    with torch.no_grad():
        _grow(small, large, generator)
    return large


def _require_larger(small: DetectorSize, large: DetectorSize) -> None:
    pairs = [
        (small.stem, large.stem),
        *zip(small.widths, large.widths, strict=True),
        *zip(small.blocks, large.blocks, strict=True),
        (small.neck, large.neck),
        (small.head, large.head),
    ]
    if any(a > b for a, b in pairs) or small.head_depth != large.head_depth or small.reg_max != large.reg_max:
        raise ValueError(f"cannot grow {small} into {large}")


def _copies(old: int, new: int, generator: torch.Generator) -> Copies:
    extra = torch.randint(old, (new - old,), generator=generator)
    index = torch.cat([torch.arange(old), extra])
    part = 0.5 + torch.rand(new, generator=generator)
    return Copies(index, part / torch.zeros(old).index_add(0, index, part)[index])


def _grow(small: PlateDetector, large: PlateDetector, generator: torch.Generator) -> None:
    a, b = small.size, large.size
    every = Copies(torch.arange(3), torch.ones(3))
    stem = _copies(a.stem, b.stem, generator)
    w4, *wide = (_copies(x, y, generator) for x, y in zip(a.widths, b.widths, strict=True))
    _widen(small.backbone.stem[0], large.backbone.stem[0], every, stem)
    _widen(small.backbone.stem[1], large.backbone.stem[1], stem, w4)
    before = w4
    for old, new, copies in zip(small.backbone.stages, large.backbone.stages, wide, strict=True):
        _widen(old[0], new[0], before, copies)
        for k in range(1, len(new)):
            if k < len(old):
                inner = _copies(old[k].first[0].out_channels, new[k].first[0].out_channels, generator)
                _widen(old[k].first, new[k].first, copies, inner)
                _widen(old[k].second, new[k].second, inner, copies)
            else:
                nn.init.zeros_(new[k].second[1].weight)
        before = copies
    neck = _copies(a.neck, b.neck, generator)
    for old, new, copies in zip(small.neck.lateral, large.neck.lateral, wide, strict=True):
        _widen(old, new, copies, neck)
    for old, new in zip(
        (small.neck.smooth16, *small.neck.down, *small.neck.out),
        (large.neck.smooth16, *large.neck.down, *large.neck.out),
        strict=True,
    ):
        _widen(old, new, neck, neck)
    for old, new in zip(small.heads, large.heads, strict=True):
        before = neck
        for i in range(a.head_depth):
            copies = _copies(a.head, b.head, generator)
            _widen(old.tower[i], new.tower[i], before, copies)
            before = copies
        new.predict.weight.copy_(old.predict.weight[:, before.old] * before.share[:, None, None])
        new.predict.bias.copy_(old.predict.bias)


def _widen(old: nn.Sequential, new: nn.Sequential, read: Copies, written: Copies) -> None:
    """A convolution and its BatchNorm: `read` are the copies at its input, `written` those at its output."""
    new[0].weight.copy_(old[0].weight[written.old][:, read.old] * read.share[:, None, None])
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(new[1], name).copy_(getattr(old[1], name)[written.old])
