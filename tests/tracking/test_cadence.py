"""Which frames the detector sees."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.tracking.cadence import MOVING, READING, SETTLED, STILL, Cadence, TracksState
from streamer.types import Frame, Image


def frame(index: int, picture: Image, rate: float = 25.0) -> Frame:
    return Frame(index, index / rate, picture.shape[1], picture.shape[0], bgr=picture)


def street(index: int, moving: bool) -> Image:
    """Noise, and a vehicle that drives where `moving`."""
    picture = np.random.default_rng(index).integers(100, 108, (360, 640, 3), np.uint8)
    x = 40 + 6 * index if moving else 40
    picture[100:220, x : x + 160] = 200
    return picture


def detector_runs(tracks: TracksState, moving: bool, count: int = 61, rate: float = 25.0) -> int:
    cadence = Cadence()
    return sum(cadence.wants(frame(i, street(i, moving), rate), tracks) for i in range(count))


@pytest.mark.parametrize(
    ("tracks", "moving", "every"),
    [("none", False, STILL), ("none", True, MOVING), ("unsettled", False, READING), ("unsettled", True, READING),
     ("settled", True, SETTLED)],
)  # fmt: skip
def test_how_often(tracks: TracksState, moving: bool, every: int) -> None:
    assert detector_runs(tracks, moving) == 60 // every + 1


def test_a_slow_camera_is_seen_whole() -> None:
    assert detector_runs("settled", True, 21, rate=4.0) == 21


def test_the_first_frame_and_one_of_another_size_run_the_detector() -> None:
    cadence = Cadence()
    assert cadence.wants(frame(0, street(0, False)), "none")
    assert not cadence.wants(frame(1, street(1, False)), "none")
    assert cadence.wants(frame(2, np.full((100, 100, 3), 9, np.uint8)), "none")


def test_a_vehicle_that_comes_is_seen_within_two_frames() -> None:
    cadence = Cadence()
    looked = [cadence.wants(frame(i, street(0 if i < 10 else i, i >= 10)), "none") for i in range(14)]
    assert any(looked[10:12])
