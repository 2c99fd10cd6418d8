"""Rows that wait when a run is killed are there after its next start, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from streamkit import passage_of

from streamer.config.models import RowsConfig
from streamer.sink.csv import CsvSink
from streamer.sink.jsonl import JsonlSink
from streamer.sink.platerecognizer import PlateRecognizerSink
from streamer.sink.sink import BaseSink

NEVER = RowsConfig(fsync="never")
KILLED = """
import os, signal, sys
from streamkit import passage_of
from streamer.sink.csv import CsvSink
from streamer.sink.jsonl import JsonlSink
for sink in (CsvSink("p.csv", append=True), JsonlSink("p.jsonl", append=True)):
    one, two = (passage_of(track_id=k, event_id=f"event-{k}") for k in (1, 2))
    sink.waiting("gate", [])
    sink.waiting("gate", [one, two])
    sink.passage(one)  # written, and killed before that is noted
os.kill(os.getpid(), signal.SIGKILL)
"""


def numbers(folder: Path) -> tuple[list[str], list[int]]:
    rows = (folder / "p.csv").read_text(encoding="utf-8").splitlines()
    lines = (folder / "p.jsonl").read_text(encoding="utf-8").splitlines()
    return [row.split(",")[1] for row in rows[1:]], [json.loads(line)["track_id"] for line in lines]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_killed_run_gives_its_rows_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), str(Path.cwd())])}
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=environment)
    assert done.returncode == -signal.SIGKILL
    assert numbers(tmp_path) == (["1"], [1])
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        for make in (CsvSink, JsonlSink):
            sink: BaseSink = make(f"p.{make.__name__.removesuffix('Sink').lower()}", append=True, config=NEVER)
            sink.waiting("other", [])  # another camera's rows are not its own
            sink.waiting("gate", [])
            sink.close()
        assert numbers(tmp_path) == (["1", "2"], [1, 2])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.csv", "p.jsonl"]


def test_rows_that_are_replaced_are_not_given_again(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "p.csv", config=NEVER)
    sink.waiting("gate", [passage_of()])
    sink.close()
    again = CsvSink(tmp_path / "p.csv", config=NEVER)
    again.waiting("gate", [])
    again.close()
    assert [p.name for p in tmp_path.iterdir()] == ["p.csv"]
    assert (tmp_path / "p.csv").read_text().count("\n") == 1


@pytest.mark.parametrize("name", ["{camera}.csv", "{date}/{camera}.csv", "{camera}/{hour}.csv"])
def test_templates_and_other_columns(tmp_path: Path, name: str) -> None:
    for rows in (1, 1):
        sink = PlateRecognizerSink(tmp_path / name, append=True, config=NEVER)
        sink.waiting("Gate/1", [])
        sink.waiting("Gate/1", [passage_of(camera="Gate/1")])
        if rows:
            sink._files._open.clear()  # killed: nothing is closed
    last = PlateRecognizerSink(tmp_path / name, append=True, config=NEVER)
    last.waiting("Gate/1", [])
    last.close()
    (file,) = [p for p in tmp_path.rglob("*.csv") if not p.name.startswith(".")]
    assert file.read_text(encoding="utf-8").count("皖a12345") == 2  # once in `plate`, once in `candidates`
    assert not list(tmp_path.rglob("*.waiting"))


def test_a_folder_that_takes_no_file_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = CsvSink(tmp_path / "p.csv", config=NEVER)
    (tmp_path / ".p.csv.gate.waiting.new").mkdir()
    for k in range(3):
        sink.waiting("gate", [passage_of(track_id=k)])
    sink.close()
    assert caplog.text.count("a killed run loses waiting rows") == 1
