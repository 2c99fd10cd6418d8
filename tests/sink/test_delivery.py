"""Sinks say what they want, and none holds up a camera or another sink."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sitekit import Camera, config
from streamkit import FakeDetector, FakeReader, frame_at, passage_of
from test_row_files import disk_of

from streamer.config.models import RowsConfig
from streamer.errors import OutputError
from streamer.pipeline.engines import Engines
from streamer.pipeline.fanout import Outputs
from streamer.pipeline.site import run_site
from streamer.pipeline.status import Streams
from streamer.serve.metrics import Metrics
from streamer.sink.csv import CsvSink
from streamer.sink.delivery import Delivery
from streamer.sink.events import (
    Event,
    FrameSeen,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    StreamOpened,
    Tick,
    TrackRejected,
)
from streamer.sink.policy import CAMERA, RECORDING, Policy, Retry
from streamer.sink.sink import BaseSink, Sink, Wants
from streamer.source.source import StreamInfo
from streamer.types import Frame, Passage, Plates

pytestmark = pytest.mark.timeout(60)
QUICK = Retry(first_s=0.001, most_s=0.002)


def row(number: int, stream: str = "gate") -> PassageFinal:
    return PassageFinal(stream, passage_of(camera=stream, track_id=number, event_id=f"{stream}{number}"))


def opened(live: bool = True, stream: str = "gate") -> StreamOpened:
    return StreamOpened(stream, StreamInfo(stream, 320, 180, live=live))


class Rows(BaseSink):
    """Keeps its rows; `before` each something is done, which may fail."""

    def __init__(self, before: Callable[[Passage], None] = lambda passage: None) -> None:
        self.rows: list[tuple[str, int]] = []
        self.closed = 0
        self._before = before

    def passage(self, passage: Passage) -> None:
        self._before(passage)
        self.rows.append((passage.camera, passage.track_id))

    def close(self) -> None:
        self.closed += 1


def held_by(gate: threading.Event) -> Callable[[Passage], None]:
    def wait(passage: Passage) -> None:
        gate.wait(20)

    return wait


class Wrapped:
    """A sink around another, which knows nothing of what that one can do."""

    def __init__(self, inner: Sink) -> None:
        self._inner = inner
        self.wants = inner.wants

    def write(self, event: Event) -> None:
        self._inner.write(event)

    def close(self) -> None:
        self._inner.close()


class Everything(BaseSink):
    """Notes every hook that is called."""

    wants_crops = wants_snapshots = True

    def __init__(self) -> None:
        self.called: list[str] = []

    def begin(self, info: object) -> None:
        self.called.append("begin")

    def frame(self, frame: Frame, plates: Plates, tracks: object) -> None:
        self.called.append("frame")

    def seen(self, frame: Frame, plates: Plates, readings: object) -> None:
        self.called.append("seen")

    def passage(self, passage: Passage) -> None:
        self.called.append("passage")

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        self.called.append("withdrawn" if withdrawn else "provisional")

    def rejection(self, rejection: object) -> None:
        self.called.append("rejection")

    def waiting(self, camera: str, passages: object) -> None:
        self.called.append("waiting")

    def tick(self) -> None:
        self.called.append("tick")


def test_wants_follow_from_the_hooks() -> None:
    class Named(Rows):
        """Its hooks are inherited."""

    class Drawn(BaseSink):
        def frame(self, frame: Frame, plates: Plates, tracks: object) -> None: ...

    class Recorded(BaseSink):
        def seen(self, frame: Frame, plates: Plates, readings: object) -> None: ...

    assert BaseSink().wants == Wants(frozenset(), every_frame=False)
    assert Named().wants == Wants(frozenset({PassageFinal}), every_frame=False)
    assert (Drawn().wants.events, Drawn().wants.every_frame) == ({FrameSeen}, True)
    assert (Recorded().wants.events, Recorded().wants.every_frame) == ({FrameSeen}, False)
    passed_over = FrameSeen("gate", frame_at(0), None, Plates.empty())
    assert Drawn().wants.matches(passed_over)
    assert not Recorded().wants.matches(passed_over)


def test_a_wrapped_sink_loses_nothing() -> None:
    inner = Everything()
    outputs = Outputs([Wrapped(inner)])
    assert outputs.wants == inner.wants
    assert (outputs.wants_crops, outputs.wants_snapshots, outputs.wants_frames, outputs.wants_readings) == (True,) * 4
    passage = passage_of()
    rejected = TrackRejected("gate", None)  # type: ignore[arg-type]
    for event in (
        opened(live=False), FrameSeen("gate", frame_at(0), Plates.empty(), Plates.empty()), row(1),
        PassageProvisional("gate", passage), PassageWithdrawn("gate", passage), rejected,
        PassagesWaiting("gate", ()), Tick(""),
    ):  # fmt: skip
        outputs.put(event)
    outputs.close()
    hooks = ["begin", "seen", "frame", "passage", "provisional", "withdrawn", "rejection", "waiting", "tick"]
    assert inner.called == hooks


def test_what_is_no_sink_is_refused() -> None:
    with pytest.raises(TypeError, match="object is no sink: it needs wants, write and close"):
        Outputs([object()])  # type: ignore[list-item]


speeds = st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.003]), min_size=1, max_size=5)
failures = st.sets(st.integers(0, 60), max_size=20)


@settings(max_examples=25, deadline=None)
@given(speeds, failures, st.integers(1, 8), st.sampled_from(["wait", "drop_oldest", "drop_newest"]))
def test_no_row_is_lost_that_the_policy_does_not_allow(
    speeds: list[float], failures: set[int], size: int, when_full: str
) -> None:
    tries = 0

    def troubled(passage: Passage) -> None:
        nonlocal tries
        tries += 1
        time.sleep(speeds[tries % len(speeds)])
        if tries in failures:
            raise OutputError("disk: full")

    policy = Policy(size=size, when_full=when_full, retry=QUICK, drain_s=20)  # type: ignore[arg-type]
    sink, good = Rows(troubled), Rows()
    deliveries = [Delivery(sink, policy), Delivery(good, Policy(size=100))]

    def camera(name: str) -> None:
        for number in range(15):
            for delivery in deliveries:
                delivery.put(row(number, name))

    threads = [threading.Thread(target=camera, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for delivery in deliveries:
        delivery.close()
    for name in ("a", "b"):
        mine = [number for camera, number in sink.rows if camera == name]
        assert mine == sorted(set(mine))  # in order, and once
        assert [number for camera, number in good.rows if camera == name] == list(range(15))
    assert len(sink.rows) + deliveries[0].dropped == 30
    if when_full == "wait":
        assert deliveries[0].dropped == 0
    assert (deliveries[0].error, deliveries[0].waiting, sink.closed, good.closed) == (None, 0, 1, 1)


def test_a_busy_camera_costs_no_other_its_rows() -> None:
    gate = threading.Event()
    sink = Rows(held_by(gate))
    delivery = Delivery(sink, Policy(size=10, when_full="drop_oldest"))
    for number in range(3):
        delivery.put(row(number, "quiet"))
    for number in range(100):
        delivery.put(row(number, "busy"))
    gate.set()
    delivery.close()
    assert [n for name, n in sink.rows if name == "quiet"] == [0, 1, 2]
    assert [n for name, n in sink.rows if name == "busy"][-1] == 99
    assert len(sink.rows) + delivery.dropped == 103


def test_of_a_recording_a_sink_that_fails_is_out() -> None:
    def fails(passage: Passage) -> None:
        raise OSError("gone")

    broken, good = Rows(fails), Rows()
    outputs = Outputs([broken, good])
    outputs.put(opened(live=False))
    for number in range(5):
        outputs.put(row(number))
    outputs.close()
    assert isinstance(outputs.error, OutputError)
    assert not outputs.all_failed
    assert (broken.rows, broken.closed, len(good.rows)) == ([], 1, 5)


def test_rows_of_a_camera_wait_for_a_disk_that_is_full(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = CsvSink(tmp_path / "p.csv", config=RowsConfig(fsync="never"))
    delivery = Delivery(sink, Policy(when_full="drop_oldest", retry=QUICK, drain_s=20))
    with disk_of(10):
        for number in (1, 2, 3):
            delivery.put(row(number))
        while delivery.failed_writes < 3:
            time.sleep(0.001)
        assert delivery.waiting == 3
    delivery.close()
    rows = (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()
    assert [r.split(",")[1] for r in rows] == ["track_id", "1", "2", "3"]
    assert caplog.text.count("rows wait until it can be written") == 1
    assert "csv: can be written again" in caplog.text
    assert delivery.error is None


def test_rows_that_cannot_be_written_at_the_end_are_reported(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "p.csv", config=RowsConfig(fsync="never"))
    delivery = Delivery(sink, Policy(retry=QUICK, drain_s=0.05))
    with disk_of(10):
        delivery.put(row(1))
        delivery.put(row(2))
        delivery.close()
    assert "p.csv: cannot be written" in str(delivery.error)
    assert str(delivery.error).endswith("; 2 rows are lost")
    assert delivery.dropped == 2


def test_a_sink_that_hangs_does_not_hang_the_end() -> None:
    gate = threading.Event()
    delivery = Delivery(Rows(held_by(gate)), Policy(drain_s=0.01))
    delivery.put(row(1))
    delivery.put(row(2))
    delivery.close()
    gate.set()
    assert str(delivery.error) == "rows: the output does not answer; 2 rows are lost"


def test_a_bug_in_a_sink_costs_one_row_of_a_camera() -> None:
    def fails(passage: Passage) -> None:
        if passage.track_id == 2:
            raise ZeroDivisionError

    sink = Rows(fails)
    delivery = Delivery(sink, Policy(retry=QUICK))
    for number in (1, 2, 3):
        delivery.put(row(number))
    delivery.close()
    assert [number for _, number in sink.rows] == [1, 3]
    assert delivery.dropped == 1
    assert isinstance(delivery.error, ZeroDivisionError)


def test_frames_of_a_camera_are_skipped_and_those_of_a_file_are_not() -> None:
    gate = threading.Event()

    class Painter(BaseSink):
        drawn = 0

        def frame(self, frame: Frame, plates: Plates, tracks: object) -> None:
            gate.wait(20)
            self.drawn += 1

    painter = Painter()
    delivery = Delivery(painter, Policy(frames=2))
    for k in range(50):
        delivery.put(FrameSeen("gate", frame_at(k), None, Plates.empty(), may_skip=True))
    gate.set()
    for k in range(50):
        delivery.put(FrameSeen("gate", frame_at(k), None, Plates.empty()))
    delivery.close()
    assert painter.drawn + delivery.skipped == 100
    assert 47 <= delivery.skipped <= 48


def test_the_policy_follows_from_the_stream() -> None:
    delivery = Delivery(Rows())
    assert delivery._policy is RECORDING
    delivery.put(opened())
    assert delivery._policy is CAMERA
    delivery.put(opened(live=False))
    assert delivery._policy is RECORDING
    delivery.close()


def test_metrics_of_outputs() -> None:
    gate, metrics = threading.Event(), Metrics()
    outputs = Outputs([Rows(held_by(gate)), Rows()])
    metrics.add_deliveries(outputs.deliveries)
    outputs.put(row(1))
    outputs.put(row(2))
    while outputs.deliveries[1].waiting:
        time.sleep(0.001)
    found = {s.name: s for family in metrics.collect() if "output" in family.name for s in family.samples[:1]}
    assert found["alpr_output_waiting_rows"].labels == {"output": "rows"}
    assert found["alpr_output_waiting_rows"].value == 2
    assert found["alpr_output_dropped_rows_total"].value == 0
    gate.set()
    outputs.close()


def test_a_slow_output_costs_two_cameras_no_frame() -> None:
    """Beside a sink that takes 0.3 s for a row and for a frame, whose cameras gave 50 frames a second."""

    class Slow(Rows):
        frames = 0

        def seen(self, frame: Frame, plates: Plates, readings: object) -> None:
            self.frames += 1
            time.sleep(0.3)

    slow, streams, stop = Slow(lambda passage: time.sleep(0.3)), Streams(), threading.Event()

    def shown() -> None:
        if all(w.summary.reads >= 3 for w in streams.watched) and sum(w.summary.frames for w in streams.watched) >= 100:
            stop.set()

    summary = run_site(
        config(gate="blue", yard="green"), [slow, Rows()], engines=Engines(FakeDetector(), FakeReader(), 0.5),
        stop=stop, streams=streams, source_of=lambda camera, live: Camera(camera.address(), shown),
    )  # fmt: skip
    assert sorted(camera for camera, _ in slow.rows) == ["gate", "yard"]
    assert slow.frames < summary.frames / 2  # the cameras went on without it
    assert slow.frames + streams.deliveries[0].skipped == summary.frames
