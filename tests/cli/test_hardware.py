"""Hardware on the command line: what `alpr doctor` lists, what `alpr bench stream` measures, and a run without any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from streamkit import alpr, drive, write_video

import streamer.source.hardware as decoding
import streamer.source.hardware_decoder as hardware_decoder
from streamer.cli import cli
from streamer.cli import hardware as listed
from streamer.config.models import RunConfig
from streamer.engine import devices, runtime
from streamer.source.hardware import Unusable

DEMO = Path(__file__).parents[1] / "clips" / "demo.mp4"


class Fake:
    """FFmpeg with one kind of hardware, which decodes on this CPU."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def built_in(self) -> tuple[str, ...]:
        return ("cuda", *self.kinds)

    def context(self, kind: str, codec: str, extradata: bytes | None) -> Any:
        import av

        if kind not in self.built_in():
            raise Unusable("PyAV 0.0 is built without it")
        if kind not in self.kinds:
            raise Unusable("its device cannot be opened (No such device)")
        context = av.CodecContext.create(codec, "r")
        context.extradata = extradata
        return context


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "FFMPEG", Fake("vaapi"))
    monkeypatch.setattr(hardware_decoder, "_told", set())
    monkeypatch.setattr(devices, "_told", set())


@pytest.mark.usefixtures("fake")
def test_doctor_lists_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "devices_here", lambda: {"CPU": "A CPU", "GPU": "An iGPU"})
    found = {f.what: f.found for f in listed.hardware()}
    assert found == {
        "decode vaapi": "yes (tried with H.264)",
        "decode qsv": "no (PyAV 0.0 is built without it)",
        "decode videotoolbox": "no (PyAV 0.0 is built without it)",
        "decode cuda": "no (its device cannot be opened (No such device))",
        "device CPU": "A CPU",
        "device GPU": "An iGPU",
    }
    assert not any(f.remedy for f in listed.hardware())  # a machine without is not at fault


@pytest.mark.usefixtures("fake")
def test_doctor_says_what_a_configuration_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "devices_here", lambda: {"CPU": "A CPU"})
    cameras = {
        "gate": {"url": "rtsp://a/b", "decode": "cuda"},
        "yard": {"url": "rtsp://a/c", "decode": "cuda"},
        "lane": {"url": "rtsp://a/d", "decode": "vaapi"},
        "door": {"url": "rtsp://a/e", "decode": "auto"},
    }
    config = RunConfig.model_validate({"device": "NPU", "cameras": cameras})
    found = [(f.what, f.found) for f in listed.asked_for(config)]
    assert found == [
        ("device: NPU", "not there (only CPU): the networks run on the CPU"),
        ("decode: cuda of gate, yard", "its device cannot be opened (No such device): the CPU decodes"),
    ]
    assert all("docs/hardware.md" in f.remedy for f in listed.asked_for(config))
    monkeypatch.setattr(decoding, "FFMPEG", Fake())
    assert [f.what for f in listed.asked_for(RunConfig(decode="auto"))] == ["decode: auto"]
    assert not list(listed.asked_for(RunConfig()))


def test_doctor_here() -> None:
    result = CliRunner().invoke(cli, ["doctor"])
    for found in decoding.on_this_machine():
        assert f"{'--' if found.reason else 'ok'}  decode {found.kind}: " in result.output
    assert "ok  device CPU: " in result.output


@pytest.mark.usefixtures("fake")
def test_bench_measures_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_video(tmp_path / "a.mp4", drive(12), codec="libx264")
    assert alpr("bench", "stream", clip, "--rounds", "1", "--threads", "1") == 0
    out = capsys.readouterr().out
    assert "hardware decoding: vaapi; networks: CPU" in out
    for part in ("decode ", "decode vaapi", "run ", "run vaapi"):
        assert any(line.startswith(part) and "frames/s" in line for line in out.splitlines()), part


@pytest.mark.usefixtures("fake")
def test_a_run_without_the_hardware(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Rows are those of the CPU, and one log line for each setting says why."""
    rows = []
    for name, options in (("cpu", ()), ("hw", ("--decode", "cuda", "--device", "gpu"))):
        path = tmp_path / f"{name}.csv"
        capfd.readouterr()
        assert alpr("run", DEMO, "--csv", path, "--threads", "1", *options) == 0
        rows.append(path.read_bytes())
    err = capfd.readouterr().err
    assert rows[0] == rows[1]
    warnings = [line for line in err.splitlines() if " WARNING " in line]
    assert len(warnings) == 2
    assert "device GPU: OpenVINO finds none here" in warnings[0]
    assert (
        "demo.mp4: decode cuda: its device cannot be opened (No such device): it is decoded on the CPU" in warnings[1]
    )
