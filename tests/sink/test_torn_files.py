"""Files of rows as a crash, another program or another run leaves them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from streamkit import passage_of

from streamer.config.models import RowsConfig
from streamer.errors import OutputError
from streamer.sink.csv import COLUMNS, CsvSink
from streamer.sink.jsonl import JsonlSink
from streamer.sink.ledger import LedgerSink
from streamer.sink.sink import BaseSink
from streamer.source.source import StreamInfo

NEVER = RowsConfig(fsync="never")
HEADER = ",".join(COLUMNS)
INFO = StreamInfo("gate", 64, 48)


def put(sink: BaseSink, *numbers: int) -> None:
    for number in numbers:
        sink.passage(passage_of(track_id=number))
    sink.close()


def ids(path: Path) -> list[str]:
    """The track ids that an ordinary reader sees, strictly."""
    text = path.read_text(encoding="utf-8-sig")
    assert "\0" not in text
    rows = list(csv.DictReader(text.splitlines(keepends=True), strict=True))
    assert all(None not in row and None not in row.values() for row in rows)
    return [row["track_id"] for row in rows]


def cut(data: bytes, at: str) -> bytes:
    return data[: data.rindex(at.encode()) + len(at.encode())]


@pytest.mark.parametrize(
    ("torn", "left"),
    [
        (lambda d: cut(d, '"[1.0'), ["1"]),  # within quotes
        (lambda d: cut(d, "gate,"), ["1"]),
        (lambda d: cut(d, "gate,2,")[:-1] + "皖".encode()[:2], ["1"]),  # half a character
        (lambda d: d[:-1], ["1", "2"]),  # nothing but its line feed is missing
        (lambda d: d + bytes(3000), ["1", "2"]),
        (lambda d: cut(d, "gate,") + bytes(70_000), ["1"]),
        (lambda d: d[:20], []),  # the header itself
        (lambda d: bytes(100), []),
        (lambda d: b"", []),
        (lambda d: b"\xef\xbb\xbf" + d, ["1", "2"]),
        (lambda d: d.replace(b"\n", b"\r\n"), ["1", "2"]),
    ],
)
def test_rows_go_on_after_a_torn_end(tmp_path: Path, torn: object, left: list[str]) -> None:
    path = tmp_path / "p.csv"
    put(CsvSink(path, config=NEVER), 1, 2)
    path.write_bytes(torn(path.read_bytes()))  # type: ignore[operator]
    whole = path.read_bytes()
    put(CsvSink(path, append=True, config=NEVER), 3)
    assert ids(path) == [*left, "3"]
    assert b"\r\n" not in whole or path.read_bytes().count(b"\r\n") == 4
    if left == ["1", "2"]:
        assert path.read_bytes().startswith(whole.rstrip(b"\0"))


def test_whole_rows_after_a_quote_left_open_long_ago_stay(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    put(CsvSink(path, config=NEVER), 1, 2)
    torn = cut(path.read_bytes(), '"[1.0') + b"\n"
    path.write_bytes(torn + path.read_bytes().splitlines(keepends=True)[1] * 2)
    before = path.read_bytes()
    put(CsvSink(path, append=True, config=NEVER), 3)
    assert path.read_bytes().startswith(before)
    assert list(csv.reader(path.open(encoding="utf-8", newline="")))[-1][1] == "3"


@pytest.mark.parametrize("n", [15, len(COLUMNS), len(COLUMNS) + 2])
def test_rows_take_the_form_of_the_file(tmp_path: Path, n: int, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "p.csv"
    path.write_text(",".join([*COLUMNS, "mine", "too"][:n]) + "\n")
    put(CsvSink(path, append=True, config=NEVER), 7)
    assert ids(path) == ["7"]
    assert ("has no columns" in caplog.text) == (n == 15)


@pytest.mark.parametrize("tail", [b'{"plate": "A', bytes(3000), b'{"plate": "\xe7', b'{"plate": "A"}'])
def test_lines_go_on_after_a_torn_end(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "p.jsonl"
    put(JsonlSink(path, config=NEVER), 1)
    with path.open("ab") as stream:
        stream.write(tail)
    put(JsonlSink(path, append=True, config=NEVER), 2)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line.get("track_id") for line in lines] == ([1, None, 2] if tail.endswith(b"}") else [1, 2])


def test_a_ledger_goes_on_after_a_torn_end(tmp_path: Path) -> None:
    put(LedgerSink(tmp_path), 1)
    with (tmp_path / "ledger.jsonl").open("ab") as stream:
        stream.write(b'{"type": "pass')
    put(LedgerSink(tmp_path, append=True), 2)
    lines = (tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["track_id"] for line in lines] == [1, 2]


def test_earlier_rows_are_replaced_when_the_source_is_open(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    put(CsvSink(path, config=NEVER), 1)
    CsvSink(path, config=NEVER).close()  # the source could not be opened
    assert ids(path) == ["1"]
    sink = CsvSink(path, config=NEVER)
    sink.begin(INFO)
    sink.close()
    assert ids(path) == []


@pytest.mark.parametrize("deed", ["move", "delete", "replace", "empty"])
def test_files_that_are_taken_away_are_begun_anew(tmp_path: Path, deed: str) -> None:
    path, moved = tmp_path / "p.csv", tmp_path / "p.csv.1"
    sink = CsvSink(path, config=NEVER)
    sink.passage(passage_of(track_id=1))
    if deed == "move":
        path.rename(moved)
    elif deed == "delete":
        path.unlink()
    elif deed == "replace":
        moved.write_text(HEADER + "\n")
        moved.replace(path)
    else:
        os.truncate(path, 0)
    put(sink, 2, 3)
    assert ids(path) == ["2", "3"]
    if deed == "move":
        assert ids(moved) == ["1"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such lock there")
def test_a_second_run_into_one_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    first = CsvSink(path, config=NEVER)
    first.passage(passage_of(track_id=1))
    for append in (False, True):
        with pytest.raises(OutputError, match="another run is writing to it"):
            CsvSink(path, append=append, config=NEVER)
    put(first, 2)
    assert ids(path) == ["1", "2"]


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_is_not_emptied(tmp_path: Path, name: str) -> None:
    kept = tmp_path / "kept"
    kept.write_text("yesterday\n")
    code = f"""
from streamkit import passage_of
from streamer.sink.csv import CsvSink
sink = CsvSink({name!r})
sink.passage(passage_of())
sink.close()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), str(Path.cwd())])}
    with kept.open("ab") as stream:
        subprocess.run(
            [sys.executable, "-c", code],
            stdout=stream,
            cwd=tmp_path,
            env=environment,
            check=True,
        )
    lines = kept.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["yesterday", HEADER]
    assert lines[2].startswith("gate,1,")
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_a_closed_reader_of_standard_output_is_a_broken_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    monkeypatch.setattr("streamer.sink.opening.descriptor_of", lambda path: write)
    sink = CsvSink("-")
    monkeypatch.setattr("streamer.sink.opening.descriptor_of", lambda path: 1)
    os.close(read)
    with pytest.raises(BrokenPipeError):
        sink.passage(passage_of())
    sink.close()
    os.close(write)
