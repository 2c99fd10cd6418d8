"""On which device the networks run: the choice, the settings, and the CPU where one is absent, refuses or fails."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import openvino
import pytest

from streamer.config.models import RunConfig, load_config
from streamer.engine import devices, runtime
from streamer.engine.detector import Detector
from streamer.engine.reader import Reader
from streamer.errors import ConfigError
from streamer.pipeline.engines import load_engines


class FakeCore:
    """OpenVINO on a machine with these devices; all of them compute on this CPU. `refuses`: does not compile;
    `fails_at`: the inference at which the device fails."""

    def __init__(self, *names: str, refuses: str = "", fails_at: int = 0, bytes_on: tuple[str, ...] = ()) -> None:
        self.available_devices = ["CPU", *names]
        self._core, self._refuses, self._fails_at, self._bytes_on = openvino.Core(), refuses, fails_at, bytes_on
        self.compiled: list[tuple[str, dict[str, Any]]] = []

    def read_model(self, path: Any) -> Any:
        return self._core.read_model(path)

    def get_property(self, device: str, name: str) -> Any:
        if name == "FULL_DEVICE_NAME":
            return f"Fake {device}"
        if device.startswith("NPU.broken"):
            raise RuntimeError("no answer")
        return ["FP32", "FP16", *(["INT8"] if device in self._bytes_on else [])]

    def compile_model(self, network: Any, device: str, settings: dict[str, Any]) -> Any:
        self.compiled.append((device, settings))
        if device != "CPU" and self._refuses:
            raise RuntimeError(f"Exception from plugin.cpp:1\nCheck failed\n{self._refuses}\n\n")
        compiled = self._core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return compiled if device == "CPU" or not self._fails_at else Failing(compiled, self._fails_at)

    @property
    def used(self) -> list[str]:
        return [device for device, _ in self.compiled]


class Failing:
    """A compiled network whose requests fail at one inference."""

    def __init__(self, compiled: Any, fails_at: int) -> None:
        self._compiled, self._fails_at = compiled, fails_at
        self.outputs = compiled.outputs

    def create_infer_request(self) -> Any:
        return FailingRequest(self._compiled.create_infer_request(), self._fails_at)


class FailingRequest:
    def __init__(self, request: Any, fails_at: int) -> None:
        self._request, self._left = request, fails_at

    def infer(self, *arguments: Any, **more: Any) -> Any:
        self._left -= 1
        if self._left <= 0:
            raise RuntimeError("Exception from x.cpp:1\nCL_OUT_OF_RESOURCES")
        return self._request.infer(*arguments, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(devices, "_told", set())
    caplog.set_level(logging.INFO)


def on(monkeypatch: pytest.MonkeyPatch, core: FakeCore) -> FakeCore:
    monkeypatch.setattr(runtime, "_core", lambda: core)
    return core


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "streamer.engine.devices"]


@pytest.mark.parametrize(
    ("device", "present", "used"),
    [
        ("CPU", ("GPU", "NPU"), "CPU"),
        ("GPU", ("GPU",), "GPU"),
        ("GPU", ("GPU.0", "GPU.1"), "GPU"),
        ("GPU", ("NPU",), "CPU"),
        ("GPU", (), "CPU"),
        ("NPU", ("NPU",), "NPU"),
        ("NPU", ("GPU",), "CPU"),
        ("AUTO", ("GPU",), "AUTO"),
        ("AUTO", (), "CPU"),
    ],
)
def test_choice(device: str, present: tuple[str, ...], used: str, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    on(monkeypatch, FakeCore(*present))
    assert runtime.resolve_device(device) == used
    runtime.resolve_device(device)
    lacking = used == "CPU" and device not in ("CPU", "AUTO")
    assert len(told(caplog)) == lacking  # once
    if lacking:
        assert told(caplog)[0].startswith(f"device {device}: OpenVINO finds none here (only CPU")
        assert "run on the CPU; it takes an Intel" in told(caplog)[0]


def test_unknown_device() -> None:
    with pytest.raises(ConfigError, match="device 'TPU': expected one of CPU, GPU, NPU, AUTO"):
        runtime.resolve_device("TPU")


@pytest.mark.parametrize(
    ("device", "present", "bytes_on", "precision"),
    [
        ("GPU", ("GPU",), ("GPU",), "int8"),
        ("GPU", ("GPU",), (), "f32"),
        ("GPU", ("GPU.0", "GPU.1"), ("GPU.0",), "int8"),
        ("NPU", ("NPU", "GPU"), ("NPU",), "int8"),
        ("NPU", ("NPU.broken",), (), "f32"),
        ("AUTO", ("GPU", "NPU"), ("GPU",), "f32"),
        ("AUTO", ("GPU", "NPU"), ("GPU", "NPU"), "int8"),
    ],
)
def test_precision(
    device: str, present: tuple[str, ...], bytes_on: tuple[str, ...], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, FakeCore(*present, bytes_on=bytes_on))
    assert runtime.resolve_precision("auto", device) == precision
    assert runtime.resolve_precision("bf16", device) == "bf16"


def test_settings() -> None:
    assert devices.settings_on("GPU", "int8", 1) == {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    assert devices.settings_on("GPU", "bf16", 2) == {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": "f16",
    }
    assert devices.settings_on("NPU", "int8", 1) == {"PERFORMANCE_HINT": "LATENCY"}
    assert devices.settings_on("AUTO", "f32", 1)["ENABLE_STARTUP_FALLBACK"] is False


def test_openvino_takes_the_settings_of_auto() -> None:
    """The plugin AUTO is in every build, and works with the CPU alone."""
    model = Reader()._file
    network = openvino.Core().read_model(model.xml)
    network.reshape([1, 48, 128, 3])
    assert openvino.Core().compile_model(network, "AUTO", devices.settings_on("AUTO", "f32", 1)).outputs


def crop() -> Any:
    return np.random.default_rng(0).integers(0, 255, (48, 128, 3), np.uint8)


def test_networks_run_on_the_device_and_the_refiner_on_the_cpu(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    core = on(monkeypatch, FakeCore("GPU"))
    engines = load_engines(RunConfig(device="GPU", precision="f32", threads=1))
    assert sorted(core.used) == ["CPU", "GPU", "GPU"]
    assert engines.another().detector.device == "GPU"  # type: ignore[attr-defined]
    on_gpu = dict(core.compiled)["GPU"]
    assert "INFERENCE_NUM_THREADS" not in on_gpu
    assert not told(caplog)


def test_a_device_that_refuses_a_network(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    core = on(monkeypatch, FakeCore("NPU", refuses="[NPU] Compiler is not there"))
    reader = Reader(device="NPU", precision="f32")
    reader.prepare()
    assert core.used == ["NPU", "CPU"]
    assert told(caplog) == ["device NPU: does not take a network ([NPU] Compiler is not there): it runs on the CPU"]


@pytest.mark.parametrize("fails_at", [1, 3])
def test_a_device_that_fails_at_work(fails_at: int, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """The picture at hand goes through the CPU, and so do all after it, of every thread."""
    expected = Reader(precision="f32", threads=1).read([crop()])[0]
    core = on(monkeypatch, FakeCore("GPU", fails_at=fails_at))
    reader = Reader(device="GPU", precision="f32")
    both = [reader, reader.another()]
    for _ in range(4):
        for one in both:
            assert one.read([crop()])[0].text == expected.text
    assert core.used == ["GPU", "CPU"]
    assert told(caplog) == ["device GPU: fails (CL_OUT_OF_RESOURCES): the networks run on the CPU"]


def test_a_failing_cpu_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(precision="f32", threads=1)
    reader._runner._request = FailingRequest(reader._runner._request, 1)
    with pytest.raises(RuntimeError, match="CL_OUT"):
        reader.read([crop()])


def test_detector_prepares_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    core = on(monkeypatch, FakeCore("GPU"))
    Detector(device="GPU", precision="f32", refiner=None).prepare()
    assert core.used == ["GPU"]


def test_what_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, FakeCore("GPU.0", "NPU"))
    assert runtime.devices_here() == {"CPU": "Fake CPU", "GPU.0": "Fake GPU.0", "NPU": "Fake NPU"}


def test_one_device_for_all_cameras(tmp_path: Any) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("cameras:\n  gate: {url: 'rtsp://a/b', device: GPU}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="one pair of networks serves all cameras"):
        load_config(path)
    path.write_text(
        "device: GPU\ndecode: auto\ncameras:\n  gate: {url: 'rtsp://a/b', decode: cpu}\n  yard: 'rtsp://a/c'\n",
        encoding="utf-8",
    )
    config = load_config(path)
    assert [config.of_camera(name).decode for name in ("gate", "yard")] == ["cpu", "auto"]
    assert config.of_camera("gate").device == "GPU"
