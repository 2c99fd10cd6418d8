"""A camera that fails in every way, and one behind a real server."""

from __future__ import annotations

import gc
import io
import itertools
import logging
import socketserver
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from clockkit import ManualClock
from streamkit import BLUE, FakeDetector, FakeReader, scene

from streamer.config.models import LiveConfig, RunConfig
from streamer.errors import InputError
from streamer.passages.vote import vote
from streamer.pipeline.engines import Engines
from streamer.pipeline.fanout import Outputs
from streamer.pipeline.runner import StreamRun, run_stream
from streamer.process.imports import load_tracker
from streamer.sink.events import Event, HealthChanged
from streamer.sink.sink import BaseSink
from streamer.source.file import VideoSource
from streamer.source.frozen import StillPicture
from streamer.source.reconnect import LiveFeed
from streamer.source.source import StreamInfo
from streamer.types import Frame, Image, Passage, RunSummary

pytestmark = pytest.mark.timeout(60)
LIVE = LiveConfig(connect_s=4, silence_s=4)
FRAME_S = 0.04
Plan = Callable[["FakeCamera"], Iterator[Frame]]


class FakeCamera:
    """A camera of which each connection does the next thing of a list; the last one is repeated. Its frames move the
    clock on, as does its silence."""

    name, live, finite = "cam", True, False

    def __init__(
        self, plan: list[Plan], clock: ManualClock, opened: list[int] | None = None, over: threading.Event | None = None
    ) -> None:
        self.plan, self.clock, self.opened = plan, clock, [] if opened is None else opened
        self.warnings: list[str] = []
        self.closed = threading.Event()
        self.over = over or threading.Event()  # wakes those that hang

    def again(self) -> FakeCamera:
        return type(self)(self.plan, self.clock, self.opened, self.over)

    def open(self) -> StreamInfo:
        self.opened.append(1)
        self._frames = self.plan[min(len(self.opened), len(self.plan)) - 1](self)
        return StreamInfo(self.name, 320, 180, live=True)

    def frames(self) -> Iterator[Frame]:
        return self._frames

    def close(self) -> None:
        self.closed.set()

    def hang(self) -> None:
        """Time passes and nothing comes, until another connection is made; then it hangs on without a sign."""
        mine = len(self.opened)
        while len(self.opened) == mine and not self.over.wait(0.001):
            self.clock.move(0.1)
        self.over.wait(30)


def picture(i: int) -> Frame:
    return Frame(i, i * FRAME_S, 320, 180, bgr=scene(320, 180, (40, 40, BLUE)))


def some(count: int) -> Plan:
    def frames(camera: FakeCamera) -> Iterator[Frame]:
        for i in range(count):
            time.sleep(0.002)  # others must come to work
            camera.clock.move(FRAME_S)
            yield picture(i)

    return frames


def refused(camera: FakeCamera) -> Iterator[Frame]:
    raise InputError("cam: cannot be opened (connection refused): check the address")


def breaks(camera: FakeCamera) -> Iterator[Frame]:
    yield picture(0)
    raise InputError("cam: lost at 0.04 s (reset)")


def hangs(camera: FakeCamera) -> Iterator[Frame]:
    yield picture(0)
    camera.hang()


def bug(camera: FakeCamera) -> Iterator[Frame]:
    yield picture(0)
    raise ZeroDivisionError("a bug")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def feed_of(camera: FakeCamera, stop: threading.Event, config: LiveConfig = LIVE, **rest: Any) -> LiveFeed:
    return LiveFeed(camera, config, stop, clock=camera.clock, **rest)


def taken(feed: LiveFeed, stop: threading.Event, count: int) -> list[Frame]:
    """The first frames of a feed."""
    out: list[Frame] = []
    for frame in feed:
        out += [frame] if frame is not None else []
        if len(out) >= count:
            stop.set()
    return out


