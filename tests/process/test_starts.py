"""Starts in fresh processes: the first frames show a plate while libraries are still being loaded.

A few of each by default; `ALPR_STARTS=50 pytest tests/process/test_starts.py` makes 50 of each (docs/streams.md).
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamkit import write_video

from train.synth.clip import ClipScene

MANY = int(os.environ.get("ALPR_STARTS", "0"))
ALONE, PAIRS, RACES = MANY or 4, (MANY + 1) // 2 or 2, MANY or 5

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 60 * MANY)]

# Threads of a user's program, each of which comes to the package by another door and follows a plate at once.
RACE = """
import sys, threading
doors = [
    "from streamer import run_stream",
    "from streamer import PlateReader",
    "from streamer.source.file import VideoSource; VideoSource('x.mp4')",
    "from streamer.tracking.tracker import KalmanTracker",
]
ready, bad = threading.Barrier(4), []
sys.setswitchinterval(1e-5)

def camera(number):
    ready.wait()
    try:
        exec(doors[number], {})
        import numpy as np
        from streamer.config.models import TrackConfig
        from streamer.tracking.association import assign
        from streamer.tracking.tracker import KalmanTracker
        from streamer.types import Frame, Plates
        box = np.array([[10.0, 10, 60, 30]])
        plates = Plates(box, np.ones(1), np.array([[[10.0, 10], [60, 10], [60, 30], [10, 30]]]), np.ones(1, bool))
        tracker = KalmanTracker(TrackConfig())
        for k in range(3):
            tracker.update(Frame(k, k / 25, 320, 180), plates)
        assert len(tracker.finish()) == 1
    except BaseException as error:
        bad.append(f"{doors[number]}: {type(error).__name__}: {error}")

threads = [threading.Thread(target=camera, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("\\n".join(bad) or 0)
"""

# Reading the files of one library takes longer, as from a slow disk: it comes later than the first frames.
SLOW = """
import importlib._bootstrap_external as b, os, time
get = b.FileLoader.get_data
def slow(self, path):
    if os.sep + os.environ["SLOW_LIBRARY"] + os.sep in str(path):
        time.sleep(0.05)
    return get(self, path)
b.FileLoader.get_data = slow
"""

STAYS = """
import sys, threading
from streamer.config.models import RunConfig
from streamer.pipeline.engines import load_engines
load_engines(RunConfig(threads=1))
left = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
assert not left, left
before = set(sys.modules)
from streamer.tracking.kalman import PlateMotion
import numpy as np
PlateMotion(np.array([0, 0, 40, 10.0])).predict(0.04)
assert not {m for m in set(sys.modules) - before if m.startswith(("filterpy", "scipy"))}
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of a drawn street, with a plate from the first one on."""
    scene = ClipScene(5.0, 5, (960, 540), 3, 11)
    pictures = [scene.frame(k) for k in range(9, 15)]
    options = {"preset": "ultrafast", "crf": "18"}
    return write_video(tmp_path_factory.mktemp("starts") / "clip.mp4", pictures, codec="libx264", options=options)


def start(clip: Path, rows: Path, **environment: str) -> list[str]:
    """The plates that a run in a process of its own gives."""
    command = [sys.executable, "-m", "streamer.cli", "run", str(clip), "--csv", str(rows), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    with rows.open(encoding="utf-8", newline="") as stream:
        return [row["plate"] for row in csv.DictReader(stream)]


def test_every_start_gives_the_rows(clip: Path, tmp_path: Path) -> None:
    first = start(clip, tmp_path / "first.csv")
    assert first
    for number in range(1, ALONE):
        assert start(clip, tmp_path / f"{number}.csv") == first
    with ThreadPoolExecutor(2) as pool:
        pairs = list(pool.map(lambda number: start(clip, tmp_path / f"pair-{number}.csv"), range(2 * PAIRS)))
    assert pairs == [first] * (2 * PAIRS)


@pytest.mark.parametrize("library", ["filterpy", "av"])
def test_a_library_that_comes_late(clip: Path, tmp_path: Path, library: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW, encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    assert start(clip, tmp_path / "rows.csv", PYTHONPATH=path, SLOW_LIBRARY=library)


def test_threads_that_come_first_at_once() -> None:
    for _ in range(RACES):
        done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_nothing_is_still_being_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", STAYS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
