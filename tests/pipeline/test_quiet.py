"""When a camera may sleep and what wakes it up."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from streamkit import BLUE, FakeDetector, FakeReader, drive, plates_of, scene, write_video

from streamer import run_stream
from streamer.config.models import RunConfig
from streamer.pipeline.quiet import Quiet
from streamer.pipeline.status import Streams
from streamer.sink.sink import BaseSink
from streamer.source.file import VideoSource
from streamer.source.health import Health
from streamer.source.paced import PacedSource
from streamer.source.packet_activity import PacketActivity
from streamer.source.sleeper import CameraFrame, Sleeper
from streamer.types import Frame, Passage, Plates, YuvPlanes

BOX = (100.0, 100.0, 150.0, 116.0)
AFTER_S = 4.0


def picture(value: int = 110, car: tuple[int, int] | None = None, seed: int = 0) -> YuvPlanes:
    y = np.random.default_rng(seed).normal(value, 2, (360, 640)).clip(0, 255).astype(np.uint8)
    if car is not None:
        y[car[1] : car[1] + 80, car[0] : car[0] + 120] = 30
    return YuvPlanes(y, np.full((180, 320), 128, np.uint8), np.full((180, 320), 128, np.uint8), "bt709", False)


class Watched:
    """A camera as its thread sees it: `awake` and `glimpse` at a second, with what the detector would find."""

    def __init__(self) -> None:
        self.found = Plates.empty()
        self.looks = 0
        self.sleeper = Sleeper(Health(), PacketActivity(), lambda: 8)
        self.quiet = Quiet(AFTER_S, 0.5, self._find)
        self.number = 0

    def _find(self, frame: Frame) -> Plates:
        self.looks += 1
        return self.found

    def frame(self, pts: float, planes: YuvPlanes, *, glimpse: bool = False, late: bool = False) -> CameraFrame:
        self.number += 1
        return CameraFrame(
            self.number, pts, 640, 360, planes=planes, glimpse=glimpse, late=late, number=self.number
        )  # fmt: skip

    def awake(
        self,
        seconds: Sequence[float],
        boxes: Sequence[tuple[float, ...]] = (),
        *,
        late: bool = False,
        tracks: bool = True,
    ) -> None:
        for k, pts in enumerate(seconds):
            frame = self.frame(pts, picture(seed=k), late=late)
            followed = [np.array(b) for b in boxes] if tracks else []
            self.quiet.seen(frame, plates_of(boxes), followed, self.sleeper)

    def asleep(self) -> None:
        self.awake(np.arange(0, 6, 0.2))
        assert self.sleeper.may_sleep
        self.sleeper.fall_asleep()

    def glimpse(self, pts: float, planes: YuvPlanes) -> str:
        frame = self.frame(pts, planes, glimpse=True)
        quiet = self.quiet.glimpse(frame, self.sleeper)
        assert quiet == (self.sleeper.quiet == frame.number)
        return self.sleeper.called


def test_it_sleeps_after_a_while_without_anything() -> None:
    watched = Watched()
    watched.awake(np.arange(0, AFTER_S - 0.1, 0.2))
    assert not watched.sleeper.may_sleep
    watched.awake([AFTER_S + 0.1])
    assert watched.sleeper.may_sleep


def test_a_plate_that_moves_keeps_it_awake() -> None:
    watched = Watched()
    for k, pts in enumerate(np.arange(0, 10, 0.2)):
        watched.awake([pts], [tuple(np.array(BOX) + 8 * k)])
    assert not watched.sleeper.may_sleep
    watched.awake(np.arange(10, 15, 0.2))
    assert watched.sleeper.may_sleep


@pytest.mark.parametrize("tracks", [True, False])  # also a sign that is found and never believed
def test_it_sleeps_beside_what_never_moves(tracks: bool) -> None:
    watched = Watched()
    watched.awake(np.arange(0, 12, 0.2), [BOX], tracks=tracks)
    assert watched.sleeper.may_sleep
    watched.sleeper.fall_asleep()
    watched.found = plates_of([BOX])
    assert watched.glimpse(60.0, picture(seed=99)) == ""  # after so long the detector looks again
    assert watched.looks == 1
    watched.found = plates_of([BOX, (300.0, 200.0, 360.0, 220.0)])
    assert watched.glimpse(61.0, picture(car=(280, 150))) == "plate"


def test_frames_from_before_it_woke_keep_it_awake() -> None:
    watched = Watched()
    watched.asleep()
    watched.sleeper.wake_up("packets", watched.number + 2)
    watched.awake([7.0, 7.04], late=True)
    assert not watched.sleeper.may_sleep
    watched.awake(np.arange(7.1, 10.9, 0.2))
    assert not watched.sleeper.may_sleep
    watched.awake([11.2])
    assert watched.sleeper.may_sleep


def test_changes_long_after_it_woke_do_not_keep_it_awake() -> None:
    watched = Watched()
    watched.asleep()
    watched.sleeper.wake_up("packets", watched.number)
    watched.awake(np.arange(7.0, 14.0, 0.2), late=True)  # it cannot catch up
    assert watched.sleeper.may_sleep


def test_asleep_from_the_beginning_it_need_not_be_watched_first() -> None:
    watched = Watched()
    watched.sleeper.fall_asleep()
    watched.found = Plates.empty()
    assert watched.glimpse(0.2, picture()) == ""
    watched.sleeper.wake_up("packets", 0)
    frame = watched.frame(1.0, picture(seed=1), late=True)
    assert not watched.quiet.looks(frame)
    watched.quiet.seen(frame, None, [], watched.sleeper)
    assert watched.sleeper.may_sleep


def test_a_quiet_glimpse_costs_no_detection() -> None:
    watched = Watched()
    watched.asleep()
    assert [watched.glimpse(6.0 + k, picture(seed=50 + k)) for k in range(10)] == [""] * 10
    assert watched.looks == 0


@pytest.mark.parametrize(("found", "reason"), [([BOX], "plate"), ([], "picture")])
def test_what_comes_wakes_it(found: list[tuple[float, ...]], reason: str) -> None:
    watched = Watched()
    watched.asleep()
    watched.found = plates_of(found)
    assert watched.glimpse(7.0, picture(car=(90, 60))) == reason


def test_weak_finds_are_no_plates() -> None:
    watched = Watched()
    watched.asleep()
    watched.found = plates_of([BOX], [0.2])
    assert watched.glimpse(60.0, picture(seed=70)) == ""


def test_what_woke_it_for_nothing_does_so_less() -> None:
    watched = Watched()
    watched.asleep()
    leaves = picture(car=(10, 10))
    assert watched.glimpse(7.0, leaves) == "picture"
    watched.sleeper.wake_up("picture", watched.number + 2)
    watched.awake([7.0], late=True)
    watched.awake(np.arange(7.1, 12, 0.2))
    watched.sleeper.fall_asleep()
    assert watched.glimpse(13.0, leaves) == ""
    assert watched.glimpse(14.0, picture(car=(400, 200))) == "picture"


def test_late_frames_that_are_still_quiet_are_passed_over() -> None:
    watched = Watched()
    watched.asleep()
    watched.sleeper.wake_up("packets", watched.number + 2)
    assert not watched.quiet.looks(watched.frame(6.5, picture(seed=77), late=True))
    assert watched.quiet.looks(watched.frame(6.6, picture(seed=77)))
    coming = watched.frame(6.7, picture(car=(300, 150)), late=True)
    assert watched.quiet.looks(coming)
    watched.quiet.seen(coming, plates_of([BOX]), [], watched.sleeper)
    assert watched.quiet.looks(watched.frame(6.8, picture(seed=77), late=True))  # tracks need every frame


class Rows(BaseSink):
    def __init__(self) -> None:
        self.rows: list[Passage] = []

    def passage(self, passage: Passage) -> None:
        self.rows.append(passage)


def played(clip: Path, sleep: str, speed: float, tmp_path: Path) -> tuple[list[Passage], Health]:
    config = RunConfig.model_validate({"live": {"sleep": sleep, "sleep_after_s": 0.3}, "vote": {"rejoin_s": 0}})
    rows, streams, stop = Rows(), Streams(), threading.Event()
    source = PacedSource(VideoSource(clip), speed=speed)
    summary = run_stream(
        source, [rows], config, detector=FakeDetector(), reader=FakeReader(), streams=streams, stop=stop
    )
    (watched,) = streams.watched
    assert watched.health is not None
    assert summary.slept == watched.health.slept
    assert summary.frames + summary.slept + watched.health.dropped == 450
    return rows.rows, watched.health


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"g": "25", "tune": "zerolatency", "preset": "ultrafast"}),
        ("libx264", {"g": "50", "bf": "2", "preset": "ultrafast"}),
        ("libx265", {"x265-params": "keyint=25:min-keyint=25:bframes=0:log-level=0:pools=1", "preset": "ultrafast"}),
    ],
    ids=["h264", "b-frames", "hevc"],
)
def test_the_rows_are_those_of_a_camera_that_never_slept(codec: str, options: dict[str, str], tmp_path: Path) -> None:
    quiet = [scene(320, 180)] * 180
    clip = write_video(tmp_path / "a.mkv", [*quiet, *drive(60), *quiet, *drive(30)], codec=codec, options=options)
    slept, health = played(clip, "always", 4.0, tmp_path)
    awake, never = played(clip, "never", 4.0, tmp_path)
    assert health.slept > 100
    assert health.wakes
    assert not health.asleep
    assert never.slept == 0
    if not health.dropped + never.dropped:  # a machine that is too busy drops frames
        assert [(r.plate, r.first_frame, r.last_frame) for r in slept] == [
            (r.plate, r.first_frame, r.last_frame) for r in awake
        ]
        assert len(slept) == 2
    assert {r.plate for r in slept} == {"皖A12345"}


def test_outputs_that_want_every_frame_keep_it_awake(tmp_path: Path) -> None:
    class Frames(Rows):
        def frame(self, *_: object) -> None:
            """Wants every frame."""

    quiet = [scene(320, 180)] * 100
    clip = write_video(tmp_path / "a.mkv", quiet, codec="libx264", options={"g": "25"})
    config = RunConfig.model_validate({"live": {"sleep_after_s": 1.0}})
    streams = Streams()
    run_stream(
        PacedSource(VideoSource(clip), speed=4.0),
        [Frames()],
        config,
        detector=FakeDetector(),
        reader=FakeReader(),
        streams=streams,
    )
    (watched,) = streams.watched
    assert watched.health is not None
    assert watched.health.slept == 0


def test_scene_has_the_plate_that_is_found() -> None:
    """The clips above are what they are taken for."""
    frame = Frame(0, 0.0, 320, 180, bgr=scene(320, 180, (40, 90, BLUE)))
    assert len(FakeDetector().detect(frame)) == 1
