"""How many cameras this machine can read: the share of dropped frames with a given number of cameras."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from streamer.config.models import CameraConfig, LiveConfig, RunConfig
    from streamer.pipeline.engines import Engines
    from streamer.pipeline.status import Streams
    from streamer.source.source import Source

_CAMERA_S = 20.0
_WARM_S = 3.0
_LEARNS_S = 8.0  # beyond `live.sleep_after_s`: until cameras that can sleep do
_PHASE_S = 0.37  # from the beginning of one camera to the next: key frames must not come at once
_PHASES = 7
_MOST_DROPPED = 0.01
_RATE = 25.0
_USABLE = 0.75  # of the cores: beyond, frames of cameras that need them at once come too late
_TRAFFIC = 0.1  # share of the time in which vehicles are in view of a camera called mixed
_WHILE_S = 6.0  # for so long each time
_HEAD = "cameras  frames/s  asleep  dropped     age ms p50    p99   cores busy  cores each  plates"


def measure_cameras(
    sources: Sequence[Path], config: RunConfig, engines: Engines, streams: int | None, most: bool
) -> None:
    """Prints a row for `streams` cameras; with `most`, for more: twice as many each time until too many frames are
    dropped, then between; then what the rows say of other cameras."""
    click.echo(_HEAD)
    fits, count = 0, streams or 1
    rows: list[Row] = []

    def fitting() -> bool:
        rows.append(_print_row(sources, config, engines, count))
        return rows[-1].dropped < _MOST_DROPPED

    while (fit := fitting()) and most:
        fits, count = count, 2 * count
    if not most:
        return
    beyond = count
    while not fit and beyond - fits > max(1, fits // 16):
        count = (fits + beyond) // 2
        if fitting():
            fits = count
        else:
            beyond = count
    click.echo(f"most     {fits} cameras with under {_MOST_DROPPED:.0%} of the frames dropped")
    _print_model(sources, config, engines, rows)


class Row(NamedTuple):
    """What was measured: the share of the frames that were dropped or came too late to be taken, the mean share of
    cameras asleep, and of a core for each camera."""

    dropped: float
    asleep: float
    cores: float


def _print_model(sources: Sequence[Path], config: RunConfig, engines: Engines, rows: Sequence[Row]) -> None:
    """What a camera costs awake and asleep, and how many would fit that see vehicles never, now and then, and always.

    Awake: measured with sleep never; asleep: what is left of the row with the most asleep."""
    from streamer.engine.runtime import available_cores

    never = config.model_copy(update={"live": config.live.model_copy(update={"sleep": "never"})})
    awake = _print_row(sources, never, engines, 1).cores
    room = _USABLE * available_cores()
    fits = {"busy": room / awake}
    told = f"cost     awake {awake:.3f} of a core"
    best = max(rows, key=lambda row: row.asleep)
    if best.asleep > 0.5:
        asleep = max(1e-4, (best.cores - (1 - best.asleep) * awake) / best.asleep)
        share = _TRAFFIC * (1 + config.live.sleep_after_s / _WHILE_S)
        fits |= {"mixed": room / (share * awake + (1 - share) * asleep), "quiet": room / asleep}
        told += f", asleep {asleep:.3f}"
    click.echo(told)
    click.echo(f"model    {_USABLE:.0%} of the cores: " + ", ".join(f"{int(n)} {kind}" for kind, n in fits.items()))


def _print_row(sources: Sequence[Path], config: RunConfig, engines: Engines, count: int) -> Row:
    """Plays the files as `count` cameras, and prints a row."""
    from streamer.config.models import CameraConfig
    from streamer.engine.runtime import available_cores
    from streamer.pipeline.cameras import camera_source
    from streamer.pipeline.site import run_site
    from streamer.pipeline.status import Streams

    names = {f"camera {k + 1}": k for k in range(count)}
    cameras = {n: CameraConfig(url=str(sources[k % len(sources)]), loop=True) for n, k in names.items()}
    begun = itertools.count()

    def begin(camera: CameraConfig, live: LiveConfig) -> Source:
        time.sleep(next(begun) % _PHASES * _PHASE_S)
        return camera_source(camera, live)

    streams, stop = Streams(), threading.Event()
    site = config.model_copy(update={"cameras": cameras, "overload": "drop"})
    work = partial(run_site, site, [], engines=engines, stop=stop, streams=streams, source_of=begin)
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(_WARM_S)
    if config.live.sleep != "never":
        _wait_for_sleep(streams, config.live.sleep_after_s + _LEARNS_S)
    before, cpu = _counts(streams), time.process_time()
    for w in streams.watched:
        if w.health is not None:
            w.health.delays.clear()
    began = time.perf_counter()
    asleep: list[float] = []
    while (seconds := time.perf_counter() - began) < _CAMERA_S:
        time.sleep(_CAMERA_S / 40)
        asleep.append(_asleep(streams))
    cpu, now = time.process_time() - cpu, _counts(streams)
    delays = sorted(d for w in streams.watched if w.health is not None for d in list(w.health.delays))
    stop.set()
    thread.join()
    taken, arrived, lost, plates = (a - b for a, b in zip(now, before, strict=True))
    expected = seconds * sum(_frames_per_second(Path(c.url)) for c in cameras.values())
    dropped = min(1.0, max(0.0, 1 - arrived / expected) + lost / expected)
    p50, p99 = (1e3 * delays[int(q * (len(delays) - 1))] for q in (0.5, 0.99)) if delays else (0.0, 0.0)
    busy = cpu / seconds
    click.echo(
        f"{count:7d} {taken / seconds:9.1f} {sum(asleep) / len(asleep):7.0%} {dropped:8.2%}   {p50:12.1f} {p99:6.1f}   "
        f"{busy / available_cores():10.2f} {busy / count:11.3f} {plates:7d}"
    )
    return Row(dropped, sum(asleep) / len(asleep), busy / count)


def _wait_for_sleep(streams: Streams, seconds: float) -> None:
    """Waits until no more cameras fall asleep: all are awake at the beginning, which may be too much at once."""
    most, until = 0.0, time.perf_counter() + seconds
    while most < 1 and time.perf_counter() < until:
        time.sleep(_CAMERA_S / 40)
        now = _asleep(streams)
        if now > most:
            most, until = now, time.perf_counter() + seconds


def _asleep(streams: Streams) -> float:
    """The share of cameras that sleep now."""
    asleep = [w.health.asleep for w in streams.watched if w.health is not None]
    return sum(asleep) / max(1, len(asleep))


def _counts(streams: Streams) -> tuple[int, int, int, int]:
    """Frames processed, arrived and dropped, and plates, over all cameras."""
    watched = [(w.summary, w.health) for w in streams.watched if w.health is not None]
    return (
        sum(h.taken for _, h in watched),
        sum(h.arrived for _, h in watched),
        sum(h.dropped for _, h in watched),
        sum(s.passages + s.waiting for s, _ in watched),
    )


def _frames_per_second(source: Path) -> float:
    import av

    with av.open(str(source.absolute())) as container:
        return float(container.streams.video[0].average_rate or _RATE)
