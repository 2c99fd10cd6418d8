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
from streamkit import BLUE, FakeDetector, FakeReader, scene

from streamer.config.models import LiveConfig, RunConfig
from streamer.errors import InputError
from streamer.pipeline.runner import run_stream
from streamer.process.imports import load_tracker
from streamer.sink.base import BaseSink
from streamer.source.base import StreamInfo
from streamer.source.file import VideoSource
from streamer.source.reconnect import LiveFeed, _Still
from streamer.types import Frame, Image, Passage, RunSummary

pytestmark = pytest.mark.timeout(60)
QUICK = LiveConfig(connect_s=0.4, silence_s=0.4, backoff_s=0.05)


class FakeCamera:
    """A camera of which each connection does the next thing of a list; the last one is repeated."""

    name, live, finite = "cam", True, False

    def __init__(self, plan: list[Callable[[], Iterator[Frame]]], opened: list[int] | None = None) -> None:
        self.plan, self.opened = plan, [] if opened is None else opened
        self.warnings: list[str] = []
        self.closed = threading.Event()

    def again(self) -> FakeCamera:
        return type(self)(self.plan, self.opened)

    def open(self) -> StreamInfo:
        self.opened.append(1)
        self._frames = self.plan[min(len(self.opened), len(self.plan)) - 1]()
        return StreamInfo(self.name, 320, 180, live=True)

    def frames(self) -> Iterator[Frame]:
        return self._frames

    def close(self) -> None:
        self.closed.set()


def picture(i: int) -> Frame:
    return Frame(i, i / 25, 320, 180, bgr=scene(320, 180, (40, 40, BLUE)))


def some(count: int, pause: float = 0.005) -> Callable[[], Iterator[Frame]]:
    def frames() -> Iterator[Frame]:
        for i in range(count):
            time.sleep(pause)
            yield picture(i)

    return frames


def refused() -> Iterator[Frame]:
    raise InputError("cam: cannot be opened (connection refused): check the address")


def breaks() -> Iterator[Frame]:
    yield picture(0)
    raise InputError("cam: lost at 0.04 s (reset)")


def hangs() -> Iterator[Frame]:
    yield picture(0)
    time.sleep(3)


def bug() -> Iterator[Frame]:
    yield picture(0)
    raise ZeroDivisionError("a bug")


def taken(feed: LiveFeed, stop: threading.Event, count: int, seconds: float = 10) -> list[Frame]:
    """The first frames of a feed."""
    out: list[Frame] = []
    end = time.monotonic() + seconds
    for frame in feed:
        out += [frame] if frame is not None else []
        if len(out) >= count or time.monotonic() > end:
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
def test_it_comes_back(plan: list[Any], faults: dict[str, int]) -> None:
    stop = threading.Event()
    feed = LiveFeed(FakeCamera(plan), QUICK, stop)
    frames = taken(feed, stop, 20)
    assert len(frames) == 20
    assert feed.health.faults == faults
    assert feed.health.reconnects == sum(faults.values())
    assert [f.index for f in frames] == list(range(20))
    assert all(a.pts < b.pts for a, b in pairwise(frames))


def test_a_camera_that_never_answers_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(FakeCamera):
        def open(self) -> StreamInfo:
            if len(self.opened) < 2:
                self.opened.append(1)
                time.sleep(2)
                raise InputError("too late")
            return super().open()

    stop = threading.Event()
    feed = LiveFeed(Deaf([some(50)]), QUICK, stop)
    assert len(taken(feed, stop, 5)) == 5
    assert feed.health.faults == {"no answer": 2}


def test_too_many_that_hang_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.source.reconnect._MOST_HANGING", 1)
    stop = threading.Event()
    camera = FakeCamera([hangs])
    threading.Timer(2.0, stop.set).start()
    assert list(LiveFeed(camera, QUICK, stop))
    assert len(camera.opened) == 1  # the first has not woken up yet


def test_one_that_wakes_up_late_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    came = threading.Event()
    monkeypatch.setattr(
        "streamer.source.reconnect.give_back",
        lambda: came.set() if threading.current_thread().name == "alpr-camera" else None,
    )
    stop = threading.Event()
    assert len(taken(LiveFeed(FakeCamera([hangs, some(50)]), QUICK, stop), stop, 5)) == 5
    assert not came.is_set()
    assert came.wait(10)


def test_a_broken_connection_leaves_nothing_to_collect() -> None:
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
        assert len(taken(LiveFeed(Weak([some(3), breaks, breaks, some(50)]), QUICK, stop), stop, 12)) == 12
        assert [camera() is None for camera in gone[1:3]] == [True, True]
    finally:
        gc.enable()


def test_free_memory_goes_back_while_the_camera_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    monkeypatch.setattr("streamer.source.reconnect.give_back", lambda: given.append(time.monotonic()))
    monkeypatch.setattr("streamer.source.reconnect._GIVE_BACK_S", 0.05)
    stop = threading.Event()
    feed = LiveFeed(FakeCamera([some(50, 0.01)]), QUICK, stop)
    began = time.monotonic()
    assert len(taken(feed, stop, 40)) == 40
    lasted = time.monotonic() - began
    assert 3 <= len(given) <= lasted / 0.05 + 3  # and at the end