@pytest.mark.parametrize(
    ("plan", "faults"),
    [
        ([some(5), some(50)], {"ended": 1}),
        ([refused, refused, some(50)], {"cannot be opened": 2}),
        ([breaks, some(50)], {"broken": 1}),
        ([hangs, some(50)], {"silent": 1}),
    ],
)
def test_it_comes_back(plan: list[Any], faults: dict[str, int], clock: ManualClock) -> None:
    stop, changes = threading.Event(), []
    camera = FakeCamera(plan, clock)
    feed = feed_of(camera, stop, changed=lambda up, reason: changes.append((up, reason)))
    frames = taken(feed, stop, 20)
    camera.over.set()
    assert len(frames) == 20
    assert feed.health.faults == faults
    assert feed.health.reconnects == sum(faults.values())
    assert [f.index for f in frames] == list(range(20))
    assert all(a.pts < b.pts for a, b in pairwise(frames))
    (fault,) = faults
    assert changes[-2:] == [(False, fault), (True, "")]
    assert len(changes) == (2 if fault == "cannot be opened" else 3)  # told once, however often it fails


def test_a_camera_that_never_answers_is_tried_again(clock: ManualClock) -> None:
    class Deaf(FakeCamera):
        def open(self) -> StreamInfo:
            info = super().open()
            if len(self.opened) <= 2:
                self.hang()
                raise InputError("too late")
            return info

    stop, camera = threading.Event(), Deaf([some(50)], clock)
    feed = feed_of(camera, stop)
    assert len(taken(feed, stop, 5)) == 5
    camera.over.set()
    assert feed.health.faults == {"no answer": 2}


