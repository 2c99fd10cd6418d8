"""What `alpr explain` says of a ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamkit import alpr

from streamer.cli.explain import rounded


def ledger(folder: Path, *found: float) -> Path:
    base = {
        "type": "rejection", "camera": "gate", "reason": "too small to read", "setting": "read.min_height",
        "needed": 38,
        "first_s": 1.0, "last_s": 2.5, "first_frame": 10, "last_frame": 25, "text": "", "confidence": 0.0,
        "first_seen": "2026-03-01T08:00:01.123+01:00",
    }  # fmt: skip
    crops = [{"crop": f"crops/{number}.png"} if number == 0 else {} for number in range(len(found))]
    rows = [{**base, "found": one, **crop} for one, crop in zip(found, crops, strict=True)]
    (folder / "ledger.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder


def test_one_track_is_one_and_its_median_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert alpr("explain", ledger(tmp_path, 37.4321)) == 0
    told = capsys.readouterr().out
    assert told.startswith("0 rows; 1 track without a row")
    assert "found (median)" in told
    assert " 37 " in told


def test_each_vehicle_is_named_with_its_crop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(tmp_path)
    Path("why").mkdir()
    ledger(Path("why"), 12.345, 37.9705)
    assert alpr("explain", "why", "--each") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ["gate"]]
    assert [line[-3:] for line in lines] == [["12/38", "-", "why/crops/0.png"], ["37.97/38", "-", "-"]]
    assert all({"2026-03-01", "08:00:01", "read.min_height"} <= set(line) for line in lines)


@pytest.mark.parametrize(
    ("found", "needed", "shown"),
    [
        (37.4, 38, "37"),
        (37.9705, 38, "37.97"),
        (2, 3, "2"),
        (0.4567, 0.5, "0.46"),
        (0.4967, 0.5, "0.497"),
        (9.0, 9, "9"),
    ],
)
def test_found_is_as_exact_as_what_is_needed(found: float, needed: float, shown: str) -> None:
    told = rounded(found, needed)
    assert (float(told) < needed) == (found < needed)
    assert told == shown
