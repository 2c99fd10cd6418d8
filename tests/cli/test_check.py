"""`alpr check`: every fault with its place, and what differs from the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamkit import alpr

from streamer.cli.first_faults import missing_extras
from streamer.config.models import RunConfig

FAULTY = """countries: [XX, DE]
detector: nope
outputs:
  - {type: video, path: v.mp4}
  - {type: csv, path: "p-{plate}.csv", delivery: {mode: inline}}
cameras:
  gate: rtsp://u:${ALPR_NOPE}@h/x
  yard:
    url: rstp://h/x
    countries: [DE, QQ]
    outputs: [{type: crops, path: "{no}"}]
"""
DIFFERENT = """min_score: 0.6
vote: {min_reads: 3}
lines: {g: {start: [0, 0.5], end: [1, 0.5]}}
outputs: [{type: jsonl, path: a.jsonl, provisional: true}]
cameras:
  gate: rtsp://u:secret@h/x
  yard: {url: rtsp://h/x, countries: [DE, AT], min_height: 12, min_score: 0.6, vote: {rejoin_s: 0}, live: false}
"""


def test_every_fault_is_reported_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALPR_NOPE", raising=False)
    (path := tmp_path / "c.yaml").write_text(FAULTY)
    assert alpr("check", path, "--set", "reader=plate-redaer") == 2
    lines = [line.removeprefix("alpr: error: ") for line in capsys.readouterr().err.splitlines()]
    expected = (
        "--set reader: model 'plate-redaer' is not in",
        f"{path}:1: countries: XX: nothing is known of its plates",
        f"{path}:2: detector: model 'nope' is not in",
        f"{path}:4: outputs.0.path: v.mp4: names one file for 2 cameras",
        f"{path}:5: outputs.1.delivery: mode: inline is for recordings",
        f"{path}:5: outputs.1.path: p-{{plate}}.csv: {{plate}} is not known",
        f"{path}:7: cameras.gate.url: ${{ALPR_NOPE}} is not set in the environment",
        f"{path}:9: cameras.yard.url: rstp://: unknown scheme of an address",
        f"{path}:10: cameras.yard.countries: QQ: nothing is known of its plates",
        f"{path}:11: cameras.yard.outputs.0.path: {{no}}: {{no}} is not known",
    )
    assert len(lines) == len(expected)
    for line, begin in zip(lines, expected, strict=True):
        assert line.startswith(begin)


def test_networks_alone_have_their_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path := tmp_path / "c.yaml").write_text("reader: a\ndetector: b\n")
    assert alpr("check", path) == 5
    told = capsys.readouterr().err
    assert f"{path}:1: reader: model 'a' is not in" in told
    assert f"{path}:2: detector: model 'b' is not in" in told


def test_only_what_differs_is_printed_also_of_cameras(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path := tmp_path / "c.yaml").write_text(DIFFERENT)
    assert alpr("check", path) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{path}: valid, 10 of its settings differ from the defaults",
        "  min_score: 0.6 (default null)",
        "  lines.g: {start: [0.0, 0.5], end: [1.0, 0.5]}",
        "  vote.min_reads: 3 (default 2)",
        "  outputs.0: {type: jsonl, path: a.jsonl, provisional: true}",
        "  cameras.gate.url: rtsp://***@h/x",
        "  cameras.yard.countries: [DE, AT] (default [])",
        "  cameras.yard.vote.rejoin_s: 0.0 (default 60.0)",
        "  cameras.yard.live.endless: false (default null)",
        "  cameras.yard.url: rtsp://h/x",
        "  cameras.yard.min_height: 12.0 (default 8.0)",
    ]


def test_variables_and_lists_are_told_beside_faults_of_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALPR_NOPE", raising=False)
    (path := tmp_path / "c.yaml").write_text(
        "colour: red\nwatch: [{name: stolen, file: nothere.csv}]\ncameras:\n  gate: rtsp://u:${ALPR_NOPE}@h/x\n"
    )
    assert alpr("check", path) == 2
    told = capsys.readouterr().err
    assert f"{path}:1: colour" in told
    assert "nothere.csv" in told
    assert f"{path}:4: cameras.gate: ${{ALPR_NOPE}} is not set in the environment" in told


def test_a_file_that_a_camera_plays_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path := tmp_path / "c.yaml").write_text(f"cameras: {{gate: {tmp_path / 'none.mp4'}}}\n")
    assert alpr("check", path) == 2
    assert "none.mp4: no such file or folder: check the path" in capsys.readouterr().err


def test_missing_extras_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "outputs": [{"type": "store", "path": "a.db"}, {"type": "mqtt", "url": "mqtt://h"}],
        "web": {"at": "80"},
    }
    config = RunConfig.model_validate(settings)
    assert missing_extras(config) == ""
    monkeypatch.setattr("streamer.cli.first_faults.find_spec", lambda name: None)
    assert missing_extras(config).endswith("pip install 'alpr-streamer[store,notify,web]'")
    assert missing_extras(RunConfig()) == ""
