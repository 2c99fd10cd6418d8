"""Outputs that the configuration names, and options that stand for entries of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamkit import GREEN, alpr, drive, write_video

pytestmark = pytest.mark.usefixtures("fake_networks")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.avi", drive(12))
    write_video(tmp_path / "b.avi", drive(12, colour=GREEN))
    return tmp_path


def test_configured_outputs_are_written_and_an_option_replaces_its_type(folder: Path) -> None:
    Path("c.yaml").write_text("outputs:\n  - {type: csv, path: p.csv}\n  - {type: crops, path: c}\n")
    assert alpr("run", "a.avi", "--config", "c.yaml", "--quiet") == 0
    assert len(Path("p.csv").read_text(encoding="utf-8").splitlines()) == 2
    assert len(list(Path("c").glob("*.png"))) == 1
    before = Path("p.csv").read_bytes()
    assert alpr("run", "a.avi", "--config", "c.yaml", "--csv", "other.csv", "--quiet") == 0
    assert Path("other.csv").read_bytes() == before


def test_outputs_of_a_camera_are_its_own(folder: Path) -> None:
    Path("c.yaml").write_text(
        "outputs:\n  - {type: csv, path: all.csv}\n  - {type: mot, path: 'mot/{camera}.txt'}\n"
        "cameras:\n  yard: b.avi\n  gate:\n    url: a.avi\n    outputs: [{type: csv, path: gate.csv}]\n"
    )
    assert alpr("run", "--config", "c.yaml", "--quiet") == 0
    rows = {name: Path(name).read_text(encoding="utf-8").splitlines()[1:] for name in ("all.csv", "gate.csv")}
    assert {row.split(",")[0] for row in rows["all.csv"]} == {"gate", "yard"}
    assert [row.split(",")[0] for row in rows["gate.csv"]] == ["gate"]
    assert sorted(p.name for p in Path("mot").iterdir()) == ["gate.txt", "yard.txt"]
