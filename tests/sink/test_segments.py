"""The video of a camera in segments: every frame is in one of them, and nothing that is there is written over."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import pytest
from streamkit import BLUE, scene

from streamer.config.models import VideoConfig
from streamer.errors import ConfigError
from streamer.sink.segments import SegmentedVideoSink
from streamer.source.source import StreamInfo
from streamer.types import Frame, Plates

SIZE = 64, 48
INFO = StreamInfo("rtsp://camera/1", *SIZE, rate=Fraction(25), live=True)
NOON = datetime(2026, 1, 31, 12)


def feed(sink: SegmentedVideoSink, frames: int, begin: float = 100.0, info: StreamInfo = INFO) -> None:
    sink.begin(info)
    for k in range(frames):
        sink.frame(
            Frame(k, begin + k / 25, *SIZE, bgr=scene(*SIZE, (k % 20, 4, BLUE), size=(10, 10))), Plates.empty(), []
        )
    sink.close()


def counts(folder: Path) -> dict[str, int]:
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with av.open(str(path)) as container:
            times = [float(frame.time or 0) for frame in container.decode(video=0)]
        assert times[0] == pytest.approx(0, abs=0.05)  # each begins at its own beginning
        found[path.relative_to(folder).as_posix()] = len(times)
    return found


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_after_so_many_seconds_the_next_file_begins(tmp_path: Path, suffix: str) -> None:
    feed(SegmentedVideoSink(tmp_path / f"a.{suffix}", VideoConfig(segment_s=1), camera="gate"), 60)
    assert counts(tmp_path) == {f"a.{suffix}": 25, f"a-2.{suffix}": 25, f"a-3.{suffix}": 10}


def test_after_so_many_bytes_the_next_file_begins(tmp_path: Path) -> None:
    feed(SegmentedVideoSink(tmp_path / "a.mp4", VideoConfig(segment_mb=0.001), camera="gate"), 80)
    found = counts(tmp_path)
    assert len(found) >= 2
    assert sum(found.values()) == 80


def test_a_restart_and_another_hour_have_files_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "{camera}/{date}/{hour}.mp4"
    times = iter([NOON + timedelta(minutes=20 * k) for k in range(99)])
    feed(SegmentedVideoSink(path, camera="../Gate 1", clock=lambda: next(times)), 80)
    feed(SegmentedVideoSink(path, camera="../Gate 1", clock=lambda: NOON), 3)
    found = counts(tmp_path)
    assert sum(found.values()) == 83
    day = "Gate_1-c62451f2/2026-01-31"
    assert {f"{day}/12.mp4", f"{day}/12-2.mp4", f"{day}/13.mp4"} <= set(found)


def test_cameras_whose_names_fill_in_alike_share_no_file(tmp_path: Path) -> None:
    sinks = [SegmentedVideoSink(tmp_path, camera=name) for name in ("Gate/1", "Gate_1")]
    for frames, sink in enumerate(sinks, 2):
        feed(sink, frames)
    assert counts(tmp_path) == {"Gate_1-0fa37aac.mp4": 2, "Gate_1.mp4": 3}


def test_a_recording_is_one_file_however_long(tmp_path: Path) -> None:
    info = StreamInfo("a.mp4", *SIZE, rate=Fraction(25))
    sink = SegmentedVideoSink(tmp_path / "out/{stream}", VideoConfig(segment_s=0.1), keep=False)
    feed(sink, 10, 0.0, info)
    assert counts(tmp_path / "out") == {"a.mp4/a.mp4.mp4": 10}


def test_a_camera_that_never_came_leaves_no_file(tmp_path: Path) -> None:
    SegmentedVideoSink(tmp_path / "a.mp4", camera="gate").close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["{plate}.mp4", "{camera.mp4", "a.avi"])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        SegmentedVideoSink(tmp_path / name, camera="gate")
