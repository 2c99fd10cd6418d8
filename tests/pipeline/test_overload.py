"""The ladder of overload: as a table, in closed loop with machines of given capacity, and in a run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from sitekit import Camera, config
from streamkit import FakeDetector, FakeReader

from streamer.config.models import RunConfig, load_config
from streamer.errors import ConfigError
from streamer.pipeline import overload as ladder
from streamer.pipeline.engines import Engines
from streamer.pipeline.overload import NO_RELIEF, Load, Overload, Relief, age_of, described
from streamer.pipeline.relief import OverloadWatch, overload_of
from streamer.pipeline.runner import run_stream
from streamer.pipeline.site import run_site
from streamer.pipeline.status import StatusLines, Streams
from streamer.serve.metrics import Metrics
from streamer.source.health import Health
from streamer.testing import ManualClock
from streamer.types import Frame, Plates, RunSummary

ONE = {"gate": 0}
THREE = {"gate": 5, "yard": 0, "lane": 0}


def steps(windows: str, priorities: dict[str, int] | None = None, *, seconds: float = 1.0) -> str:
    """The step after each window: `d` a tenth of the frames dropped, `o` frames that are old, `.` none of both."""
    overload = Overload(priorities or ONE)
    taken = dropped = 0
    out = ""
    overload.judge(0.0, {"gate": Load(0, 0)})
    for k, window in enumerate(windows, 1):
        taken, dropped = taken + 25, dropped + 3 * (window == "d")
        assert overload.due(k * seconds)
        overload.judge(k * seconds, {"gate": Load(taken, dropped, 0.6 if window == "o" else 0.03)})
        out += str(overload.step)
    return out


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ("........", "00000000"),
        ("dd.dd.dd", "00000000"),  # bursts, as after a fault of the network
        ("ddd", "001"),
        ("ooo", "001"),
        ("dod", "001"),
        ("dddd", "0011"),
        ("dddddd", "001112"),  # the next step only after windows that had the first
        ("ddd" * 5, "001112223333333"),  # of one camera nothing more can be left out
        ("ddd" + "." * 14, "001" + "1" * 14),
        ("ddd" + "." * 15, "001" + "1" * 14 + "0"),
        ("dddddd" + "." * 30, "001112" + "2" * 14 + "1" * 15 + "0"),
        ("ddd" + "." * 14 + "d" + "." * 14, "001" + "1" * 29),  # calm is counted anew
    ],
)
def test_steps(windows: str, expected: str) -> None:
    assert steps(windows) == expected


def test_a_relapse_doubles_the_time_before_the_next_step_back() -> None:
    once = "ddd" + "." * 15
    again = steps(once + "ddd" + "." * 30)
    assert again == "001" + "1" * 14 + "0" + "001" + "1" * 29 + "0"
    windows, before = once, 15
    for calm in (30, 60, 120, 240, 240):  # and not beyond
        windows += "ddd" + "." * calm
        assert steps(windows)[-2:] == "10"
        before = calm
    assert before == ladder._LONGEST_DOWN_S


def test_what_is_left_out() -> None:
    overload = Overload(THREE)
    seen = []
    for step in range(6):
        overload.step = step
        seen.append([overload.relief(name) for name in THREE])
    few, small, none = Relief(cadence=True), Relief(cadence=True, smaller=True), NO_RELIEF
    looks, paused = Relief(True, True, looks=True), Relief(True, True, looks=True, paused=True)
    expected = [[none] * 3, [few] * 3, [small] * 3, [looks] * 3, [looks, looks, paused], [looks, paused, paused]]
    assert seen == expected
    assert [str(r) for r in (none, few, small, looks, paused)] == [
        "", "fewer frames looked at", "a smaller input", "fewer second looks", "paused",
    ]  # fmt: skip


def test_cameras_by_priority_and_one_remains() -> None:
    overload = Overload({"a": 1, "b": 0, "c": 2, "d": 0})
    overload.step = ladder.LOOKS + 3
    assert overload.paused == ["d", "b", "a"]
    assert described(overload.step, overload.paused) == "step 6: d, b, a paused"
    assert [described(k, []) for k in range(4)] == [
        "step 0: nothing is left out", "step 1: fewer frames are looked at",
        "step 2: a smaller input of the detector", "step 3: fewer second looks",
    ]  # fmt: skip


def test_paused_cameras_and_new_ones_do_not_count() -> None:
    overload = Overload(THREE)
    overload.step = ladder.LOOKS + 1
    assert overload.paused == ["lane"]
    overload.judge(0.0, {})
    for k in range(1, 8):
        late = {"lane": Load(25 * k, 20 * k, 3.0)}
        assert overload.judge(float(k), {"gate": Load(25 * k, 0), **(late if k % 2 else {})}) is None


def test_a_camera_without_frames_has_no_age() -> None:
    overload = Overload(ONE)
    for k in range(8):
        assert overload.judge(float(k), {"gate": Load(100, 0, 9.0)}) is None  # its last frames, long ago
    assert age_of([]) == 0.0
    assert age_of([0.1, 9.0, 0.2]) == 0.2


def test_frames_from_before_a_camera_woke_up_tell_nothing_of_the_load(caplog: pytest.LogCaptureFixture) -> None:
    streams, (gate, _) = watched("gate", "yard")
    clock = ManualClock()
    watch = OverloadWatch(Overload(ONE), streams, clock)
    for _ in range(10):
        for _ in range(25):
            gate.done(3.0, late=True)
        gate.done(0.03)
        watch.tick()
        clock.move(1.0)
    assert not caplog.records
    for _ in range(60):
        gate.done(3.0)
        watch.tick()
        clock.move(0.1)
    assert "frames 3.0 s old" in caplog.text


class Machine:
    """Cameras of 25 frames/s on a machine that does `capacity` units of work a second. A frame that is looked at costs
    1, with a smaller input 0.8, with fewer second looks 0.6, one that is not 0.2; with cadence half of them are looked
    at."""

    def __init__(self, priorities: dict[str, int], capacity: float) -> None:
        self.overload, self.capacity = Overload(priorities), capacity
        self.taken, self.dropped = dict.fromkeys(priorities, 0.0), dict.fromkeys(priorities, 0.0)
        self.changes = 0

    def cost(self, name: str) -> float:
        relief = self.overload.relief(name)
        if relief.paused:
            return 0.2
        look = 0.6 if relief.looks else 0.8 if relief.smaller else 1.0
        return (look + 0.2) / 2 if relief.cadence else look

    def second(self, now: float, load: float = 1.0) -> float:
        """Plays one second; the share of dropped frames of cameras that are not paused."""
        work = 25 * load * sum(self.cost(n) for n in self.taken)
        share = max(0.0, 1 - self.capacity / work)
        for name in self.taken:
            self.taken[name] += 25 * (1 - share)
            self.dropped[name] += 25 * share
        loads = {n: Load(int(self.taken[n]), int(self.dropped[n]), 0.12 if share else 0.03) for n in self.taken}
        self.changes += self.overload.judge(now, loads) is not None
        return share


@pytest.mark.parametrize(
    ("cameras", "capacity", "step"),
    [(4, 101.0, 0), (4, 70.0, 1), (4, 52.0, 2), (4, 42.0, 3), (4, 37.0, 4), (4, 26.0, 6), (1, 5.0, 3)],
)
def test_it_settles_at_the_least_step_that_suffices(cameras: int, capacity: float, step: int) -> None:
    machine = Machine({f"c{k}": k for k in range(cameras)}, capacity)
    at = []
    for second in range(3600):
        machine.second(float(second))
        at.append(machine.overload.step)
    assert sum(s == step for s in at) > 0.9 * len(at)  # the rest are tries of less
    assert machine.changes <= 40


def test_it_goes_back_when_the_rush_is_over() -> None:
    machine = Machine(THREE, 50.0)
    for second in range(60):
        machine.second(float(second))
    assert machine.overload.step >= 1
    for second in range(60, 60 + 300):
        machine.second(float(second), load=0.5)
    assert machine.overload.step == 0


def watched(*names: str) -> tuple[Streams, list[Health]]:
    streams = Metrics()
    health = [Health(began=0.0) for _ in names]
    for name, one in zip(names, health, strict=True):
        streams.watch(name, RunSummary(), one)
    return streams, health


def test_log_status_and_metrics(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    streams, (gate, _) = watched("gate", "yard")
    clock = ManualClock()
    watch = OverloadWatch(Overload({"gate": 1, "yard": 0}), streams, clock)
    lines: list[str] = []
    status = StatusLines(streams, lines.append, clock)
    for _ in range(13):
        gate.taken, gate.dropped = gate.taken + 20, gate.dropped + 5
        watch.tick()
        watch.tick()  # not due
        clock.move(1.0)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", "overload: step 1: fewer frames are looked at (20% of the frames dropped)"),
        ("WARNING", "overload: step 2: a smaller input of the detector (20% of the frames dropped)"),
        ("WARNING", "overload: step 3: fewer second looks (20% of the frames dropped)"),
        ("WARNING", "overload: step 4: yard paused (20% of the frames dropped)"),
    ]
    clock.move(60.0)
    status.tick()
    assert "overload: fewer second looks" in lines[0]
    assert "overload: paused" in lines[1]
    assert isinstance(streams, Metrics)
    samples = {(s.name, *s.labels.values()): s.value for m in streams.collect() for s in m.samples}
    assert samples["alpr_overload_step",] == 4
    assert [samples["alpr_camera_paused", name] for name in ("gate", "yard")] == [0, 1]
    for _ in range(65):
        watch.tick()
        clock.move(1.0)
    assert caplog.records[-1].levelname == "INFO"
    assert caplog.records[-1].getMessage() == "overload: step 0: nothing is left out (no overload for 15 s)"


def test_configuration(tmp_path: Any) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("cameras:\n  gate: {url: 'rtsp://a/b', priority: 3}\n  yard: 'rtsp://a/c'\n", encoding="utf-8")
    config = load_config(path)
    overload = overload_of(config)
    assert overload is not None
    overload.step = ladder.LOOKS + 1
    assert overload.paused == ["yard"]
    assert overload_of(load_config(path, ["overload=drop"])) is None
    one = overload_of(config, "gate")
    assert one is not None
    path.write_text("cameras:\n  gate: {url: 'rtsp://a/b', overload: drop}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="one ladder serves all cameras"):
        load_config(path)


class SlowDetector(FakeDetector):
    """Takes 60 ms where a frame comes every 20."""

    def __init__(self, frames: list[int], stop: threading.Event, most: int) -> None:
        super().__init__()
        self.frames, self.stop, self.most = frames, stop, most

    def another(self) -> SlowDetector:
        return self

    def detect(self, frame: Frame) -> Plates:
        self.stop.wait(0.06)
        self.frames.append(frame.index)
        if len(self.frames) >= self.most:
            self.stop.set()
        return super().detect(frame)


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("overload", ["ladder", "drop"])
def test_in_a_run(single: bool, overload: str, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(ladder, "WINDOW_S", 0.1)
    stop, seen = threading.Event(), list[int]()
    detector = SlowDetector(seen, stop, 25)
    streams = Streams()
    if single:
        settings = RunConfig.model_validate({"overload": overload})
        run_stream(Camera("blue"), [], settings, detector=detector, reader=FakeReader(), stop=stop, streams=streams)
    else:
        settings = config(gate="blue").model_copy(update={"overload": overload})
        engines = Engines(detector, FakeReader(), 0.5)
        run_site(settings, [], engines=engines, stop=stop, streams=streams, source_of=lambda c, _: Camera(c.url))
    stepped = [r.getMessage() for r in caplog.records if "overload" in r.getMessage()]
    if overload == "drop":
        assert not stepped
        assert streams.overload is None
    else:
        assert stepped[0].startswith("overload: step 1: fewer frames are looked at (")
        assert streams.overload is not None
        (summary,) = [w.summary for w in streams.watched]
        assert summary.passed_over > 0


def test_a_ladder_serves_only_cameras() -> None:
    streams = Streams()
    from streamkit import drive

    from streamer.testing import FakeCamera

    frames: Sequence[Any] = drive(5)
    run_stream(FakeCamera(frames, live=False), [], detector=FakeDetector(), reader=FakeReader(), streams=streams)
    assert streams.overload is None
