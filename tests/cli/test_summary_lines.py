"""What is printed at the end of a run and of a replay."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamkit import alpr, drive, write_video


@pytest.mark.usefixtures("fake_networks")
def test_a_replay_names_what_it_wrote_as_a_run_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video, recording = write_video(tmp_path / "a.mp4", drive(8)), tmp_path / "r.jsonl.gz"
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    assert alpr("run", video, "--csv", one, "--record", recording) == 0
    assert f"written: 1 row in {one}\n" in capsys.readouterr().err
    assert alpr("replay", recording, "--csv", two) == 0
    assert f"written: 1 row in {two}\n" in capsys.readouterr().err
    assert alpr("replay", recording, "--csv", two, "--quiet") == 0
    assert capsys.readouterr().err == ""
