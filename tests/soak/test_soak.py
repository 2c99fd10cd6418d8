"""The long run in short: what it plays, what it measures, and what it makes of it."""

from __future__ import annotations

import csv
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamkit import FakeDetector, FakeReader, drive, write_video

from streamer.cli import main
from streamer.config.models import RunConfig
from streamer.errors import InputError
from streamer.pipeline.engines import load_engines
from streamer.soak.breaking_camera import FAULTS, BreakingCamera
from streamer.soak.measure import Plan, SoakResult, soak
from streamer.soak.probe import Sample, current_resources
from streamer.soak.trend import trend
from streamer.source.file import VideoSource

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


def line(slope: float, noise: float = 0.0, count: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    at = np.linspace(0, 3600, count)
    return at, 400 + slope * at / 3600 + np.random.default_rng(seed).normal(0, noise, count)


@pytest.mark.parametrize("slope", [-20.0, 0.0, 3.0, 500.0])
def test_a_straight_line_is_found(slope: float) -> None:
    found = trend(*line(slope))
    assert found is not None
    assert (found.slope, found.low, found.high) == pytest.approx((slope, slope, slope), abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_too_few_tell_nothing(count: int) -> None:
    assert trend(*line(1.0, count=count)) is None


def test_the_bound_holds_as_often_as_it_says() -> None:
    bounds = [trend(*line(2.0, noise=5.0, seed=seed)) for seed in range(300)]
    over = np.mean([b.high < 2.0 for b in bounds if b is not None])
    assert 0.0 < over < 0.1  # of 0.05, a little less where neighbours happen to go together


def test_noise_that_wanders_widens_the_bound() -> None:
    at, white = line(0.0, noise=1.0)
    wandering = np.convolve(white - 400, np.ones(30) / np.sqrt(30), "same")
    still, drifting = trend(at, white), trend(at, wandering)
    assert still is not None
    assert drifting is not None
    assert drifting.high - drifting.slope > 2 * (still.high - still.slope)


@given(st.lists(st.floats(0, 1e4), min_size=8, max_size=60), st.floats(-1e3, 1e3))
def test_what_is_added_to_all_changes_nothing(values: list[float], more: float) -> None:
    at = np.arange(len(values), dtype=float)
    one, other = trend(at, np.array(values)), trend(at, np.array(values) + more)
    assert one is not None
    assert other is not None
    assert one.low <= one.slope <= one.high
    assert other.slope == pytest.approx(one.slope, abs=1e-3 + 1e-6 * abs(one.slope))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("soak") / "a.mp4", drive(50))


def test_a_camera_breaks_in_each_way_in_turn(clip: Path) -> None:
    camera = BreakingCamera(VideoSource(clip), speed=5.0, every_s=0.3, silent_s=0.2)
    ended = []
    for _ in range(4):
        camera.open()
        began, last, how = time.monotonic(), 0.0, "ended"
        try:
            for _frame in camera.frames():
                last = time.monotonic()
        except InputError:
            how = "broken"
        ended.append("silent" if time.monotonic() - last > 0.15 else how)
        assert last - began > 0.1
        camera.close()
        camera = camera.again()
    assert ended == [*FAULTS, FAULTS[0]]


def test_a_short_run_in_whole(clip: Path, tmp_path: Path) -> None:
    config = RunConfig.model_validate({"live": {"silence_s": 0.5, "backoff_s": 0.2}})
    told: list[Sample] = []
    plan = Plan((clip, clip), 6.0, 2.0, 1.0, 0.3, 1.0)
    engines = load_engines(config, FakeDetector(), FakeReader())
    done = soak(plan, config, engines, tmp_path, threading.Event(), told.append)
    assert tuple(told) == done.samples
    assert all(one.at_s < other.at_s and one.frames <= other.frames for one, other in pairwise(told))
    last = told[-1]
    assert last.frames > 20
    assert last.reconnects >= 3
    assert 0 < last.age_p50_ms <= last.age_p99_ms
    assert done.after.threads <= done.before.threads
    assert done.trend("memory_mb") is not None
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8").count("皖A12345") >= last.rows
    assert (tmp_path / "rows.jsonl").stat().st_size


def test_it_can_be_stopped(clip: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    plan = Plan((clip,), 600.0, 1.0, 60.0, 0.2, 0.0)
    engines = load_engines(RunConfig(), FakeDetector(), FakeReader())
    began = time.monotonic()
    soak(plan, RunConfig(), engines, tmp_path, stop, lambda sample: stop.set())
    assert time.monotonic() - began < 10


def sample(at_s: float, memory_mb: float) -> Sample:
    return Sample(at_s, memory_mb, 5, 20, 12, 8.0, 20.0, int(at_s * 50), 3, 0, 1)


@pytest.mark.parametrize(
    ("growth", "left", "code", "said"),
    [
        (0.0, 0, 0, "nothing grows"),
        (20.0, 0, 1, "memory may grow by 20.0 MB"),
        (0.0, 2, 1, "2 threads left behind"),
    ],
)
def test_the_report(growth: float, left: int, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import replace

    from streamer.cli.soak import _report

    before = current_resources()
    after = replace(before, threads=before.threads + left)
    samples = tuple(sample(s, 400 + growth * s / 3600) for s in range(0, 3600, 20))
    assert _report(SoakResult(samples, before, after, 600.0), 3.0, 2) == code
    out = capsys.readouterr().out
    assert said in out
    assert "5.97 h of camera time" in out


def test_a_short_run_is_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    from streamer.cli.soak import _report

    held = current_resources()
    samples = tuple(sample(s, 400 + 240 * s / 3600) for s in range(0, 60, 2))
    assert _report(SoakResult(samples, held, held, 6.0), 3.0, 2) == 0
    assert "too short to measure" in capsys.readouterr().out


def test_the_command(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["soak", str(clip), "--hours", "0.0015", "--samples", str(tmp_path / "s.csv"), "--precision", "f32"]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code in (0, 1)  # in so short a time memory may still grow
    assert "left behind" in capsys.readouterr().out or ended.value.code == 1
    with (tmp_path / "s.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[-1]["memory_mb"]) > 50
    assert int(rows[-1]["frames"]) > 0  # how many depends on the machine
    with pytest.raises(SystemExit) as refused:
        main(["soak", str(tmp_path / "none.mp4")])
    assert refused.value.code == 3


def test_the_samples_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    from dataclasses import asdict

    file = tmp_path / "s.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(asdict(sample(0, 0))))
        writer.writeheader()
        writer.writerows(asdict(sample(s, 400 + 3 * s / 3600)) for s in range(0, 3600, 20))
    with pytest.raises(SystemExit) as ended:
        main(["eval", "soak", str(file), "--plot", str(tmp_path / "p.png")])
    assert ended.value.code == 0
    assert "+3.00 MB an hour" in capsys.readouterr().out
    assert (tmp_path / "p.png").stat().st_size > 5000


@pytest.mark.parametrize("text", [None, "", "a,b\n1,2\n", "at_s,memory_mb\n"])
def test_no_samples_are_an_error(text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if text is not None:
        (tmp_path / "s.csv").write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["eval", "soak", str(tmp_path / "s.csv")])
    assert ended.value.code == 3
    assert "s.csv" in capsys.readouterr().err
