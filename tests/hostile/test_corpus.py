"""Every file of the corpus through a whole run, in a process with little memory: a result, or a clear error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(p.name for p in (HERE / "corpus").iterdir())
LEAST = 90

WORKER = """
import resource, sys, tempfile
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))
sys.path.insert(0, sys.argv[1])
from streamkit import FakeDetector, FakeReader
from streamer.errors import InputError
from streamer.pipeline.runner import run_stream
from streamer.sink.csv import CsvSink
for name in sys.stdin:
    path = Path(name.strip())
    out = Path(tempfile.mkdtemp()) / "p.csv"
    try:
        summary = run_stream(path, [CsvSink(out)], detector=FakeDetector(), reader=FakeReader())
        told = f"{summary.frames} frames"
    except InputError as error:
        told = f"error: {error}"
    whole = out.read_bytes().endswith(b"\\n")
    print(path.name, "whole" if whole else "torn", told.replace("\\n", " "), sep="|", flush=True)
"""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[str, str]]:
    """What became of each file: whether its rows are whole, and frames or an error."""
    names = "".join(f"{HERE / 'corpus' / name}\n" for name in FILES)
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(HERE.parent)],
        input=names, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    lines = (line.split("|", 2) for line in done.stdout.splitlines())
    return {name: (whole, told) for name, whole, told in lines}


@pytest.mark.timeout(300)
def test_every_file_has_a_result_or_an_error_that_names_it(outcomes: dict[str, tuple[str, str]]) -> None:
    assert len(FILES) > LEAST
    assert set(outcomes) == set(FILES)
    for name, (whole, told) in outcomes.items():
        assert whole == "whole", name
        assert told.endswith("frames") or name in told, f"{name}: {told}"


@pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv", "plain.ts", "ten-bit.mkv", "interlaced.mkv", "rotated.mp4"])
def test_what_is_whole_is_read_whole(name: str, outcomes: dict[str, tuple[str, str]]) -> None:
    assert outcomes[name][1] == "12 frames"


@pytest.mark.parametrize("name", ["empty.mp4", "only-zeros.mp4", "text.mp4", "archive.mkv", "sound.m4a", "huge.y4m"])
def test_what_is_nothing_is_an_error(name: str, outcomes: dict[str, tuple[str, str]]) -> None:
    assert outcomes[name][1].startswith("error: ")
