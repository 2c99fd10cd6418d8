"""How many cameras this machine can read: the share of dropped frames with a given number of cameras."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.pipeline.engines import Engines

_CAMERA_S = 20.0
_WARM_S = 3.0
_MOST_DROPPED = 0.01
_RATE = 25.0


def measure_cameras(source: Path, config: RunConfig, engines: Engines, streams: int | None, most: bool) -> None:
    """Prints a row for `streams` cameras; with `most`, also for more, until too many frames are dropped."""
    click.echo("cameras  frames/s  dropped     age ms p50    p99   cores busy")
    count = streams or 1
    while True:
        dropped = _print_row(source, config, engines, count)
        if not most or dropped >= _MOST_DROPPED:
            return
        count += 1


def _print_row(source: Path, config: RunConfig, engines: Engines, count: int) -> float:
    """Plays the file as `count` cameras and prints a row; returns the share of dropped frames."""
    from streamer.config.models import CameraConfig
    from streamer.engine.runtime import available_cores
    from streamer.pipeline.site import run_site
    from streamer.pipeline.status import Streams

    site = config.model_copy(
        update={"cameras": {f"camera {k + 1}": CameraConfig(url=str(source), loop=True) for k in range(count)}}
    )
    streams = Streams()
    stop = threading.Event()
    work = partial(run_site, site, [], engines=engines, stop=stop, streams=streams)
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(_WARM_S)
    health = {w.name: w.health for w in streams.watched if w.health is not None}
    before = {name: (h.taken, h.dropped) for name, h in health.items()}
    for h in health.values():
        h.delays.clear()
    began, cpu = time.perf_counter(), time.process_time()
    time.sleep(_CAMERA_S)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    done = sum(h.taken - before[name][0] for name, h in health.items())
    delays = sorted(d for h in health.values() for d in list(h.delays))
    stop.set()
    thread.join()
    expected = seconds * count * _frames_per_second(source)
    dropped = max(0.0, 1 - done / expected)
    p50, p99 = (1e3 * delays[int(q * (len(delays) - 1))] for q in (0.5, 0.99)) if delays else (0.0, 0.0)
    busy = cpu / seconds / available_cores()
    click.echo(f"{count:7d} {done / seconds:9.1f} {dropped:7.2%}   {p50:12.1f} {p99:6.1f}   {busy:10.2f}")
    return dropped


def _frames_per_second(source: Path) -> float:
    import av

    with av.open(str(source.absolute())) as container:
        return float(container.streams.video[0].average_rate or _RATE)
