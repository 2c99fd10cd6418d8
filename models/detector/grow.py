"""A wider and deeper detector that starts with the outputs of a smaller one (Net2Net, arXiv 1511.05641).

Each new channel is the copy of an old one, and what read the old one reads all its copies, each with a random share:
the sum is the same, while the shares differ so that training can separate the copies. A new residual block adds
nothing at first (its last BatchNorm scales by zero).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from models.detector.network import DetectorSize, Head, PlateDetector, Residual

M = TypeVar("M", bound=nn.Module)


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
    first, second = zip(_all(small.backbone.stem, nn.Sequential), _all(large.backbone.stem, nn.Sequential), strict=True)
    _widen(*first, every, stem)
    _widen(*second, stem, w4)
    before = w4
    for old_stage, new_stage, copies in zip(
        _all(small.backbone.stages, nn.Sequential), _all(large.backbone.stages, nn.Sequential), wide, strict=True
    ):
        (old, *_), (new, *_) = _all(list(old_stage)[:1], nn.Sequential), _all(list(new_stage)[:1], nn.Sequential)
        _widen(old, new, before, copies)
        old_blocks, new_blocks = _all(list(old_stage)[1:], Residual), _all(list(new_stage)[1:], Residual)
        for old_block, new_block in zip(old_blocks, new_blocks, strict=False):
            there, here = _parts(old_block.first)[0], _parts(new_block.first)[0]
            inner = _copies(there.out_channels, here.out_channels, generator)
            _widen(old_block.first, new_block.first, copies, inner)
            _widen(old_block.second, new_block.second, inner, copies)
        for block in new_blocks[len(old_blocks) :]:
            nn.init.zeros_(_parts(block.second)[1].weight)
        before = copies
    neck = _copies(a.neck, b.neck, generator)
    for old, new, copies in zip(
        _all(small.neck.lateral, nn.Sequential), _all(large.neck.lateral, nn.Sequential), wide, strict=True
    ):
        _widen(old, new, copies, neck)
    for old, new in zip(
        _all((small.neck.smooth16, *small.neck.down, *small.neck.out), nn.Sequential),
        _all((large.neck.smooth16, *large.neck.down, *large.neck.out), nn.Sequential),
        strict=True,
    ):
        _widen(old, new, neck, neck)
    for old_head, new_head in zip(_all(small.heads, Head), _all(large.heads, Head), strict=True):
        before = neck
        for old, new in zip(_all(old_head.tower, nn.Sequential), _all(new_head.tower, nn.Sequential), strict=True):
            copies = _copies(a.head, b.head, generator)
            _widen(old, new, before, copies)
            before = copies
        there, here = old_head.predict, new_head.predict
        here.weight.copy_(there.weight[:, before.old] * before.share[:, None, None])
        assert here.bias is not None
        assert there.bias is not None
        here.bias.copy_(there.bias)


def _widen(old: nn.Sequential, new: nn.Sequential, read: Copies, written: Copies) -> None:
    """A convolution and its BatchNorm: `read` are the copies at its input, `written` those at its output."""
    (there, old_norm), (here, new_norm) = _parts(old), _parts(new)
    here.weight.copy_(there.weight[written.old][:, read.old] * read.share[:, None, None])
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(new_norm, name).copy_(getattr(old_norm, name)[written.old])


def _parts(block: nn.Sequential) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """The convolution of a block and its BatchNorm."""
    convolution, norm, *_ = block
    return _all([convolution], nn.Conv2d)[0], _all([norm], nn.BatchNorm2d)[0]


def _all(modules: Iterable[nn.Module], kind: type[M]) -> list[M]:
    """The modules as what they are: containers of PyTorch do not know the type of what they hold."""
    found = []
    for module in modules:
        if not isinstance(module, kind):
            raise TypeError(f"{type(module).__name__}: expected a {kind.__name__}")
        found.append(module)
    return found
