"""`alpr watch`: lists checked, a plate tried on kept passages, thresholds fitted to them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamkit import GREEN, alpr, drive, passage_of, write_video

from streamer.errors import InputError
from streamer.sink.jsonl import JsonlSink, record_of
from streamer.types import Passage
from streamer.watch.calibration import read_calibration
from streamer.watch.history import passage_of_record, read_jsonl, span_of

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)


def row(plate: str, minutes: int, **changes: object) -> Passage:
    seen = MONDAY + timedelta(minutes=minutes)
    return passage_of(
        plate=plate, first_seen=seen, last_seen=seen, char_confidence=(1.0,) * len(plate), event_id=f"{minutes:x}",
        **changes,
    )  # fmt: skip


@pytest.fixture
def week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A week of rows, of which some are of, or nearly of, one plate."""
    monkeypatch.chdir(tmp_path)
    near = {80: "京A12845", 200: "京A12B45", 280: "京A1284", 400: "京A12945"}
    sink = JsonlSink(tmp_path / "rows.jsonl")
    for minutes in range(0, 7 * 24 * 60 + 1, 40):
        doubt = {"confidence": 0.8, "alternatives": (("京A12845", 0.16),)} if minutes == 200 else {}
        sink.passage(row(near.get(minutes, f"京C{minutes:05d}"), minutes, **doubt))
    sink.close()
    return tmp_path


def test_which_rows_a_plate_would_have_matched(week: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("watch", "test", "京A-12845", "--jsonl", "rows.jsonl", "--plates", 100) == 0
    *lines, counts, threshold = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[:4] for line in lines] == [
        ["2026-01-05T09:20:00+00:00", "gate", "京A12845", "[exact edit look_alike likelihood]"],
        ["2026-01-05T11:20:00+00:00", "gate", "京A12B45", "[edit look_alike likelihood]"],
        ["2026-01-05T12:40:00+00:00", "gate", "京A1284", "[edit likelihood]"],
        ["2026-01-05T14:40:00+00:00", "gate", "京A12945", "[edit]"],
    ]
    assert "less likely than what was read (9.2 at most)" in lines[3]
    assert counts == "253 passages, 4 match: exact 1, edit 4, look_alike 2, likelihood 3"
    assert threshold.endswith("(plates on the list 100, a week 1 false alerts, 253 passages)")


def test_as_json_with_the_nearest(week: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("watch", "test", "京A12845", "--jsonl", "rows.jsonl", "--near", "--limit", 6, "--json") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(record["matches"]) for record in records[-2:]] == [[], []]
    assert records[0]["matches"]["exact"].startswith("reads 京A12845")
    assert records[0]["score"] > records[4]["score"]


def test_patterns_and_wrong_plates(week: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("watch", "test", "京A*", "--jsonl", "rows.jsonl") == 0
    out = capsys.readouterr().out
    assert "253 passages, 4 match: exact 4, edit 4, look_alike 4, likelihood 4" in out
    assert out.count("[pattern]") == 4
    for plate, told in (("京A!", "no plate has !"), ("*", "would be any plate"), ("/(/", "is no regular expression")):
        assert alpr("watch", "test", plate, "--jsonl", "rows.jsonl") == 2
        assert told in capsys.readouterr().err
    assert alpr("watch", "test", "京A1") == 2
    assert "passages are missing: give --recording FILE, --jsonl FILE or --store URL" in capsys.readouterr().err


def test_a_calibration_is_fitted_and_used(week: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("watch", "fit", "--jsonl", "rows.jsonl", "--out", "traffic.json") == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "traffic.json: fitted to 253 passages, 253 a week\n  plates on the list 1, 1 false alert a week: "
    )
    assert read_calibration(week / "traffic.json").passages == 253
    assert alpr("watch", "test", "京A12845", "--jsonl", "rows.jsonl", "--calibration", "traffic.json") == 0
    assert "253 passages)" in capsys.readouterr().out
    assert alpr("watch", "fit", "--jsonl", "rows.jsonl", "--out", "none/traffic.json") == 4
    assert "none/traffic.json: cannot be written" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_networks")
def test_passages_of_a_recording_and_of_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sqlalchemy", reason="extra store")
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.avi", drive(12, colour=GREEN))
    assert alpr("run", "a.avi", "--record", "r.jsonl.gz", "--output", "store:p.db", "--quiet") == 0
    scores = []
    for source in (["--recording", "r.jsonl.gz"], ["--store", "p.db"]):
        capsys.readouterr()
        assert alpr("watch", "test", "GRN777", *source, "--json") == 0
        done = capsys.readouterr()
        assert "1 passages say little of a traffic" in done.err
        record = json.loads(done.out)
        assert list(record["matches"]) == ["exact", "edit", "look_alike", "likelihood"]
        scores.append(record["score"])
    assert scores[0] == pytest.approx(scores[1], abs=0.3)  # the store rounds distributions


def test_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("plate,until\nA1,\na-1,\nЖ77,\nB*,\nC1,2020-01-01\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("A!\n", encoding="utf-8")
    assert alpr("watch", "check", "a.csv") == 0
    done = capsys.readouterr()
    assert done.out == "a.csv: valid: 3 plates, 1 patterns, 1 left out, 1 hold no more\n"
    assert [line.partition("a.csv:")[2] for line in done.err.splitlines()] == [
        "3: plate: 'a-1' is the same plate as 'A1' (line 2): left out",
        "4: plate: 'Ж77': the reader never reads Ж",
    ]
    assert alpr("watch", "check", "a.csv", "b.txt", "c.txt") == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert [line.split(": ")[2] for line in errors] == ["b.txt:1", "c.txt"]


def test_rows_read_back() -> None:
    one = row("京A12845", 3, alternatives=(("京A12B45", 0.1),), flags=("edge",), crossed=("gate+",), parts=("7",))
    again = passage_of_record(json.loads(json.dumps(record_of(one))))
    assert record_of(again) == record_of(one)


def test_files_that_hold_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    line = json.dumps(record_of(row("A1", 0)))
    path.write_text(line + "\n\n" + line[:30], encoding="utf-8")
    assert len(read_jsonl(path)) == 1
    for content, told in ((b'{"a": 1}\n', ":1: is no row of alpr run --jsonl"), (b"\xff\xfe\n", "is no text")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=told):
            read_jsonl(path)
    with pytest.raises(InputError, match="no such file"):
        read_jsonl(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read"):
        read_jsonl(tmp_path)


def test_how_long_passages_were_seen() -> None:
    assert span_of([row("A1", 0), row("A2", 60)]).seconds == 3600
    timeless = [
        passage_of(last_s=9.0, source="a"),
        passage_of(last_s=30.0, source="a"),
        passage_of(last_s=5.0, source="b"),
    ]
    assert span_of(timeless).seconds == 35
    assert span_of([]).per_week(0) is None
