"""Shrinking: every pixel of the picture counts about alike, whatever the ratio."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.image.warp import resize


def weights(width: int, net_width: int) -> np.ndarray:
    """What each column of a picture adds to the shrunk one, 1 where all count alike."""
    one_each = np.zeros((width, 2, width), np.uint8)  # a picture a column, as channels would be too many
    for k in range(width):
        one_each[k, :, k] = 255
    sums = [resize(picture, net_width, 2).astype(float)[0].sum() / 255 for picture in one_each]
    return np.array(sums) * width / net_width


@pytest.mark.parametrize(
    ("width", "net_width"),
    [(180, 96), (192, 64), (128, 64), (100, 64), (127, 64), (230, 64), (256, 64), (96, 64), (70, 64), (64, 64)],
)
def test_no_column_is_lost(width: int, net_width: int) -> None:
    found = weights(width, net_width)[2:-2]
    assert found.min() > 0.4
    assert found.max() < 1.6


def test_growing_is_smooth() -> None:
    ramp = np.tile(np.linspace(0, 200, 20).astype(np.uint8), (4, 1))
    grown = resize(ramp, 40, 8).astype(int)
    assert grown.shape == (8, 40)
    assert (np.diff(grown[0]) >= 0).all()
