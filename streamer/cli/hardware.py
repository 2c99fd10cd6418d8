"""What `alpr doctor` says about hardware, and what `alpr bench stream` measures on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from streamer.cli.finding import Finding

if TYPE_CHECKING:
    from streamer.config.models import RunConfig


def hardware() -> Iterator[Finding]:
    """What decodes video here, and where OpenVINO can run the networks. A machine without any is not at fault."""
    from streamer.engine.runtime import devices_here
    from streamer.source.hardware import on_this_machine

    for found in on_this_machine():
        told = f"no ({found.reason})" if found.reason else "yes (tried with H.264)"
        yield Finding(f"decode {found.kind}", told, lacks=bool(found.reason))
    for name, calls_itself in devices_here().items():
        yield Finding(f"device {name}", calls_itself)


def asked_for(config: RunConfig) -> Iterator[Finding]:
    """Whether the hardware that a configuration asks for is there."""
    from streamer.engine import devices
    from streamer.engine.runtime import devices_here
    from streamer.source.hardware import KINDS, on_this_machine

    here = list(devices_here())
    if config.device in devices.NEEDS and not any(name.partition(".")[0] == config.device for name in here):
        yield Finding(
            f"device: {config.device}",
            f"not there (only {', '.join(here)}): the networks run on the CPU",
            f"it takes {devices.NEEDS[config.device]}; see docs/hardware.md",
        )
    wanted: dict[str, list[str]] = {}
    for name, kind in {"": str(config.decode), **{c: config.of_camera(c).decode for c in config.cameras}}.items():
        if kind != "cpu" and (name or not config.cameras):
            wanted.setdefault(kind, []).append(name)
    if not wanted:
        return
    found = {one.kind: one for one in on_this_machine()}
    for kind, names in wanted.items():
        of = f" of {', '.join(names)}" if names != [""] else ""
        if kind == "auto" and all(found[k].reason for k in KINDS):
            yield Finding(
                f"decode: auto{of}", "nothing works: the CPU decodes", "see the lines above, and docs/hardware.md"
            )
        elif kind in found and found[kind].reason:
            yield Finding(
                f"decode: {kind}{of}",
                f"{found[kind].reason}: the CPU decodes",
                f"it takes {found[kind].needs}; see docs/hardware.md",
            )
