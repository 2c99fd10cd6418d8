"""Compiling networks: precision, threads, static shapes. The only place that talks to OpenVINO's core."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from streamer.engine import devices
from streamer.engine.zoo import ModelFile
from streamer.errors import ConfigError, ModelError
from streamer.process.imports import load_networks
from streamer.types import F32Array, Image

Precision = Literal["auto", "int8", "bf16", "f32"]
PRECISIONS = ("auto", "int8", "bf16", "f32")


def resolve_precision(precision: str, device: str = "CPU") -> str:
    """ "auto" becomes "int8" where the processor (VNNI, AMX, Arm dot product) or the device multiplies bytes, else
    "f32"."""
    if precision not in PRECISIONS:
        raise ConfigError(f"precision {precision!r}: expected one of {', '.join(PRECISIONS)}")
    if precision != "auto":
        return precision
    if device != "CPU":
        return "int8" if devices.multiplies_bytes_on(_core(), device) else "f32"
    return "int8" if multiplies_bytes() else "f32"


def resolve_device(device: str) -> str:
    """The device that is used where this one is asked for: the CPU where it is not there."""
    if device not in devices.DEVICES:
        raise ConfigError(f"device {device!r}: expected one of {', '.join(devices.DEVICES)}")
    return device if device == "CPU" else devices.in_force(_core(), device)


def devices_here() -> dict[str, str]:
    """OpenVINO's devices of this machine, each with what it calls itself."""
    return {name: devices.full_name(_core(), name) for name in devices.present(_core())}


@cache
def multiplies_bytes(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor has fast 8-bit products. Unknown counts as no: f32 is right everywhere."""
    try:
        text = cpuinfo.read_text(encoding="utf-8")
    except OSError:
        return False
    words = set(text.split())
    return bool(words & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _core() -> Any:
    load_networks()
    import openvino

    return openvino.Core()


def widen(network: Any) -> None:
    """Turns the constants stored as f16 into f32, in place.

    Left to OpenVINO (2026.4 at least), the CPU plugin converts them once and may then write over the converted memory:
    from the second inference on, the reader's queries are no longer what they were.
    """
    import numpy as np
    from openvino import Type, opset13
    from openvino.utils import replace_node

    for node in network.get_ordered_ops():
        if node.get_type_name() != "Constant" or node.get_output_element_type(0) != Type.f16:
            continue
        for user in [target.get_node() for target in node.output(0).get_target_inputs()]:
            if user.get_type_name() == "Convert" and user.get_output_element_type(0) == Type.f32:
                replace_node(user, opset13.constant(node.data.astype(np.float32)))


def compile_model(
    model: ModelFile,
    shape: list[int],
    precision: str,
    threads: int | None,
    outputs: Sequence[int],
    streams: int = 1,
    device: str = "CPU",
) -> Any:
    """The network compiled for one static input shape. The precision hint is always set: left alone, OpenVINO would
    choose bf16 on some hosts and f32 on others. `outputs`: how many it may have. `streams`: how many pictures are
    worked on at once, each by its share of the threads. `device`: as of `resolve_device`; where it does not take the
    network the CPU does."""
    try:
        network = _core().read_model(model.xml)
        widen(network)
        network.reshape(shape)
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "INFERENCE_NUM_THREADS": threads or available_cores(),
            "NUM_STREAMS": streams,
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
        }
        on_cpu = partial(_core().compile_model, network, "CPU", settings)
        compiled = (_on_device(network, device, precision, streams, on_cpu) if device != "CPU" else None) or on_cpu()
    except RuntimeError as error:
        reason = devices.last_line(error)
        raise ModelError(f"model {model.xml} cannot be loaded by OpenVINO: {reason}", at=model.xml) from error
    if len(compiled.outputs) not in outputs:
        wanted = " or ".join(map(str, outputs))
        raise ModelError(
            f"model {model.xml}: has {len(compiled.outputs)} outputs, expected {wanted}; "
            "is it one of ours, exported by this version?",
            at=model.xml,
        )
    return compiled


def _on_device(network: Any, device: str, precision: str, streams: int, on_cpu: Callable[[], Any]) -> Any:
    """The network on that device; None, with a log line, where it does not take it."""
    try:
        compiled = _core().compile_model(network, device, devices.settings_on(device, precision, streams))
    except RuntimeError as error:
        devices.tell(f"device {device}: does not take a network ({devices.last_line(error)}): it runs on the CPU")
        return None
    return devices.OnDevice(compiled, device, on_cpu)


class Once:
    """What is made when it is first asked for, by key; threads that ask meanwhile wait for it."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._made: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self._turn:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]


class Runner:
    """A compiled network's request with an input of its own: for one thread."""

    def __init__(self, compiled: Any) -> None:
        self._device = compiled if isinstance(compiled, devices.OnDevice) else None
        self._begin(compiled)

    def _begin(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._input = self._request.get_input_tensor().data
        self._count = len(compiled.outputs)

    def run(self, picture: Image) -> list[F32Array]:
        """The outputs for one picture (height, width, 3) uint8, without the batch; valid until the next run.

        The picture is put where the network looks for it and the outputs are not copied: for small networks OpenVINO's
        handling of both takes as long as the network itself.
        """
        self._input[0] = picture
        try:
            self._request.infer(None, share_inputs=True, share_outputs=True)
        except RuntimeError as error:
            if self._device is None:
                raise
            self._device.failed(error)
            on_cpu, self._device = self._device.on_cpu, None
            self._begin(on_cpu)
            return self.run(picture)
        return [self._request.get_output_tensor(i).data[0] for i in range(self._count)]
