"""On which device OpenVINO runs the networks, and the CPU to fall back on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

Device = Literal["CPU", "GPU", "NPU", "AUTO"]
DEVICES = ("CPU", "GPU", "NPU", "AUTO")
NEEDS = {
    "GPU": "an Intel GPU, its compute runtime (intel-opencl-icd) and a user in the group render",
    "NPU": "an Intel Core Ultra and its driver (intel-driver-compiler-npu, intel-level-zero-npu)",
}

_log = logging.getLogger(__name__)
_told: set[str] = set()


def tell(text: str) -> None:
    """Logs a warning once for the process: several networks fail for the same reason."""
    if text not in _told:
        _told.add(text)
        _log.warning(text)


def in_force(core: Any, device: str) -> str:
    """The device that is used where `device` is asked for: the CPU where it is not there, with one log line."""
    if device == "CPU":
        return device
    there = present(core)
    if device == "AUTO":
        return device if any(name != "CPU" for name in there) else "CPU"
    if any(name.partition(".")[0] == device for name in there):
        return device
    tell(
        f"device {device}: OpenVINO finds none here (only {', '.join(there)}): the networks run on the CPU; it takes "
        f"{NEEDS[device]}"
    )
    return "CPU"


def present(core: Any) -> list[str]:
    """OpenVINO's names of the devices of this machine, like CPU and GPU.0."""
    return [str(name) for name in core.available_devices]


def full_name(core: Any, device: str) -> str:
    """What the device calls itself."""
    return str(core.get_property(device, "FULL_DEVICE_NAME")).strip()


def multiplies_bytes_on(core: Any, device: str) -> bool:
    """Whether a device other than the CPU has fast 8-bit products. Of several devices (AUTO) all but the CPU must."""
    others = [name for name in present(core) if name != "CPU"]
    asked = others if device == "AUTO" else [n for n in others if n.partition(".")[0] == device][:1]
    try:
        return bool(asked) and all("INT8" in core.get_property(name, "OPTIMIZATION_CAPABILITIES") for name in asked)
    except RuntimeError:  # of a driver that does not answer
        return False


def settings_on(device: str, precision: str, streams: int) -> dict[str, Any]:
    """OpenVINO's settings for a device other than the CPU. GPUs would round to f16 by themselves, NPUs know nothing
    else; AUTO would begin on the CPU and move on in the middle of a run, so that two runs could differ."""
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT"}
    if device != "NPU":
        settings["INFERENCE_PRECISION_HINT"] = "f16" if precision == "bf16" else "f32"
    if device == "AUTO":
        settings["ENABLE_STARTUP_FALLBACK"] = False
    return settings


class OnDevice:
    """A network compiled for a device other than the CPU; `spare` compiles it for the CPU, should the device fail."""

    def __init__(self, compiled: Any, device: str, spare: Callable[[], Any]) -> None:
        self._compiled, self._device, self._spare = compiled, device, spare

    @property
    def outputs(self) -> Any:
        return self._compiled.outputs

    def create_infer_request(self) -> Any:
        return self._compiled.create_infer_request()

    @cached_property
    def on_cpu(self) -> Any:
        """The same network for the CPU."""
        return self._spare()

    def failed(self, error: Exception) -> None:
        """Logs that the device fails while it works."""
        tell(f"device {self._device}: fails ({last_line(error)}): the networks run on the CPU")


def last_line(error: Exception) -> str:
    """The reason at the end of an error of OpenVINO's."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip()[:200] if lines else type(error).__name__
