"""How large a camera's pictures are for the detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from streamkit import BLUE, GREEN, RED, FakeDetector, FakeReader, drive, scene, write_video

from streamer import run_stream
from streamer.config.models import RunConfig
from streamer.engine.detector import Detector
from streamer.pipeline.input_size import InputSize, Resizes
from streamer.pipeline.status import Streams
from streamer.source.file import VideoSource
from streamer.source.paced import PacedSource
from streamer.types import Frame, Plates


@pytest.mark.parametrize(
    ("widths", "side"),
    [
        ([], 640),
        ([200.0] * 11, 640),  # too few to tell
        ([200.0] * 12, 480),
        ([96.0] * 12, 480),
        ([95.0] * 12, 640),
        ([20.0] + [200.0] * 11, 480),  # one of twelve
        ([20.0] * 2 + [200.0] * 11, 960),
        ([29.0] * 12, 960),
        ([30.0] * 12, 640),
        ([200.0] * 12 + [80.0] * 40, 480),  # hysteresis
        ([200.0] * 12 + [71.0] * 40, 640),
        ([20.0] * 12 + [39.0] * 40, 960),
        ([20.0] * 12 + [40.0] * 40, 640),
        ([20.0] * 12 + [200.0] * 40, 480),
        ([200.0] * 12 + [20.0] * 40, 960),
    ],
)
def test_its_plates_decide(widths: Sequence[float], side: int) -> None:
    size = InputSize(640, True)
    for k, width in enumerate(widths):
        size.seen(width, float(k))
    assert size.side(100.0) == side


@pytest.mark.parametrize("named", [480, 640, 960, 1280])
def test_a_named_size_stays(named: int) -> None:
    size = InputSize(named, False)
    for k in range(50):
        size.seen(300.0, float(k))
    assert {size.side(60.0 * k) for k in range(200)} == {named}


@pytest.mark.parametrize(("named", "smaller"), [(480, 480), (640, 480), (960, 640), (1280, 960)])
def test_the_ladder_makes_it_smaller(named: int, smaller: int) -> None:
    assert InputSize(named, False).side(0.0, smaller=True) == smaller


def test_small_plates_are_looked_for_in_each_hour() -> None:
    size = InputSize(640, True)
    for k in range(12):
        size.seen(200.0, 10.0 * k)
    sides = [size.side(110.0 + s) for s in range(7200)]
    assert sides.count(640) == 600
    assert sides[:3300] == [480] * 3300


class Sized(FakeDetector):
    """One whose input has a size, and which notes it."""

    def __init__(self, chooses: bool) -> None:
        super().__init__()
        self.chooses, self.side, self.sides = chooses, 640, list[int]()

    def another(self) -> Sized:
        return self

    def detect(self, frame: Frame) -> Plates:
        self.sides.append(self.side)
        return super().detect(frame)


@pytest.mark.parametrize(("chooses", "sides"), [(True, [640, 480]), (False, [640])])
def test_a_camera_of_wide_plates(tmp_path: Path, chooses: bool, sides: list[int]) -> None:
    detector = Sized(chooses)
    assert isinstance(detector, Resizes)
    empty = [scene(320, 180)] * 20
    passes = [[*drive(frames=12, colour=(BLUE, RED, GREEN)[k % 3]), *empty] for k in range(16)]
    write_video(tmp_path / "a.mp4", [picture for one in passes for picture in one])
    streams = Streams()
    settings = {"overload": "drop", "live": {"sleep": "never"}, "vote": {"rejoin_s": 0}, "track": {"max_gap_s": 0.3}}
    config = RunConfig.model_validate(settings)
    source = PacedSource(VideoSource(tmp_path / "a.mp4"), speed=5.0)
    summary = run_stream(source, [], config, detector=detector, reader=FakeReader(), streams=streams)
    assert summary.passages >= 12
    assert list(dict.fromkeys(detector.sides)) == sides
    health = streams.watched[0].health
    assert health is not None
    assert health.input_px == sides[-1]


@pytest.mark.parametrize(("model", "side", "chooses"), [("", 640, False), ("@960", 960, False), ("@auto", 640, True)])
def test_of_the_detector(model: str, side: int, chooses: bool) -> None:
    detector = Detector(f"plate-detector-s{model}")
    assert (detector.side, detector.chooses) == (side, chooses)
    other = detector.another()
    other.side = 480
    assert (other.input, detector.side) == ((480, 288), side)
