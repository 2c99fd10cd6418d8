"""A real RTSP server behind the faulty line: what the feed makes of every fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamkit import FakeDetector, FakeReader

from streamer.chaos.clip_camera import ClipCamera
from streamer.chaos.fault_types import CLIP, FAULTS, Fault
from streamer.chaos.proxy import FaultyProxy
from streamer.chaos.trial import Outcome, Watcher, try_faults
from streamer.config.models import LiveConfig, RunConfig
from streamer.errors import InputError
from streamer.pipeline.runner import run_stream
from streamer.sink.sink import BaseSink
from streamer.source.file import VideoSource
from streamer.types import Passage, RunSummary

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
LIVE = LiveConfig(connect_s=3.0, silence_s=1.0, frozen_s=1.0)
PACKETS = [Fault(name, percent) for name in ("loss", "reorder", "duplicate", "corrupt") for percent in (1, 20)]
FIRST = [Fault(name) for name in FAULTS if name not in CLIP and not Fault(name).by_packet]


def tried(camera: ClipCamera, fault: Fault, seconds: float = 5.0) -> Outcome:
    # Under heavy loss no new picture comes for a while, the longer the busier the machine is.
    limit_s = 8.0 if fault.by_packet else 3.0
    live = LIVE.model_copy(update={"silence_s": limit_s, "frozen_s": limit_s})
    (outcome,) = try_faults(camera, [fault], 1, seconds, live, wake_s=0)
    return outcome


def test_every_fault_of_the_line_is_come_through(camera: ClipCamera) -> None:
    with ThreadPoolExecutor(len(FIRST + PACKETS)) as pool:
        outcomes = {str(o.fault): o for o in pool.map(lambda f: tried(camera, f), FIRST + PACKETS)}
    assert all(o.recovered_s[0] < 30 for o in outcomes.values())
    given_up_on = "silent", "stall"  # what such a connection still gives is not wanted
    assert {name: o.lost for name, o in outcomes.items() if o.lost and name not in given_up_on} == {}
    for name in ("refuse", "silent", "cut", "storm", "stall"):
        assert outcomes[name].reconnects, name
    for name in ("jump", *map(str, PACKETS)):
        assert outcomes[name].frames_during > 10, name
        assert not outcomes[name].reconnects, name


@pytest.mark.parametrize("name", CLIP)
def test_other_pictures_on_one_connection(own_camera: ClipCamera, name: str) -> None:
    outcome = tried(own_camera, Fault(name), 7.0)
    assert outcome.recovered_s[0] < 30
    assert bool(outcome.reconnects) is (name == "freeze")  # a still picture is a fault, another size is none


def test_nothing_is_left_behind(own_camera: ClipCamera) -> None:
    (outcome,) = try_faults(own_camera, [Fault("stall")], 3, 1.5, LIVE)
    assert outcome.threads == 0


def test_times_are_the_cameras_own_once_it_tells(camera: ClipCamera) -> None:
    source = VideoSource(camera.url, live=LIVE)
    source.open()
    told, before = [], datetime.now(UTC)
    try:
        for frame in source.frames():
            told.append((frame.time_source, frame.captured_at))
            if len(told) > 250 or [how for how, _ in told].count("rtcp") > 20:
                break
    finally:
        source.close()
    assert {how for how, _ in told} <= {"arrival", "rtcp"}
    assert told[-1][0] == "rtcp"
    assert all(at is not None and abs((at - before).total_seconds()) < 30 for _, at in told)


def test_its_clock_may_be_left_out_of_account(own_camera: ClipCamera) -> None:
    source = VideoSource(own_camera.url, live=LIVE.model_copy(update={"clock": "arrival"}))
    source.open()
    how = {frame.time_source for frame, _ in zip(source.frames(), range(150), strict=False)}
    source.close()
    assert how == {"arrival"}


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_both_transports(own_camera: ClipCamera, transport: str) -> None:
    with Watcher(own_camera.url, LIVE.model_copy(update={"transport": transport})) as watcher:
        watcher.frame_after(time.monotonic())
        assert watcher.size == (320, 180)


def test_a_server_that_hangs_and_one_that_dies(own_camera: ClipCamera) -> None:
    process = own_camera._process
    with Watcher(own_camera.url, LIVE.model_copy(update={"transport": "udp"})) as watcher:
        watcher.frame_after(time.monotonic())
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        process.send_signal(signal.SIGCONT)
        watcher.frame_after(time.monotonic())
        assert watcher.feed.health.reconnects
        process.kill()
        time.sleep(1.5)
        assert "cannot be opened" in watcher.feed.health.faults or "silent" in watcher.feed.health.faults


class Rows(BaseSink):
    def __init__(self) -> None:
        self.passages: list[Passage] = []

    def passage(self, passage: Passage) -> None:
        self.passages.append(passage)


def run(
    url: str, rows: Rows, stop: threading.Event, at: Callable[[int], None] = lambda frames: None, rejoin_s: float = 0.2
) -> RunSummary:
    config = RunConfig.model_validate({"live": LIVE.model_dump(), "vote": {"rejoin_s": rejoin_s}})
    engines = {"detector": FakeDetector(), "reader": FakeReader()}
    return run_stream(url, [rows], config, **engines, stop=stop, progress=lambda _, done: at(done.frames))  # type: ignore[arg-type]


def test_rows_of_a_camera_that_storms(own_camera: ClipCamera) -> None:
    rows = Rows()
    with FaultyProxy("127.0.0.1", own_camera.port) as proxy:
        proxy.inject(Fault("storm"))
        stop = threading.Event()

        def at(frames: int) -> None:
            if frames >= 10 and proxy.connections >= 4:
                stop.set()

        summary = run(f"rtsp://me:secret@127.0.0.1:{proxy.port}/clip", rows, stop, at)
    assert summary.reconnects >= 2
    assert {p.plate for p in rows.passages} == {"皖A12345"}
    assert not any("secret" in p.camera for p in rows.passages)
    assert not any("secret" in w for w in summary.warnings)


def test_tracks_end_where_the_picture_changes_its_size(own_camera: ClipCamera) -> None:
    rows, stop = Rows(), threading.Event()

    def at(frames: int) -> None:
        if frames == 40:
            own_camera.show("other")
        if frames == 100:
            stop.set()

    # A busy machine drops frames between the two: the second track may begin well after the first has ended.
    summary = run(own_camera.url, rows, stop, at, rejoin_s=30)
    (row,) = rows.passages  # the same plate before and after: one vehicle
    assert summary.tracks >= 2
    assert row.first_box[2] - row.first_box[0] > 40
    assert row.last_box[2] - row.last_box[0] < 30


def test_no_camera_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        VideoSource("rtsp://127.0.0.1:9/none", live=LIVE).open()


def test_the_command_serves_until_it_is_stopped(tmp_path: Path, own_camera: ClipCamera) -> None:
    command = [sys.executable, "-m", "streamer.cli", "chaos", own_camera.url, "--port", "0"]
    assert subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).returncode == 2
    from streamer.chaos.clip_camera import free_port

    port = free_port()
    command = [*command[:-1], str(port), "--fault", "cut", "--seconds", "1.5", "--pause", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == f"rtsp://127.0.0.1:{port}/clip"
        with Watcher(f"rtsp://127.0.0.1:{port}/clip", LIVE) as watcher:
            watcher.frame_after(time.monotonic())
            assert process.stdout.readline().strip() == "cut: for 1.5 s"
            assert process.stdout.readline().strip() == "cut: over"
            watcher.frame_after(time.monotonic())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
    finally:
        process.kill()
        process.communicate()
