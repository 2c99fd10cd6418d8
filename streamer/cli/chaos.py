"""`alpr chaos`: serves a video as a camera with faults."""

from __future__ import annotations

import itertools
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlparse

import click

from streamer.chaos.fault_types import CLIP, FAULTS
from streamer.cli.console import start_log
from streamer.cli.options import log_options

if TYPE_CHECKING:
    from streamer.chaos.clip_camera import ClipCamera
    from streamer.chaos.fault_types import Fault
    from streamer.chaos.trial import Outcome

_RTSP_PORT = 554


@click.command(epilog="Faults: " + "; ".join(f"{name}: {text}" for name, text in FAULTS.items()) + ".")
@click.argument("source")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8554,
    show_default=True,
    metavar="PORT",
    help="Serve the camera on this TCP port of this machine.",
)
@click.option(
    "--fault",
    "names",
    multiple=True,
    type=click.Choice(list(FAULTS)),
    metavar="NAME",
    help="Fault to inject (listed below); may be repeated, faults then alternate.",
)
@click.option(
    "--percent",
    type=click.FloatRange(0, 100),
    default=5,
    show_default=True,
    metavar="PERCENT",
    help="Share of packets that a fault of packets affects, in percent.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="Length of each fault, in seconds.",
)
@click.option(
    "--pause",
    type=click.FloatRange(min=0.1),
    default=20,
    show_default=True,
    metavar="SECONDS",
    help="Time between two faults, in seconds.",
)
@click.option(
    "--trial", is_flag=True, help="Also read the camera here, and print how long recovery from each fault takes."
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="COUNT",
    help="With --trial: number of times that each fault is injected.",
)
@log_options
def chaos(
    source: str,
    port: int,
    names: tuple[str, ...],
    percent: float,
    seconds: float,
    pause: float,
    trial: bool,
    repeats: int,
    log_level: str | None,
    log_format: Literal["text", "json"],
) -> None:
    """Serve SOURCE as an RTSP camera with the chosen faults, until Ctrl-C.

    SOURCE: a video file (H.264 or H.265; needs GStreamer), or the rtsp:// address of a camera, whose stream is then
    served with the faults. Read it over TCP.
    """
    from streamer.chaos.fault_types import Fault
    from streamer.chaos.inject import begin, end
    from streamer.chaos.proxy import FaultyProxy

    start_log(log_level or "info", log_format)
    faults = [Fault(name, percent) for name in names]
    if trial:
        _trial(Path(source), faults, repeats, seconds)
        return
    with ExitStack() as stack:
        camera, host, upstream, path = stack.enter_context(_camera(source, [f.name for f in faults]))
        proxy = stack.enter_context(FaultyProxy(host, upstream, port))
        click.echo(f"rtsp://127.0.0.1:{proxy.port}{path}")
        quit_ = threading.Event()
        # An exception raised by the signal could interrupt a call of the proxy halfway.
        signal.signal(signal.SIGINT, lambda *_: quit_.set())
        for fault in itertools.cycle(faults) if faults else itertools.repeat(None):
            if quit_.wait(pause):
                raise KeyboardInterrupt
            if fault is None:
                continue
            click.echo(f"{fault}: for {seconds:g} s")
            begin(fault, camera, proxy)
            quit_.wait(seconds)
            end(fault, camera, proxy)
            click.echo(f"{fault}: over")


@contextmanager
def _camera(source: str, names: list[str]) -> Iterator[tuple[ClipCamera | None, str, int, str]]:
    """Our own camera behind the proxy (else None); its host, port, and the rest of its address."""
    if "://" not in source:
        with clip_camera(Path(source)) as camera:
            yield camera, "127.0.0.1", camera.port, "/clip"
        return
    parts = urlparse(source)
    if parts.scheme != "rtsp" or not parts.hostname:
        raise click.UsageError("SOURCE must be a video file or an rtsp:// address")
    if unusable := [name for name in names if name in CLIP]:
        raise click.UsageError(f"{', '.join(unusable)}: only for a video file as SOURCE, not for a camera")
    rest = parts.path + (f"?{parts.query}" if parts.query else "")
    yield None, parts.hostname, parts.port or _RTSP_PORT, rest


@contextmanager
def clip_camera(source: Path) -> Iterator[ClipCamera]:
    """A video file as a camera that can also freeze and change its size."""
    from streamer.chaos.clip import check_clip, still_and_other
    from streamer.chaos.clip_camera import ClipCamera

    check_clip(source)
    with tempfile.TemporaryDirectory(prefix="alpr-chaos-") as folder:
        still, other = still_and_other(source, Path(folder))
        with ClipCamera({"clip": source, "still": still, "other": other}) as camera:
            yield camera


def _trial(source: Path, faults: list[Fault], repeats: int, seconds: float) -> None:
    from streamer.chaos.trial import CATALOGUE, try_faults
    from streamer.config.models import LiveConfig

    click.echo("seconds from a fault's end to the first intact frame (and since a key frame was sent again, p95);")
    click.echo("frames during faults; leaked threads and memory")
    click.echo(f"{'fault':14s} median    p95    max (key)  frames reconnects lost threads    MB")
    with clip_camera(source) as camera:
        live = LiveConfig(frozen_s=3.0)
        for outcome in try_faults(camera, faults or CATALOGUE, repeats, seconds, live):
            click.echo(_row(outcome))


def _row(outcome: Outcome) -> str:
    times, after_key = sorted(outcome.recovered_s), sorted(outcome.after_key_s)
    p95 = min(len(times) - 1, int(0.95 * len(times)))
    return (
        f"{outcome.fault!s:14s} {times[len(times) // 2]:6.2f} {times[p95]:6.2f} {times[-1]:6.2f} "
        f"({after_key[p95]:.2f}) {outcome.frames_during:7d} {outcome.reconnects:10d} {outcome.lost:4d} "
        f"{outcome.threads:7d} {outcome.memory_mb:5.1f}"
    )
