"""Hard cuts between the frames of a stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from streamer.tracking.cuts import Cuts
from streamer.types import Frame, Image

ROWS, COLUMNS = np.mgrid[0:180, 0:320].astype(float)
STREET = 40 + COLUMNS / 2 + 20 * np.sin(ROWS / 12)
STUDIO = 200 - 110 * np.hypot(ROWS - 90, COLUMNS - 160) / 183
BLACK = np.full((180, 320), 16.0)


def picture(grey: np.ndarray, noise: int = 0) -> Image:
    rng = np.random.default_rng(noise)
    spread = rng.normal(0, 6, grey.shape) if noise else 0.0
    return np.repeat(np.clip(grey + spread, 0, 255).astype(np.uint8)[..., None], 3, 2)


@pytest.mark.parametrize(
    ("greys", "expected"),
    [
        ([], []),
        ([STREET], [False]),
        ([STREET, STREET, STREET], [False, False, False]),
        ([STREET, STUDIO], [False, True]),
        ([STREET, STUDIO, STUDIO, STREET], [False, True, False, True]),
        ([STREET, STREET * 0.4 + 20], [False, False]),  # a cloud, or infrared light
        ([STREET, np.roll(STREET, 8, 1)], [False, False]),  # a moving camera
        ([STREET, BLACK, STREET], [False, False, False]),  # a fade
        ([STREET, BLACK, STUDIO], [False, False, True]),
        ([STREET, STUDIO[:, :240]], [False, False]),  # another size: tracks end there anyway
    ],
)
@pytest.mark.parametrize("noisy", [False, True])
def test_cuts(greys: Sequence[np.ndarray], expected: list[bool], noisy: bool) -> None:
    cuts = Cuts()
    found = []
    for k, grey in enumerate(greys):
        image = picture(grey, noise=k + 1 if noisy and grey is not BLACK else 0)
        found.append(cuts.at(Frame(k, k / 25, image.shape[1], image.shape[0], bgr=image)))
    assert found == expected


def test_a_frame_without_a_picture_is_no_cut() -> None:
    cuts = Cuts()
    assert [cuts.at(Frame(k, k / 25, 320, 180)) for k in range(3)] == [False] * 3