def test_given_up_after_so_long() -> None:
    feed = LiveFeed(FakeCamera([refused]), QUICK.model_copy(update={"give_up_s": 0.3}), threading.Event())
    with pytest.raises(InputError, match=r"cam: away for \d+ s \(cannot be opened\)"):
        list(feed)


def test_the_end_of_a_recording_is_the_end() -> None:
    camera = FakeCamera([some(5)])
    camera.finite = True  # type: ignore[misc]
    feed = LiveFeed(camera, QUICK, threading.Event())
    frames = [f for f in feed if f is not None]
    assert frames[-1].index == len(frames) - 1
    assert feed.health.reconnects == 0


def test_a_bug_is_no_fault_of_the_camera() -> None:
    with pytest.raises(ZeroDivisionError):
        list(LiveFeed(FakeCamera([bug]), QUICK, threading.Event()))


def test_an_outage_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    with caplog.at_level(logging.WARNING):
        taken(LiveFeed(FakeCamera([refused, refused, refused, some(50)]), QUICK, stop), stop, 3)
    told, back = (r.getMessage() for r in caplog.records)
    assert told.startswith("camera=cam reconnecting in 0.")
    assert told.endswith(" s (cannot be opened (connection refused): check the address)")
    assert back == "camera=cam connected again"


class Rows(BaseSink):
    def __init__(self) -> None:
        self.passages: list[tuple[float, Passage]] = []

    def passage(self, passage: Passage) -> None:
        self.passages.append((time.monotonic(), passage))


def run(camera: Any, rows: Rows, seconds: float, **vote: float) -> RunSummary:
    stop = threading.Event()
    threading.Timer(seconds, stop.set).start()
    config = RunConfig.model_validate({"live": QUICK.model_dump(), "vote": vote})
    return run_stream([camera], [rows], config, detector=FakeDetector(), reader=FakeReader(), stop=stop)


class CountingReader(FakeReader):
    """Says how often it was asked: on a busy machine most frames of a camera are dropped, and few are read."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, crops: Any) -> Any:
        self.asked += 1
        return super().read(crops)


def run_until(camera: FakeCamera, rows: Rows, reader: FakeReader, stop: threading.Event, **vote: float) -> RunSummary:
    """Until the camera sets `stop`; a machine that is busy for seconds is no fault of it."""
    load_tracker()  # before the camera is asked
    live = {**QUICK.model_dump(), "connect_s": 20, "silence_s": 20, "give_up_s": 40}
    config = RunConfig.model_validate({"live": live, "vote": vote})
    return run_stream([camera], [rows], config, detector=FakeDetector(), reader=reader, stop=stop)


def test_rows_come_while_the_camera_is_away() -> None:
    rows, reader, stop = Rows(), CountingReader(), threading.Event()

    def until_read() -> Iterator[Frame]:
        yield from itertools.takewhile(lambda _: reader.asked < 3, some(2000)())

    def away() -> Iterator[Frame]:
        if rows.passages and len(camera.opened) > 3:  # nothing else ends the run
            stop.set()
        return refused()

    camera = FakeCamera([until_read, away])
    summary = run_until(camera, rows, reader, stop, rejoin_s=0.5)
    assert [p.plate for _, p in rows.passages] == ["皖A12345"]
    assert summary.ended == "stopped"
    assert summary.reconnects >= 2
    assert any("connected anew" in w for w in summary.warnings)


def test_one_vehicle_over_an_outage_is_one_row() -> None:
    rows, reader, stop, asked = Rows(), CountingReader(), threading.Event(), 0

    def until_read() -> Iterator[Frame]:
        nonlocal asked
        yield from itertools.takewhile(lambda _: reader.asked < 3, some(2000)())
        asked = reader.asked

    def until_read_again() -> Iterator[Frame]:
        began = time.monotonic()  # read for longer than a second: those of before are older
        lasts = lambda _: reader.asked < asked + 3 or time.monotonic() < began + 1.1  # noqa: E731
        yield from itertools.takewhile(lasts, some(4000)())
        stop.set()

    run_until(FakeCamera([until_read, refused, refused, until_read_again]), rows, reader, stop)
    assert len(rows.passages) == 1
    assert rows.passages[0][1].last_s > 1.0


def test_a_camera_that_is_down_from_the_start_can_be_stopped() -> None:
    rows = Rows()
    summary = run(FakeCamera([refused]), rows, 0.5)
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
        self.data, self.asked = data, 0
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
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
    rows = Rows()
    source = VideoSource(f"http://me:secret@127.0.0.1:{server.server_address[1]}/live.ts")
    try:
        summary = run(source, rows, 6.0)
    finally:
        server.shutdown()
        server.server_close()
    assert server.asked >= 4
    assert summary.reconnects >= 3
    assert [p.plate for _, p in rows.passages] == ["皖A12345"]
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
    watch = _Still()
    stood = [watch.after(Frame(i, i / 25, 320, 180, bgr=shown(i)), i / 25) for i in range(300)]
    assert (max(stood[200:]) > 3.0) is still
    assert stood[0] == 0.0
    assert max(stood) <= 299 / 25
