"""`alpr soak`: looped clips at speed, with broken connections, for hours; measures memory, threads and files."""

from __future__ import annotations

import csv
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from streamer.cli.console import start_log
from streamer.cli.loading import loaded_engines
from streamer.cli.options import cadence_option, log_options, model_options
from streamer.errors import InputError
from streamer.process.memory import keep_memory_small

if TYPE_CHECKING:
    from streamer.soak.measure import SoakResult
    from streamer.soak.probe import Sample

_PRINT_S = 60.0
_LEAST_S, _SURE_S = 600.0, 3600.0  # memory cannot be judged on less; after more it should be
_MOST_MB = 5.0  # per hour: highest upper bound of memory growth


@click.command()
@click.argument("clips", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="HOURS",
    help="Length of the run, in hours.",
)
@click.option(
    "--cameras",
    type=click.IntRange(min=1),
    metavar="COUNT",
    help="Number of cameras; they play the clips in turn. [default: one per clip]",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    metavar="FACTOR",
    help="Speed, as a multiple of real time.",
)
@click.option(
    "--reconnect-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    metavar="MINUTES",
    help="Mean time between two broken connections of a camera, in minutes.",
)
@click.option(
    "--warm-minutes",
    type=click.FloatRange(min=0),
    metavar="MINUTES",
    help="Leave this time at the start out of the measurement. [default: a tenth of --hours, 10 at most]",
)
@click.option(
    "--samples",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write one CSV row per sample of memory, threads, files and frame ages to this file.",
)
@model_options
@cadence_option
@log_options
def soak(
    clips: tuple[Path, ...],
    hours: float,
    cameras: int | None,
    speed: float,
    reconnect_minutes: float,
    warm_minutes: float | None,
    samples: Path | None,
    log_level: str | None,
    log_format: Literal["text", "json"],
    **options: Any,
) -> int:
    """Play CLIPS (video files) as cameras with broken connections, faster than real time, and measure growth of memory.

    Prints the slope of the memory with its upper 95 % bound, the frame age, and leaked threads and files. Exit code 1
    where that bound is over 5 MB an hour or something leaked. Ctrl-C ends the run and prints the report so far.
    """
    from streamer.config.models import RunConfig
    from streamer.soak.measure import Plan, soak

    keep_memory_small()
    start_log(log_level or "info", log_format)
    for clip in clips:
        if not clip.is_file():
            raise InputError(f"{clip}: is no file: give video files to play", at=clip)
    config = RunConfig().with_options(**options)
    seconds = 3600 * hours
    warm_s = 60 * warm_minutes if warm_minutes is not None else min(600.0, seconds / 10)
    played = tuple(clips[k % len(clips)] for k in range(cameras or len(clips)))
    plan = Plan(played, seconds, speed, 60 * reconnect_minutes, min(5.0, seconds / 100), warm_s)
    click.echo(f"{len(played)} cameras at {speed:g} times real time for {hours:g} h")
    click.echo(f"{'min':>6s} {'MB':>7s} threads files  age ms p50    p99   frames    rows dropped reconnects")
    with (
        tempfile.TemporaryDirectory(prefix="alpr-soak-") as folder,
        _stopped() as stop,
        _samples_to(samples) as on_sample,
    ):
        done = soak(plan, config, loaded_engines(config), Path(folder), stop, on_sample)
    return _report(done, plan.speed, len(played))


@contextmanager
def _stopped() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM end the run; the report is still printed."""
    import signal

    stop = threading.Event()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _samples_to(path: Path | None) -> Iterator[Callable[[Sample], None]]:
    """Prints one sample per minute and writes all to the file."""
    from streamer.sink.opening import output_errors
    from streamer.soak.probe import Sample

    last = [-_PRINT_S]
    with tempfile.TemporaryFile("w") if path is None else _open(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([f.name for f in fields(Sample)])

        def write(sample: Sample) -> None:
            with output_errors(path or Path("samples")):
                writer.writerow([f"{v:.2f}" if isinstance(v, float) else v for v in asdict(sample).values()])
                stream.flush()
            if sample.at_s - last[0] >= _PRINT_S:
                last[0] = sample.at_s
                click.echo(_line(sample))

        yield write


def _open(path: Path) -> Any:
    from streamer.sink.opening import output_errors

    with output_errors(path):
        return path.open("w", encoding="utf-8", newline="")


def _line(s: Sample) -> str:
    return (
        f"{s.at_s / 60:6.1f} {s.memory_mb:7.1f} {s.tasks:7d} {s.files:5d} {s.age_p50_ms:11.1f} {s.age_p99_ms:6.1f} "
        f"{s.frames:8d} {s.rows:7d} {s.dropped:7d} {s.reconnects:10d}"
    )


def _report(done: SoakResult, speed: float, cameras: int) -> int:
    """Prints the result; returns 1 where memory may grow too much, or something leaked."""
    if not done.samples:
        click.echo("stopped before the first sample")
        return 0
    last = done.samples[-1]
    camera_h = last.at_s / 3600 * cameras * speed
    click.echo(_line(last))
    click.echo(f"played     {camera_h:8.2f} h of camera time, {last.frames} frames, {last.reconnects} reconnects")
    click.echo(f"dropped    {last.dropped / max(last.frames + last.dropped, 1):8.2%} of the frames")
    bad, undecided = [], ""
    memory, age = done.trend("memory_mb"), done.trend("age_p99_ms")
    if memory is None or age is None:
        click.echo("too few samples after warming up for a slope: let it run longer")
        undecided = "too short to measure whether memory grows: give more --hours"
    else:
        click.echo(
            f"memory     {memory.slope:+8.2f} MB an hour (95 %: from {memory.low:+.2f}, at most {memory.high:+.2f})"
        )
        click.echo(f"age p99    {age.slope:+8.2f} ms an hour (95 %: from {age.low:+.2f}, at most {age.high:+.2f})")
        settled = done.settled
        short = settled[-1].at_s - settled[0].at_s < _LEAST_S
        if short or (memory.low <= _MOST_MB < memory.high and settled[-1].at_s < _SURE_S):
            undecided = "too short to measure whether memory grows: give more --hours"
        elif memory.high > _MOST_MB:
            bad.append(f"memory may grow by {memory.high:.1f} MB an hour")
    for name in ("threads", "files"):
        before, after = getattr(done.before, name), getattr(done.after, name)
        click.echo(f"{name:10s} {before:8d} before the cameras, {after} after them")
        if after > before:
            bad.append(f"{after - before} {name} left behind")
    fine = f"{undecided}; nothing is left behind" if undecided else "nothing grows, nothing is left behind"
    click.echo(f"result     {'; '.join(bad) or fine}")
    return int(bool(bad))
