"""The parts of `alpr bench stream` on the hardware that this machine has, beside those on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.cli.bench_rates import Rate, decode_once, repeat, run_once

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.types import Frame

Parts = dict[str, Callable[[], Rate]]


def usable(source: Path) -> tuple[list[str], list[str]]:
    """The kinds of hardware that decode this file, and OpenVINO's devices beside the CPU."""
    import av

    from streamer.engine.devices import DEVICES
    from streamer.engine.runtime import devices_here
    from streamer.source.hardware import on_this_machine

    with av.open(str(source.absolute())) as container:
        codec = container.streams.video[0].codec_context.codec.canonical_name
    there = {name.partition(".")[0] for name in devices_here()}
    return [f.kind for f in on_this_machine(codec=codec) if not f.reason], [
        d for d in DEVICES if d != "CPU" and d in there
    ]


def parts_on(kinds: list[str], devices: list[str], source: Path, config: RunConfig, frames: list[Frame]) -> Parts:
    """Decoding and a run with each kind; detection and a run on each device. Networks are loaded here."""
    from streamer.pipeline.engines import load_engines

    parts: Parts = {}
    for kind in kinds:
        parts[f"decode {kind}"] = partial(decode_once, source, kind)
    for device in devices:
        on_it = config.with_options(device=device)
        engines = load_engines(on_it)
        run_once(source, on_it, engines)  # compiles what is compiled when it is first needed
        parts[f"detect {device}"] = partial(repeat, frames, engines.detector.detect)
        parts[f"run {device}"] = partial(run_once, source, on_it, engines)
    if kinds:
        engines = load_engines(config)
        for kind in kinds:
            parts[f"run {kind}"] = partial(run_once, source, config.with_options(decode=kind), engines)
    return parts
