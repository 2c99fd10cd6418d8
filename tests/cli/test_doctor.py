from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from streamer.cli import cli, doctor

DEMO = Path(__file__).parents[1] / "clips" / "demo.mp4"


def test_a_fit_machine_and_a_file() -> None:
    result = CliRunner().invoke(cli, ["doctor", str(DEMO)])
    for word in ("cores", "openvino", "detector: ready", "reader: ready", "decoders", "disk", "clock", "1280x720"):
        assert word in result.output
    assert result.exit_code == (3 if "!!" in result.output else 0)


def test_a_camera_that_does_not_answer_is_a_finding() -> None:
    result = CliRunner().invoke(cli, ["doctor", "http://me:secret@127.0.0.1:9/live"])
    assert result.exit_code == 3
    assert "cannot be opened" in result.output
    assert "secret" not in result.output


def test_clashing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_installed", lambda name: name in ("opencv-python", "opencv-python-headless"))
    (finding,) = doctor.packages()
    assert "pip uninstall -y opencv-python opencv-python-headless" in finding.remedy


def test_no_opencv_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_installed", lambda _: False)
    (finding,) = doctor.packages()
    assert (finding.found, finding.remedy) == ("none", "pip install opencv-python")


def test_a_full_disk_and_an_unset_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_LEAST_FREE", 1e30)
    (finding,) = doctor.disk(tmp_path / "not" / "there")
    assert finding.remedy == "free some space"
    assert str(tmp_path) in finding.what
    (finding,) = doctor.clock(86400.0)
    assert "set the clock" in finding.remedy
