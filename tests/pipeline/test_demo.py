"""The clip that comes with the project, read with the networks that come with it."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest

from streamer.config.models import RunConfig
from streamer.pipeline.runner import run_stream
from streamer.sink.csv import CsvSink
from streamer.sink.video import VideoSink

PRECISIONS = ["f32", "int8"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clip(repo: Path) -> Path:
    return repo / "tests" / "clips" / "demo.mp4"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_vehicle_is_one_right_row(clip: Path, tmp_path: Path, precision: str) -> None:
    config = RunConfig().with_options(precision=precision)
    summary = run_stream(clip, [CsvSink(tmp_path / "p.csv"), VideoSink(tmp_path / "v.mp4")], config)
    truth = json.loads(clip.with_suffix(".truth.json").read_text(encoding="utf-8"))
    with (tmp_path / "p.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [r["plate"] for r in rows] == [p["text"] for p in truth["passages"]]
    for row, passage in zip(rows, truth["passages"], strict=True):
        assert int(row["first_frame"]) <= passage["last"]
        assert int(row["last_frame"]) >= passage["first"]
        assert row["time_source"] == "container"
        assert row["first_seen"].startswith("2024-05-01T08:00:0")
    assert summary.frames == truth["frames"]
    with av.open(str(tmp_path / "v.mp4")) as out, av.open(str(clip)) as source:
        times = [[float(f.pts * f.time_base) for f in c.decode(video=0)] for c in (out, source)]
    assert times[0] == pytest.approx(times[1], abs=1e-3)


def test_two_runs_and_any_number_of_threads_give_the_same_bytes(clip: Path, tmp_path: Path) -> None:
    for name, threads in (("a", 1), ("b", 1), ("c", 2)):
        run_stream(clip, [CsvSink(tmp_path / name)], RunConfig().with_options(threads=threads, precision="f32"))
    first = (tmp_path / "a").read_bytes()
    assert first == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()
    assert first.count(b"\n") > 1


@pytest.mark.parametrize("damage", ["missing", "altered"])
def test_missing_or_altered_weights_are_told_before_anything_is_written(
    clip: Path, repo: Path, tmp_path: Path, damage: str
) -> None:
    model = tmp_path / "plate-reader"
    shutil.copytree(repo / "models" / "zoo" / "plate-reader", model)
    weights = model / "plate-reader-f32.bin"
    if damage == "missing":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    rows = tmp_path / "p.csv"
    rows.write_text("rows of before\n")
    command = ["run", clip, "--csv", rows, "--reader", weights.with_suffix(".xml"), "--precision", "f32"]
    code = f"from streamer.cli import main; main({[str(c) for c in command]!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, text=True)
    assert done.returncode == 5
    (line,) = done.stderr.splitlines()
    assert line.startswith("alpr: error: ")
    assert "plate-reader-f32" in line
    assert rows.read_text() == "rows of before\n"
