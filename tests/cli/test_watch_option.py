"""Lists of plates on the command line: rows and lines that name them, and faults before anything is touched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from streamkit import GREEN, alpr, drive, write_video

pytestmark = pytest.mark.usefixtures("fake_networks")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.avi", drive(12, colour=GREEN))
    (tmp_path / "stolen.csv").write_text("plate,name,note\nGRN-777,Li,stolen\n", encoding="utf-8")
    return tmp_path


def test_rows_and_the_terminal_name_the_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("run", "a.avi", "--watch", "stolen.csv", "--jsonl", "p.jsonl", "--output", "terminal", "--quiet") == 0
    (row,) = map(json.loads, (folder / "p.jsonl").read_text(encoding="utf-8").splitlines())
    assert row["plate"] == "GRN777"
    assert [(m["list"], m["plate"], m["name"], m["note"], m["mode"]) for m in row["watch"]] == [
        ("stolen", "GRN-777", "Li", "stolen", "exact")
    ]
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("watch"))
    assert line.startswith("watch  stolen: GRN-777 (read GRN777) | Li, stolen | exact | confidence 0.9")


def test_rows_are_as_before_where_no_list_is_given(folder: Path) -> None:
    assert alpr("run", "a.avi", "--jsonl", "p.jsonl", "--csv", "p.csv", "--quiet") == 0
    csv = (folder / "p.csv").read_bytes()
    row = json.loads((folder / "p.jsonl").read_text(encoding="utf-8"))
    assert alpr("run", "a.avi", "--watch", "stolen.csv", "--jsonl", "q.jsonl", "--csv", "q.csv", "--quiet") == 0
    watched = json.loads((folder / "q.jsonl").read_text(encoding="utf-8"))
    assert (folder / "q.csv").read_bytes() == csv
    assert watched.pop("watch")
    assert watched == row


def test_a_replay_is_watched_too(folder: Path) -> None:
    assert alpr("run", "a.avi", "--record", "r.jsonl.gz", "--quiet") == 0
    assert alpr("replay", "r.jsonl.gz", "--watch", "stolen.csv", "--jsonl", "p.jsonl", "--quiet") == 0
    assert json.loads((folder / "p.jsonl").read_text(encoding="utf-8"))["watch"][0]["list"] == "stolen"


@pytest.mark.parametrize("verb", ["run", "replay", "cameras"])
def test_a_faulty_list_leaves_outputs_as_they_are(folder: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.csv").write_text("plate\n!\n?\n", encoding="utf-8")
    assert alpr("run", "a.avi", "--record", "r.jsonl.gz", "--csv", "p.csv", "--quiet") == 0
    (folder / "site.yaml").write_text("cameras: {gate: a.avi}\n", encoding="utf-8")
    before = (folder / "p.csv").read_bytes()
    capsys.readouterr()
    first = {"run": ["run", "a.avi"], "replay": ["replay", "r.jsonl.gz"], "cameras": ["run", "--config", "site.yaml"]}
    assert alpr(*first[verb], "--watch", "bad.csv", "--csv", "p.csv", "--replace", "--quiet") == 2
    assert (folder / "p.csv").read_bytes() == before
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[2:4] for line in lines] == [["bad.csv:2", "plate"], ["bad.csv:3", "plate"]]


def test_two_lists_of_one_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stolen.txt").write_text("A1\n", encoding="utf-8")
    assert alpr("run", "a.avi", "--watch", "stolen.csv", "--watch", "stolen.txt") == 2
    assert "--watch stolen.txt: another list has the name 'stolen': rename the file" in capsys.readouterr().err
    assert alpr("run", "a.avi", "--watch", "") == 2
    assert "expected a file" in capsys.readouterr().err


def test_check_reads_the_lists(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = "cameras: {gate: {url: a.avi, watch: [{name: own, file: none.csv}]}}\n"
    (folder / "my.yaml").write_text("watch:\n- {name: stolen, file: stolen.csv}\n" + own, encoding="utf-8")
    assert alpr("check", "my.yaml") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("my.yaml:3: cameras.gate.watch.0: none.csv: no such list of plates: check the path")
    (folder / "site.yaml").write_text("watch: [{name: s, file: stolen.csv, cameras: [gaet]}]\ncameras: {gate: a.avi}\n")
    assert alpr("check", "site.yaml") == 0
    assert "watch: s: cameras: no camera is named 'gaet': there are gate" in capsys.readouterr().err
    os.rename(folder / "stolen.csv", folder / "none.csv")
    assert alpr("check", "my.yaml") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("my.yaml:2: watch.0: stolen.csv: no such list of plates: check the path")


def test_reports_that_no_output_shows_are_missed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("run", "a.avi", "--watch", "stolen.csv", "--csv", "p.csv") == 0
    told = capsys.readouterr().err
    assert "no output says which rows the lists of plates report: add --jsonl FILE" in told
    assert "rows reported by lists of plates: stolen 1" in told
    assert alpr("run", "a.avi", "--watch", "stolen.csv") == 0
    assert "no output says" not in capsys.readouterr().err
