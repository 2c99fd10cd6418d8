"""The Python interface as its readers use it: the README's programs, and passages one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from streamkit import BLUE, GREEN, FakeDetector, FakeReader, scene, write_video

import streamer
from streamer.config.models import RunConfig
from streamer.errors import InputError, OutputError
from streamer.pipeline.runner import IncompleteRun
from streamer.sink.sink import BaseSink
from streamer.types import Passage

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.timeout(120)


def test_programs_of_readme_and_docs_are_typed(tmp_path: Path) -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages if page.is_file())
    programs = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(programs) >= 3
    programs.append("".join(f"from streamer import {name} as {name}\n" for name in streamer.__all__))
    assert (Path(streamer.__file__).parent / "py.typed").is_file()
    files = []
    for number, program in enumerate(programs):
        files.append(tmp_path / f"program_{number}.py")
        files[-1].write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--python-version=3.11", *map(str, files)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two plates, one after the other."""
    pictures = [scene(320, 180, (40 + 4 * k, 80, BLUE)) for k in range(12)]
    pictures += [scene(320, 180) for _ in range(25)]
    pictures += [scene(320, 180, (40 + 4 * k, 80, GREEN)) for k in range(12)]
    return write_video(tmp_path / "two.mp4", pictures)


def passages(source: Path | str, *sinks: BaseSink, rejoin_s: float = 0.0):  # type: ignore[no-untyped-def]
    config = RunConfig().with_options(vote={"rejoin_s": rejoin_s})
    return streamer.stream(source, config, sinks=sinks, detector=FakeDetector(), reader=FakeReader())


class Closed(BaseSink):
    def __init__(self, fails: bool = False) -> None:
        self.closed, self._fails = 0, fails

    def passage(self, passage: Passage) -> None:
        if self._fails:
            raise OutputError("disk: full")

    def close(self) -> None:
        self.closed += 1


def none_left() -> bool:
    return not [t for t in threading.enumerate() if t.name in ("alpr-stream", "alpr-decode")]


def test_passages_one_after_the_other(clip: Path) -> None:
    run = passages(clip)
    assert [next(run).plate, next(run).plate] == ["皖A12345", "GRN777"]
    with pytest.raises(StopIteration) as end:
        next(run)
    assert (end.value.value.passages, end.value.value.frames) == (2, 49)
    assert none_left()


def test_who_stops_early_ends_the_run(clip: Path) -> None:
    sink = Closed()
    for passage in passages(clip, sink):
        assert "皖A12345" in repr(passage)
        assert len(repr(passage)) < 200
        break
    assert sink.closed == 1
    assert none_left()


def test_an_error_of_who_takes_them(clip: Path) -> None:
    sink = Closed()
    run = passages(clip, sink)
    with pytest.raises(ZeroDivisionError), closing(run):
        _ = [1 / 0 for _ in run]
    assert sink.closed == 1
    assert none_left()


def test_errors_of_the_run(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(passages(tmp_path / "none.mp4"))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(clip.read_bytes()[:200])
    with pytest.raises(IncompleteRun) as error:
        list(passages(cut))
    assert error.value.summary.frames == 0
    assert len(error.value.failures) == 1
    with pytest.raises(OutputError, match="disk: full"):
        list(passages(clip, Closed(fails=True)))
    assert none_left()


def test_a_thread_that_ended_takes_its_run_along(clip: Path) -> None:
    kept = []

    def take() -> None:
        kept.append(passages(clip))
        next(kept[0])

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    for other in threading.enumerate():
        if other.name == "alpr-stream":
            other.join(10)
    assert none_left()
