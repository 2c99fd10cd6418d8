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
    assert "!!  http://***@127.0.0.1:9/live: cannot be opened (" in result.output
    assert result.output.count("127.0.0.1") == 1
    assert "see above" not in result.output
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


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    assert len(list(doctor.disk(tmp_path))) == 1
    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    found = list(doctor.disk(tmp_path))
    assert "Permission denied" in found[-1].found
    assert found[-1].remedy
    (tmp_path / "file").write_text("x")
    (finding,) = doctor.disk(tmp_path / "file")
    assert "no folder" in finding.found


def test_frames_that_waited_are_no_rate() -> None:
    burst = [(i / 18, 0.001 * i) for i in range(30)]
    steady = [((30 + i) / 18, 0.03 + (i + 1) / 18) for i in range(60)]
    assert doctor.rate_of(burst + steady, skip_buffered=True) == pytest.approx(18, abs=0.1)
    assert doctor.rate_of(burst, skip_buffered=False) == pytest.approx(1000)
    assert doctor.rate_of(burst[:1], skip_buffered=True) is None


def test_each_camera_of_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_WATCH_S", 0.2)
    for name in ("processor", "networks", "packages", "codecs"):
        monkeypatch.setattr(doctor, name, lambda: iter(()))
    site = tmp_path / "site.yaml"
    site.write_text(
        f"cameras:\n  good: {{url: '{DEMO}'}}\n  down: {{url: 'http://me:secret@127.0.0.1:9/live'}}\n"
        "  gone: {url: gone.mp4}\n  unset: {url: 'rtsp://me:${NOT_SET_HERE}@127.0.0.1/s'}\n"
    )
    result = CliRunner().invoke(cli, ["doctor", "--config", str(site)])
    assert result.exit_code == 3
    assert "ok  good: 1280x720" in result.output
    assert "!!  down: http://***@127.0.0.1:9/live: cannot be opened (" in result.output
    assert "see above" not in result.output
    assert result.output.count("try the address in another player") == 1
    assert "!!  gone: gone.mp4: no such file or folder: check the path" in result.output
    assert "NOT_SET_HERE" in result.output
    assert "secret" not in result.output
