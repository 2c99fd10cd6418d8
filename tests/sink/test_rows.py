"""CSV, JSON Lines and the terminal: exact bytes, round trips, and outputs that cannot be written."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamkit import passage_of

from streamer.errors import ConfigError, OutputError
from streamer.sink.csv import COLUMNS, CsvSink, encode_row, guard, row_of, unguard
from streamer.sink.jsonl import JsonlSink
from streamer.sink.platerecognizer import PlateRecognizerSink
from streamer.sink.terminal import TerminalSink
from streamer.sink.video import VideoFolderSink, VideoSink
from streamer.types import Kind

HEADER = (
    "camera,track_id,plate,confidence,first_frame,last_frame,best_frame,first_s,last_s,"
    "first_seen,last_seen,time_source,box,n_reads,event_id,dwell_s,direction_deg,movement,score,zone,crossed,"
    "flags,region,colour,rows\n"
)
SEEN = datetime(2026, 1, 31, 8, 0, 0, 120000, timezone(timedelta(hours=8)))


def test_the_exact_bytes_of_schema_1(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "p.csv")
    sink.passage(passage_of())
    told = {"first_seen": SEEN, "last_seen": SEEN, "time_source": "given"}
    doubted = {"flags": ("country", "edge"), "kind": Kind("blue", 1, "china")}
    sink.passage(passage_of(camera="gate, north", track_id=2, **told, **doubted))
    sink.close()
    sink.close()
    assert (tmp_path / "p.csv").read_text(encoding="utf-8") == HEADER + (
        'gate,1,皖A12345,0.9877,3,40,20,0.120,1.600,,,unknown,"[1.0,2.0,30.3,12.0]",5,0f,1.480,28,approaching,0.9123,lane,,,,,\n'
        '"gate, north",2,皖A12345,0.9877,3,40,20,0.120,1.600,2026-01-31T08:00:00.120000+08:00,'
        '2026-01-31T08:00:00.120000+08:00,given,"[1.0,2.0,30.3,12.0]",5,0f,1.480,28,approaching,0.9123,lane,,"country,edge",china,blue,1\n'
    )


def test_the_exact_bytes_of_the_other_dialect(tmp_path: Path) -> None:
    sink = PlateRecognizerSink(tmp_path / "p.csv")
    sink.passage(passage_of(camera="=gate", first_seen=SEEN))
    sink.passage(passage_of(first_box=(0, 0, 30, 10), last_box=(0, 0, 30, 10)))
    sink.close()
    assert (tmp_path / "p.csv").read_text(encoding="utf-8") == (
        "timestamp,plate,score,dscore,file,box,model_make,color,vehicle,region,orientation,candidates,source_url,"
        "position_sec,direction\n"
        "2026-01-31 08:00:00.120000+08:00,皖a12345,0.988,0.912,'=gate,"
        "\"{'xmin': 1, 'ymin': 2, 'xmax': 30, 'ymax': 12}\",,,,,,"
        "\"[{'score': 0.988, 'plate': '皖a12345'}]\",,0.120,28\n"
        ",皖a12345,0.988,0.912,gate,"
        "\"{'xmin': 1, 'ymin': 2, 'xmax': 30, 'ymax': 12}\",,,,,,\"[{'score': 0.988, 'plate': '皖a12345'}]\",,0.120,\n"
    )
    with pytest.raises(ConfigError, match="has other columns"):
        CsvSink(tmp_path / "p.csv", append=True)


def test_each_row_is_on_disk_at_once(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == HEADER
    sink.passage(passage_of())
    assert (tmp_path / "p.csv").read_bytes().count(b"\n") == 2
    sink.close()


def test_a_file_is_written_anew_or_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    for append in (False, True, True, False):
        sink = CsvSink(path, append=append)
        sink.passage(passage_of())
        sink.close()
    assert path.read_text(encoding="utf-8").count("皖") == 1
    sink = CsvSink(path, append=True)
    sink.passage(passage_of())
    sink.close()
    assert path.read_text(encoding="utf-8").startswith(HEADER)
    assert path.read_text(encoding="utf-8").count("camera") == 1
    assert path.read_text(encoding="utf-8").count("皖") == 2


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "'quoted"])
def test_formulas_are_guarded(name: str) -> None:
    cell = row_of(passage_of(camera=name))[0]
    assert cell == "'" + name
    assert unguard(cell) == name


@given(st.text(), st.floats(0, 1), st.tuples(*[st.floats(-1e4, 1e4)] * 4), st.floats(0, 1e6))
def test_csv_round_trip(camera: str, confidence: float, box: tuple[float, float, float, float], at: float) -> None:
    camera = camera.replace("\0", "")
    data = encode_row(row_of(passage_of(camera=camera, confidence=confidence, box=box, first_s=at))).decode("utf-8")
    (row,) = csv.reader(io.StringIO(data, newline=""))
    cells = dict(zip(COLUMNS, row, strict=True))
    assert unguard(cells["camera"]) == camera
    assert float(cells["confidence"]) == pytest.approx(confidence, abs=5.1e-5)
    assert json.loads(cells["box"]) == pytest.approx(box, abs=0.051)
    assert float(cells["first_s"]) == pytest.approx(at, abs=5.1e-4)


@given(st.text())
def test_guard_is_undone_by_unguard_and_leaves_no_formula(text: str) -> None:
    assert unguard(guard(text)) == text
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_jsonl_is_one_object_a_line(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path / "p.jsonl")
    sink.passage(passage_of(camera="a\nb"))
    sink.passage(passage_of(first_seen=SEEN))
    sink.close()
    one, two = (json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines())
    assert set(COLUMNS) <= set(one)
    assert (one["schema"], one["type"], one["camera"], one["box"]) == (1, "passage", "a\nb", [1.0, 2.0, 30.3, 12.0])
    assert one["first_seen"] is None
    assert two["first_seen"] == "2026-01-31T08:00:00.120000+08:00"


def test_terminal_prints_rows_and_says_when_there_are_none() -> None:
    out = io.StringIO()
    sink = TerminalSink(out)
    sink.passage(passage_of(camera="[red]gate", first_s=3725.5))
    sink.close()
    head, row = out.getvalue().splitlines()
    assert head.split()[:2] == ["camera", "plate"]
    assert row.split()[:4] == ["[red]gate", "皖A12345", "0.988", "1:02:05.500"]
    out = io.StringIO()
    TerminalSink(out).close()
    assert "no plate" in out.getvalue()


@pytest.mark.parametrize("make", [CsvSink, JsonlSink, VideoSink, VideoFolderSink])
def test_an_output_that_cannot_be_written_fails_before_anything_else(tmp_path: Path, make: type) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"out\.mp4: cannot be written .*: ") as caught:
        make(tmp_path / "file" / "out.mp4")
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [CsvSink, JsonlSink, VideoSink])
def test_a_folder_is_not_an_output_file(tmp_path: Path, make: type) -> None:
    with pytest.raises(OutputError, match="it is a folder"):
        make(tmp_path)


def test_a_row_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    code = f"""
import resource, signal
from streamer.errors import ConfigError, OutputError
from streamer.sink.csv import CsvSink
from streamkit import passage_of
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sink = CsvSink({str(tmp_path / "p.csv")!r})
sink.passage(passage_of())
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(HEADER)} + 200, {len(HEADER)} + 200))
try:
    sink.passage(passage_of(camera="c" * 150))
except OutputError as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), str(Path.cwd())])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "cannot be written" in done.stdout, done.stderr
    text = (tmp_path / "p.csv").read_text()
    assert text.endswith("\n")
    assert text.count("\n") == 2


def test_rows_are_not_appended_to_a_foreign_table(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("precious,data\n1,2\n")
    with pytest.raises(ConfigError, match="has other columns"):
        CsvSink(tmp_path / "p.csv", append=True)
    assert (tmp_path / "p.csv").read_text() == "precious,data\n1,2\n"
    (tmp_path / "later.csv").write_text(HEADER.rstrip("\n") + ",direction\n")
    CsvSink(tmp_path / "later.csv", append=True).close()  # columns of a later version come after


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    CsvSink(tmp_path / "a" / "b" / "p.csv").close()
    assert (tmp_path / "a" / "b" / "p.csv").read_text() == HEADER


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_a_pipe_is_an_output() -> None:
    read, write = os.pipe()
    sink = CsvSink(f"/dev/fd/{write}")
    sink.passage(passage_of())
    sink.close()
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stream:
        assert stream.read().startswith(HEADER + "gate,1,")