def test_too_many_that_hang_are_waited_for(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    monkeypatch.setattr("streamer.source.reconnect._MOST_HANGING", 1)
    stop, camera = threading.Event(), FakeCamera([hangs], clock)
    feed, until = feed_of(camera, stop), clock.monotonic() + 60
    for _ in feed:
        if clock.monotonic() > until:
            stop.set()
    camera.over.set()
    assert len(camera.opened) == 1  # the first has not woken up yet
    assert feed.health.faults == {"silent": 1}


def test_one_that_wakes_up_late_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    gave: list[threading.Thread] = []
    monkeypatch.setattr("streamer.source.connection.trim_heaps", lambda: gave.append(threading.current_thread()))
    late: list[threading.Thread] = []

    def hangs_late(camera: FakeCamera) -> Iterator[Frame]:
        late.append(threading.current_thread())
        return hangs(camera)

    stop, camera = threading.Event(), FakeCamera([hangs_late, some(50)], clock)
    assert len(taken(feed_of(camera, stop), stop, 5)) == 5
    assert not camera.closed.is_set()
    assert late[0] not in gave
    camera.over.set()
    late[0].join(10)
    assert camera.closed.is_set()
    assert late[0] in gave


def test_a_broken_connection_leaves_nothing_to_collect(clock: ManualClock) -> None:
    """Its pictures would lie about until the garbage collector comes by, which takes many minutes of few objects."""
    gone: list[weakref.ref[FakeCamera]] = []

    class Weak(FakeCamera):
        def frames(self) -> Iterator[Frame]:
            gone.append(weakref.ref(self))
            return super().frames()

    stop = threading.Event()
    gc.collect()
    gc.disable()
    try:
        assert len(taken(feed_of(Weak([some(3), breaks, breaks, some(50)], clock), stop), stop, 12)) == 12
        assert [camera() is None for camera in gone[1:3]] == [True, True]
    finally:
        gc.enable()


def test_free_memory_goes_back_while_the_camera_runs(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    given: list[float] = []
    monkeypatch.setattr("streamer.source.reconnect.trim_heaps", lambda: given.append(clock.monotonic()))
    monkeypatch.setattr("streamer.source.reconnect._TRIM_S", 0.5)
    stop = threading.Event()
    assert len(taken(feed_of(FakeCamera([some(100)], clock), stop), stop, 60)) == 60
    assert len(given) >= 3
    assert all(b - a >= 0.5 for a, b in pairwise(given[:-1]))  # and at the end


def test_given_up_after_so_long(clock: ManualClock) -> None:
    began = clock.monotonic()
    feed = feed_of(FakeCamera([refused], clock), threading.Event(), LIVE.model_copy(update={"give_up_s": 300}))
    with pytest.raises(InputError, match=r"cam: away for 300 s \(cannot be opened\)"):
        list(feed)
    assert clock.monotonic() - began == pytest.approx(300, abs=0.1)
    assert 100 < feed.health.reconnects < 250  # every two seconds or so


def test_the_end_of_a_recording_is_the_end(clock: ManualClock) -> None:
    camera = FakeCamera([some(5)], clock)
    camera.finite = True  # type: ignore[misc]
    feed = feed_of(camera, threading.Event())
    frames = [f for f in feed if f is not None]
    assert frames[-1].index == len(frames) - 1
    assert feed.health.reconnects == 0


def test_a_bug_is_no_fault_of_the_camera(clock: ManualClock) -> None:
    with pytest.raises(ZeroDivisionError):
        list(feed_of(FakeCamera([bug], clock), threading.Event()))


def test_a_connection_is_logged(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    stop = threading.Event()
    with caplog.at_level(logging.INFO):
        taken(feed_of(FakeCamera([some(50)], clock), stop), stop, 3)
    assert [r.getMessage() for r in caplog.records] == [
        f"camera=cam connecting (time-out {LIVE.connect_s:g} s)",
        "camera=cam connected: 320x180",
    ]


def test_an_outage_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    stop = threading.Event()
    with caplog.at_level(logging.WARNING):
        taken(feed_of(FakeCamera([refused, refused, refused, some(50)], clock), stop), stop, 3)
    told, back = (r.getMessage() for r in caplog.records)
    assert told.startswith("camera=cam reconnecting in 0.")
    assert told.endswith(" s (cannot be opened (connection refused): check the address)")
    assert back == "camera=cam connected again"


def test_a_long_outage_is_told_again_once_a_minute(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    config = LIVE.model_copy(update={"give_up_s": 310})
    with caplog.at_level(logging.WARNING), pytest.raises(InputError):
        list(feed_of(FakeCamera([refused], clock), threading.Event(), config))
    assert len(caplog.records) == 6


class Rows(BaseSink):
    def __init__(self) -> None:
        self.passages: list[Passage] = []

    def passage(self, passage: Passage) -> None:
        self.passages.append(passage)


class Changes(Outputs):
    """Outputs that keep what becomes of cameras."""

    def __init__(self) -> None:
        super().__init__([])
        self.health: list[HealthChanged] = []

    def put(self, event: Event) -> None:
        self.health += [event] if isinstance(event, HealthChanged) else []
        super().put(event)


class CountingReader(FakeReader):
    """Says how often it was asked: on a busy machine most frames of a camera are dropped, and few are read."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, crops: Any) -> Any:
        self.asked += 1
        return super().read(crops)


def run(camera: FakeCamera, rows: Rows, reader: FakeReader, stop: threading.Event, **vote: float) -> RunSummary:
    """Until the camera sets `stop`."""
    load_tracker()  # before the camera is asked
    config = RunConfig.model_validate({"vote": vote})
    return run_stream([camera], [rows], config, detector=FakeDetector(), reader=reader, stop=stop, clock=camera.clock)


def read_for(reader: CountingReader, count: int, seconds: float = 0.0) -> Plan:
    """A camera that is there until it was read so often, and for so long."""

    def frames(camera: FakeCamera) -> Iterator[Frame]:
        asked, until = reader.asked + count, camera.clock.monotonic() + seconds
        lasts = lambda _: reader.asked < asked or camera.clock.monotonic() < until  # noqa: E731
        return itertools.takewhile(lasts, some(100_000)(camera))

    return frames


def test_rows_come_while_the_camera_is_away(clock: ManualClock) -> None:
    rows, reader, stop = Rows(), CountingReader(), threading.Event()

    def away(camera: FakeCamera) -> Iterator[Frame]:
        if rows.passages:  # nothing else ends the run
            stop.set()
        return refused(camera)

    camera = FakeCamera([read_for(reader, 3), away], clock)
    summary = run(camera, rows, reader, stop, rejoin_s=10)
    assert [p.plate for p in rows.passages] == ["皖A12345"]
    assert summary.ended == "stopped"
    assert summary.reconnects >= 5  # in the ten seconds in which the plate might have come back
    assert any("reconnected" in w for w in summary.warnings)


def test_one_vehicle_over_an_outage_is_one_row(clock: ManualClock) -> None:
    rows, reader, stop = Rows(), CountingReader(), threading.Event()

    def again(camera: FakeCamera) -> Iterator[Frame]:
        yield from read_for(reader, 3, 1.1)(camera)
        stop.set()

    run(FakeCamera([read_for(reader, 3), refused, refused, again], clock), rows, reader, stop)
    assert len(rows.passages) == 1
    assert rows.passages[0].last_s > 1.0


def test_outputs_are_given_what_becomes_of_a_camera(clock: ManualClock) -> None:
    reader, stop, outputs = CountingReader(), threading.Event(), Changes()

    def again(camera: FakeCamera) -> Iterator[Frame]:
        yield from read_for(reader, 1)(camera)
        stop.set()
        camera.hang()

    camera = FakeCamera([refused, refused, read_for(reader, 1), breaks, again], clock)
    engines, config = Engines(FakeDetector(), reader, 0.5), RunConfig(camera="gate")
    run = StreamRun(config, engines, outputs, RunSummary(), stop, None, vote, clock=clock)
    run.stream(camera)
    camera.over.set()
    assert [(e.stream, e.up, e.reason) for e in outputs.health] == [
        ("gate", False, "cannot be opened"),
        ("gate", True, ""),
        ("gate", False, "ended"),
        ("gate", True, ""),
        ("gate", False, "broken"),
        ("gate", True, ""),
    ]


def test_a_camera_that_is_down_from_the_start_can_be_stopped(clock: ManualClock) -> None:
    rows, stop = Rows(), threading.Event()

    def third(camera: FakeCamera) -> Iterator[Frame]:
        stop.set()
        return refused(camera)

    summary = run(FakeCamera([refused, refused, third], clock), rows, FakeReader(), stop)
    assert (summary.ended, summary.frames, rows.passages) == ("stopped", 0, [])


def transport_stream(count: int) -> bytes:
    """A picture with a plate as MPEG-TS, `count` frames."""
    data = io.BytesIO()
    with av.open(data, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "10", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(count):
            shown = np.ascontiguousarray(scene(320, 180, (40, 40, BLUE)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        container.mux(stream.encode(None))
    return data.getvalue()


class Server(socketserver.ThreadingTCPServer):
    """Serves a stream over HTTP and cuts it off after its end, again and again."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self, data: bytes) -> None:
        self.data, self.asked, self.over = data, 0, threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.server.asked == 6:
            self.server.over.set()
        if self.server.asked == 2:  # one visit in vain
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        half = len(self.server.data) // 2
        self.wfile.write(self.server.data[:half])
        time.sleep(0.2)
        self.wfile.write(self.server.data[half:])

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def test_a_real_server_that_cuts_off() -> None:
    server = Server(transport_stream(50))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rows, config = Rows(), RunConfig(live=LiveConfig(connect_s=20, silence_s=20, backoff_s=0.05))
    source = VideoSource(f"http://me:secret@127.0.0.1:{server.server_address[1]}/live.ts")
    try:
        summary = run_stream([source], [rows], config, detector=FakeDetector(), reader=FakeReader(), stop=server.over)
    finally:
        server.shutdown()
        server.server_close()
    assert server.asked >= 4
    assert summary.reconnects >= 3
    assert [p.plate for p in rows.passages] == ["皖A12345"]
    assert not any("secret" in w for w in summary.warnings)


STANDING = scene(320, 180, (60, 40, BLUE))
NOISE = np.random.default_rng(3).integers(-2, 3, (400, 180, 320, 1))


def noisy(i: int) -> Image:
    return np.clip(STANDING.astype(int) + NOISE[i], 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("shown", "still"),
    [
        (lambda i: STANDING, True),
        (lambda i: noisy(i % 25), True),  # one picture, refined from key picture to key picture
        (noisy, False),  # a sensor that sees a street at rest
        (lambda i: scene(320, 180, (i % 100, 40, BLUE)), False),  # a short recording in a loop
        (lambda i: scene(320, 180, (60 + 40 * (i // 150), 40, BLUE)), True),  # it moved once, and stood again
        (lambda i: scene(320 - i // 150 * 20, 180), True),  # another size
        (lambda i: STANDING[:: i % 2 * 2 - 1], False),
    ],
)
def test_a_picture_that_stands_still_is_told(shown: Callable[[int], Image], still: bool) -> None:
    watch = StillPicture()
    stood = [watch.after(Frame(i, i / 25, 320, 180, bgr=shown(i)), i / 25) for i in range(300)]
    assert (max(stood[200:]) > 3.0) is still
    assert stood[0] == 0.0
    assert max(stood) <= 299 / 25
