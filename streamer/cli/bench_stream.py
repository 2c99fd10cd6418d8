"""`alpr bench stream`: the speed of a whole run and of its parts, and how many cameras this machine can read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from streamer.cli.bench_cameras import measure_cameras
from streamer.cli.bench_hardware import parts_on, usable
from streamer.cli.bench_rates import Rate, decode_once, decoded_frames, fresh_run, recode_once, repeat, run_once
from streamer.cli.loading import loaded_engines
from streamer.cli.machine import cpu_name, spread
from streamer.cli.options import cadence_option, decode_option, model_options
from streamer.config.urls import redact
from streamer.errors import InputError

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.pipeline.engines import Engines
    from streamer.types import Frame


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="COUNT",
    help="Number of measurements of each.",
)
@click.option("--video", is_flag=True, help="Also measure runs that write the annotated video.")
@click.option(
    "--streams",
    type=click.IntRange(min=1),
    metavar="COUNT",
    help="Play the files as this many cameras instead; with --most, begin with as many.",
)
@click.option(
    "--most", is_flag=True, help="Find the number of cameras that can be read with under 1 % of the frames dropped."
)
@click.option(
    "--sleep",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Whether these cameras sleep while nothing happens (live.sleep).",
)
@model_options
@cadence_option
@decode_option
def stream(
    sources: tuple[Path, ...], rounds: int, video: bool, streams: int | None, most: bool, sleep: str, **options: Any
) -> None:
    """Measure `alpr run SOURCE` in frames per second, beside decoding alone and the other parts of the work.

    With --streams or --most files are played as cameras in a loop, several in turn: long ones, as a camera looks at
    every frame for some seconds at each beginning before it may sleep.

    All are measured in turn in one process, so that a busy or throttled machine slows all; prints medians. The first
    run warms up caches and is not counted. Hardware that decodes the file, and devices that OpenVINO finds, get lines
    of their own (docs/hardware.md).
    """
    from streamer.config.models import RunConfig
    from streamer.engine.runtime import available_cores

    for source in sources:
        if not source.is_file():
            raise InputError(f"{redact(str(source))}: is no file: give a video file to measure on")
    source = sources[0]
    config = RunConfig.model_validate({"live": {"sleep": sleep}}).with_options(**options)
    engines = loaded_engines(config)
    click.echo(f"cpu      {cpu_name()}, {available_cores()} cores, threads {config.threads or 'all'}")
    click.echo(f"source   {', '.join(map(str, sources))}")
    if streams or most:
        measure_cameras(sources, config, engines, streams, most)
        return
    if len(sources) > 1:
        raise click.UsageError("several files are for --streams and --most: give one to measure a run")
    _parts(source, config, engines, rounds)
    if video:
        _with_video(source, config, engines, rounds)
    seconds, peak = fresh_run(source)
    click.echo(f"start    {seconds:8.2f} s from the command to the first reading, {peak:.0f} MB at most in that run")


def _parts(source: Path, config: RunConfig, engines: Engines, rounds: int) -> None:
    from streamer.engine.runtime import available_cores

    run_once(source, config, engines)
    frames = decoded_frames(source)
    parts: dict[str, Callable[[], Rate]] = {
        "decode": lambda: decode_once(source),
        "shrink": lambda: repeat(frames, _shrink),
        "detect": lambda: repeat(frames, engines.detector.detect),
        "read": lambda: repeat(frames, lambda frame: engines.read(frame, [_plate_quad(frame)])),
        "run": lambda: run_once(source, config, engines),
    }
    kinds, devices = usable(source)
    click.echo(f"hardware decoding: {', '.join(kinds) or 'none'}; networks: {', '.join(['CPU', *devices])}")
    parts |= parts_on(kinds, devices, source, config, frames)
    rates: dict[str, list[Rate]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, measure in parts.items():
            rates[name].append(measure())
    width = max(8, *map(len, rates))
    for name, found in rates.items():
        fps = [r.fps for r in found]
        unit = "plates/s" if name == "read" else "frames/s"
        cpu = median(r.cpu_ms for r in found)
        click.echo(f"{name:{width}s} {median(fps):8.1f} {unit}   {cpu:6.2f} ms of the cores each   ({spread(fps)})")
    bare, full = (median(r.fps for r in rates[name]) for name in ("decode", "run"))
    cpu = median(r.cpu_ms for r in rates["run"])
    click.echo(f"ratio    {full / bare:8.3f} of bare decoding")
    click.echo(f"busy     {cpu * full / 1e3 / available_cores():8.3f} of the cores' time while it runs")


def _with_video(source: Path, config: RunConfig, engines: Engines, rounds: int) -> None:
    """Measures runs with an annotated video, and decoding and encoding of the same frames."""
    import tempfile

    from streamer.sink.video import VideoSink

    with tempfile.TemporaryDirectory(prefix="alpr-bench-") as folder:
        path = Path(folder) / "out.mp4"
        bare, full = [], []
        for _ in range(rounds):
            bare.append(recode_once(source, path, config))
            full.append(run_once(source, config, engines, lambda: [VideoSink(path, config.video)]))
    bare_fps, fps = median(r.fps for r in bare), median(r.fps for r in full)
    click.echo(f"recode   {bare_fps:8.1f} frames/s   {median(r.cpu_ms for r in bare):6.2f} ms of the cores each")
    click.echo(f"video    {fps:8.1f} frames/s   {median(r.cpu_ms for r in full):6.2f} ms of the cores each")
    click.echo(f"ratio    {fps / bare_fps:8.3f} of bare decoding and encoding")


def _plate_quad(frame: Frame) -> Any:
    """A quad of a plate's size in the centre of the frame."""
    import numpy as np

    from streamer.geometry import box_quad

    x, y = frame.width / 2, frame.height / 2
    return box_quad(np.array([x - 70, y - 22, x + 70, y + 22]))


def _shrink(frame: Frame) -> None:
    from streamer.engine.detector import net_size
    from streamer.image.warp import letterbox

    letterbox(frame, *net_size(frame.width, frame.height))
