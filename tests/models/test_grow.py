"""A grown detector says what the smaller one says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from netkit import shaken

from models.detector.grow import grown
from models.detector.network import SIZES, DetectorSize, PlateDetector

SMALL = SIZES["s"]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "size",
    [
        SIZES["s"],
        SIZES["m"],
        replace(SMALL, stem=32),
        replace(SMALL, widths=(48, 64, 64, 64)),
        replace(SMALL, blocks=(2, 3, 2)),
        replace(SMALL, neck=48),
        replace(SMALL, head=80),
    ],
)
def test_the_answers_stay(size: DetectorSize, training: bool) -> None:
    small = shaken(lambda: PlateDetector(SMALL))
    large = grown(small, size)
    assert large.size == size
    picture = torch.randn(2, 3, 96, 128)
    with torch.no_grad():
        old, new = small.train(training)(picture), large.train(training)(picture)
    for a, b in zip(old, new, strict=True):
        torch.testing.assert_close(b, a, atol=1e-3 * float(a.abs().max()), rtol=0)


def test_copies_are_told_apart_by_training() -> None:
    small = shaken(lambda: PlateDetector(SMALL))
    large = grown(small, replace(SMALL, head=64))
    picture = torch.randn(1, 3, 96, 128)
    sum(level.square().mean() for level in large(picture)).backward()
    gradient = large.heads[0].tower[1][0].weight.grad
    assert len(torch.unique(gradient.flatten(1), dim=0)) == 64


@pytest.mark.parametrize(
    "size",
    [
        replace(SMALL, stem=8),
        replace(SMALL, widths=(32, 32, 32, 64)),
        replace(SMALL, blocks=(1, 1, 1)),
        replace(SMALL, head_depth=1),
        replace(SMALL, reg_max=8),
    ],
)
def test_it_does_not_shrink(size: DetectorSize) -> None:
    with pytest.raises(ValueError, match="cannot grow"):
        grown(shaken(lambda: PlateDetector(SMALL)), size)
